import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { replayHub } from '../../cli/replay/replaying.ts'
import { right } from '../support/either.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { entriesIn, requestOf, withOutput } from '../support/replay.ts'

describe('replay of a real hub', () => {
  let hub: TestHub
  let secret: string
  beforeAll(async () => {
    hub = await startTestHub()
    const node = { client_id: 'lab', name: 'Lab', scopes: ['feed:read', 'people:read', 'pols:read'] }
    const enrolled = await right(
      hub.core.nodes.enroll(
        {
          clientId: 'lab',
          by: 'all',
          preconditions: {},
          context: { actor: { kind: 'operator', id: 'test' }, requestId: 'r', commandId: 'c' },
        },
        node,
      ),
    )
    secret = enrolled.secret ?? ''
    await hub.root.post('/people/ANA', { name: 'Ana' })
    for (const id of ['p1', 'p2', 'p3']) await hub.root.post(`/pols/ANA/${id}`, { summary: id })
  })
  afterAll(() => hub.close())

  it('gives what the node may read, in the form of the store’s', async () => {
    const request = requestOf({ url: hub.url, clientId: 'lab' }, { THALAMUS_CLIENT_SECRET: secret })
    const access = request.hub
    if (access === undefined) throw new Error('no hub')
    const { code, out, err } = await withOutput([], surroundings =>
      replayHub(access, request, undefined, surroundings),
    )
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(entriesIn(out).map(({ resource, id }) => `${resource} ${id}`)).toEqual([
      'people ARGBUE111FAV',
      'people ANA',
      'pols ANA/p1',
      'pols ANA/p2',
      'pols ANA/p3',
    ])
  })
})
