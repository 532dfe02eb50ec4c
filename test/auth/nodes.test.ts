import { describe, expect, it } from 'vitest'
import { clientSecrets } from '../../auth/client-secrets.ts'
import { nodeUseCases } from '../../auth/nodes.ts'
import { makeStanding } from '../../auth/standing.ts'
import { commandHandler } from '../../commands/handle.ts'
import { makeTurns } from '../../commands/turns.ts'
import { openLog } from '../../stores/codec.ts'
import { memoryAuthStore } from '../../stores/memory/auth-store.ts'
import { memoryLog } from '../../stores/memory/event-log.ts'
import { right } from '../support/either.ts'
import { testKeys } from '../support/keys.ts'

/** Processes that share a log and a store of credentials. */
const processes = async (count: number) => {
  const { log } = await right(openLog(memoryLog(), testKeys))
  const store = memoryAuthStore()
  return Array.from({ length: count }, () => {
    const handle = commandHandler({ log, turns: makeTurns(100), now: () => new Date() })
    const standing = makeStanding({ position: 0n, accounts: new Map(), nodes: new Map() })
    const secrets = clientSecrets(store)
    return { standing, secrets, nodes: nodeUseCases(handle, secrets, standing, async () => {}) }
  })
}

const write = (commandId: string) => ({
  clientId: 'clinic',
  by: 'all' as const,
  preconditions: {},
  context: { actor: { kind: 'operator' as const, id: 'o' }, requestId: 'r', commandId, fingerprint: 'f' },
})
const clinic = { client_id: 'clinic', name: 'Clinic', scopes: ['people:read'] }

describe('the same request with a key, at two processes at once', () => {
  it('shows one secret, and it is the one that opens', async () => {
    const all = await processes(2)
    const [first] = all
    for (const attempt of ['enroll', 'issueSecret'] as const) {
      const outcomes = await Promise.all(
        all.map(({ nodes }) =>
          right(attempt === 'enroll' ? nodes.enroll(write('c1'), clinic) : nodes.issueSecret(write('c2'))),
        ),
      )
      const shown = outcomes.flatMap(({ secret }) => secret ?? [])
      expect(shown).toHaveLength(1)
      const node = all.map(({ standing }) => standing.node('clinic')).find(known => known !== undefined)
      if (first === undefined || node === undefined) throw new Error('no node')
      expect(await right(first.secrets.verify(node, shown[0] ?? ''))).toEqual(expect.any(String))
    }
  })
})

describe('a client secret', () => {
  it('is remembered while it lives, and not a moment longer', async () => {
    const [one] = await processes(1)
    if (one === undefined) throw new Error('no process')
    const { nodes, secrets, standing } = one
    const { secret = '' } = await right(nodes.enroll(write('c1'), clinic))
    const node = () =>
      standing.node('clinic') ?? { ...clinic, status: 'active' as const, credentials: [], suspensions: 0 }
    expect(secrets.isRemembered(node(), secret)).toBe(false)
    expect(await right(secrets.verify(node(), secret))).toEqual(expect.any(String))
    expect(secrets.isRemembered(node(), secret)).toBe(true)
    await right(nodes.issueSecret(write('c2')))
    await right(nodes.retireOldSecret(write('c3')))
    expect(secrets.isRemembered(node(), secret)).toBe(false)
    expect(await right(secrets.verify(node(), secret))).toBeUndefined()
  })
})
