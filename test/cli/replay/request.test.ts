import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type ReplayOptions, replayRequestOf } from '../../../cli/replay/request.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { requestOf } from '../../support/replay.ts'

const url = 'https://hub.example.org'

it('takes nothing at all as the whole history as NDJSON', () => {
  expect(requestOf({})).toEqual({
    after: undefined,
    to: undefined,
    filter: { types: undefined, since: undefined, until: undefined, stream: undefined },
    result: { is: 'history', format: 'ndjson', out: undefined },
    hub: undefined,
  })
})

it('takes times with any zone as moments, and types once each', () => {
  const options = {
    since: '2026-01-01',
    until: '2026-01-01T02:00:00+01:00',
    types: 'PageWritten, PageWritten',
  }
  expect(requestOf(options).filter).toMatchObject({
    types: ['PageWritten'],
    since: '2026-01-01T00:00:00',
    until: '2026-01-01T01:00:00',
  })
})

it.each<[ReplayOptions, readonly string[]]>([
  [{ since: 'yesterday' }, ['--since: must be a time']],
  [{ until: '2026-02-30' }, ['--until: must be a time']],
  [{ since: '2026-01-02', until: '2026-01-01' }, ['--until: must not be before --since']],
  [{ types: 'PageRead' }, ['no type PageRead; there are: PersonRegistered, ']],
  [{ types: 'HubFounded' }, ['no type HubFounded']],
  [{ types: ',' }, ['--types: names no type']],
  [{ types: 'NodeEnrolled', url }, ['no type NodeEnrolled; the feed of a hub has: ']],
  [{ stream: '' }, ['--stream: ']],
  [{ format: 'xml' }, ['--format: must be one of ndjson, csv']],
  [{ out: '' }, ['--out: ']],
  [{ reduce: 'fold.ts', out: 'x' }, ['--reduce: ']],
  [{ url: 'hub', tokenFile: '/nowhere' }, ['--url: ', '--token-file: ']],
  [{ url: `${url}/feed` }, ['--url: must be the origin']],
  [{ url: 'https://a:b@hub.example.org' }, ['--url: must be the origin']],
  [{ url }, ['--url: needs an access token']],
  [{ url, clientId: 'lab' }, ['--client-id: needs its secret']],
  [{ url, clientSecretStdin: true }, ['--client-secret-stdin: only together with --client-id']],
  [{ clientId: 'lab' }, ['--client-id: only together with --url']],
  [
    { since: 'x', until: 'y', types: 'z', format: 'w' },
    ['--since: ', '--until: ', '--types: ', '--format: '],
  ],
])('refuses %j with every problem', (options, problems) => {
  const read = replayRequestOf(options, {})
  expect(read).toMatchObject({ _tag: 'Left' })
  const texts = read._tag === 'Left' ? read.left.join('\n') : ''
  for (const problem of problems) expect(texts).toContain(problem)
})

it('takes a token or a secret from the environment, never as an option', () => {
  expect(requestOf({ url }, { THALAMUS_TOKEN: 'abc' }).hub).toEqual({
    url,
    credentials: { is: 'token', token: 'abc' },
  })
  expect(requestOf({ url: `${url}/`, clientId: 'lab' }, { THALAMUS_CLIENT_SECRET: 's' }).hub).toEqual({
    url,
    credentials: { is: 'client', id: 'lab', secret: 's' },
  })
  const folder = temporaryFolder()
  const missing = replayRequestOf({ url, tokenFile: join(folder.path, 'token') }, {})
  folder.remove()
  expect(missing._tag).toBe('Left')
})
