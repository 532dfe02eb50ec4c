import { randomUUID } from 'node:crypto'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as E from '#fp/Either'
import { nodeAccount } from '../../auth/standing.ts'
import { type Core, openCore } from '../../core.ts'
import { itemDecider } from '../../domain/item-decider.ts'
import { people } from '../../domain/people.ts'
import { right } from '../support/either.ts'
import { temporaryFolder } from '../support/folder.ts'
import { registerByOperator, testConfig } from '../support/hub.ts'

const minute = 60_000
const hour = 60 * minute

/** The log is backed up first, the credentials within the hour: those that the log's backup names must be there still. */
describe('a credential that is superseded stays an hour', () => {
  const folder = temporaryFolder()
  let core: Core
  beforeAll(async () => {
    core = await openCore(testConfig(folder.path), pino({ level: 'silent' }))
  })
  afterAll(async () => {
    vi.useRealTimers()
    await core.close()
    folder.remove()
  })

  const later = (milliseconds: number) =>
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds })
  const sweep = () => right(core.auth.sweepCredentials(Date.now() - hour, core.standing.holds))
  const isKept = async (account: string, version: string) =>
    (await right(core.auth.credential(account, version))) !== undefined
  /** Whether a credential is kept 58 minutes from now, and whether it is 61 minutes from now. */
  const keptForAnHour = async (account: string, version: string) => {
    later(58 * minute)
    await sweep()
    const before = await isKept(account, version)
    later(3 * minute)
    await sweep()
    return [before, await isKept(account, version)]
  }

  const context = () => ({
    actor: { kind: 'operator' as const, id: 'test' },
    requestId: randomUUID(),
    commandId: randomUUID(),
  })
  const write = (id: string) => ({ identity: { id }, conditional: false, context: context() })
  const setPassword = (id: string, preconditions = {}) =>
    core.people.setPassword(write(id), 'another password', preconditions)
  const credentialOf = (id: string) => core.standing.account(id)?.credential ?? ''
  /** A person whose password was set just now. */
  const registered = async (id: string) => {
    await registerByOperator(core, id, 'gnusolidario', [])
    return credentialOf(id)
  }

  it('though it was added less than an hour before', async () => {
    const old = await registered('ESPSUP001ORG')
    later(55 * minute)
    await right(setPassword('ESPSUP001ORG'))
    expect(await keptForAnHour('ESPSUP001ORG', old)).toEqual([true, false])
    expect(await isKept('ESPSUP001ORG', credentialOf('ESPSUP001ORG'))).toBe(true)
  })

  it('though a change was refused less than an hour before', async () => {
    const old = await registered('ESPSUP002ORG')
    later(2 * hour)
    await sweep()
    expect(await setPassword('ESPSUP002ORG', { ifMatch: [99] })).toMatchObject({ _tag: 'Left' })
    later(55 * minute)
    await right(setPassword('ESPSUP002ORG'))
    expect(await keptForAnHour('ESPSUP002ORG', old)).toEqual([true, false])
  })

  it('where its person is removed', async () => {
    const old = await registered('ESPSUP003ORG')
    await right(
      core.people.changeAccess(write('ESPSUP003ORG'), {
        _tag: 'SetActive',
        active: false,
        preconditions: {},
      }),
    )
    later(55 * minute)
    const removal = write('ESPSUP003ORG')
    await right(
      core.writeItem({
        ...removal,
        resource: people,
        decider: itemDecider(people, removal.identity),
        prepare: async () => E.right({ _tag: 'Remove', preconditions: {} }),
      }),
    )
    expect(await keptForAnHour('ESPSUP003ORG', old)).toEqual([true, false])
  })

  it('where it is a secret of a node that was retired, or whose node was', async () => {
    const clinic = { client_id: 'clinic', name: 'Clinic', scopes: ['people:read'] }
    const ofClinic = () => ({
      clientId: 'clinic',
      by: 'all' as const,
      preconditions: {},
      context: context(),
    })
    await right(core.nodes.enroll(ofClinic(), clinic))
    await right(core.nodes.issueSecret(ofClinic()))
    const [old = '', present = ''] = core.standing.node('clinic')?.credentials ?? []
    later(55 * minute)
    await right(core.nodes.retireOldSecret(ofClinic()))
    expect(await keptForAnHour(nodeAccount('clinic'), old)).toEqual([true, false])
    await right(core.nodes.setStatus(ofClinic(), 'retired'))
    expect(await keptForAnHour(nodeAccount('clinic'), present)).toEqual([true, false])
  })
})
