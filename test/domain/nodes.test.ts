import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { DomainEvent } from '../../domain/event.ts'
import type { JsonObject } from '../../domain/json.ts'
import {
  type Authority,
  type NodeCommand,
  type NodeState,
  nodeDecider,
  parseNode,
  shownNode,
} from '../../domain/nodes.ts'

const managed = { by: 'all' as const, preconditions: {} }
const clinic: JsonObject = { client_id: 'clinic', name: 'Clinic', scopes: ['people:read', 'pols:write'] }
const enroll = (node: JsonObject = clinic, by: Authority = 'all'): NodeCommand => ({
  _tag: 'Enroll',
  node,
  credential: 'v1',
  preconditions: {},
  by,
})
const change = (patch: JsonObject, by: Authority = 'all'): NodeCommand => ({
  _tag: 'Change',
  patch,
  preconditions: {},
  by,
})
const issue = (credential: string): NodeCommand => ({ _tag: 'IssueSecret', credential, ...managed })
const retireOld: NodeCommand = { _tag: 'RetireOldSecret', ...managed }
const addKeys = (...keys: readonly JsonObject[]): NodeCommand => ({ _tag: 'AddKeys', keys, ...managed })
const setStatus = (status: 'active' | 'suspended' | 'retired'): NodeCommand => ({
  _tag: 'SetStatus',
  status,
  ...managed,
})

const nodeAfter = (...commands: readonly NodeCommand[]): NodeState =>
  commands.reduce<NodeState>((state, command) => {
    const decided = nodeDecider.decide(command, state)
    if (E.isLeft(decided)) throw new Error(decided.left._tag)
    return decided.right.reduce(nodeDecider.evolve, state)
  }, nodeDecider.initial)

const decide = (command: NodeCommand, ...before: readonly NodeCommand[]) =>
  nodeDecider.decide(command, nodeAfter(...before))
const events = (...expected: readonly DomainEvent[]) => E.right(expected)
const rejected = (tag: string) => E.left(expect.objectContaining({ _tag: tag }))

describe('Enroll', () => {
  it('is NodeEnrolled, naming the version of the secret and never the secret', () => {
    expect(decide(enroll())).toEqual(events({ type: 'NodeEnrolled', data: clinic, credential: 'v1' }))
  })
  it('accepts the same node again without a new event, in whatever order its scopes are', () => {
    expect(decide(enroll({ ...clinic, scopes: ['pols:write', 'people:read'] }), enroll())).toEqual(events())
    expect(decide(enroll(), enroll(), change({ name: 'New' }))).toEqual(events())
    expect(decide(enroll({ ...clinic, name: 'New' }), enroll(), change({ name: 'New' }))).toEqual(events())
    expect(decide(enroll(), enroll(), setStatus('retired'))).toEqual(events())
  })
  it('rejects another node of the same id, and scopes beyond those of a node that enrolls', () => {
    expect(decide(enroll({ ...clinic, name: 'Another' }), enroll())).toEqual(
      rejected('ExistsWithOtherContent'),
    )
    const manager = { clientId: 'manager', scopes: ['people:read'] }
    expect(decide(enroll(clinic, manager))).toEqual(rejected('FieldNotAllowed'))
    const self = { clientId: 'clinic', scopes: ['people:read', 'pols:write'] }
    expect(decide(enroll(clinic, self))).toEqual(rejected('FieldNotAllowed'))
  })
})

describe('Change', () => {
  it('is NodeChanged with what differs, and NodeKeysRotated where keys do', () => {
    expect(decide(change({ name: 'New', scopes: ['people:read', 'pols:write'] }), enroll())).toEqual(
      events({ type: 'NodeChanged', data: { name: 'New' } }),
    )
    const jwks = { keys: [{ kty: 'OKP' }] }
    expect(decide(change({ institution: 'i', jwks }), enroll())).toEqual(
      events(
        { type: 'NodeChanged', data: { institution: 'i' } },
        { type: 'NodeKeysRotated', data: { jwks } },
      ),
    )
  })
  it('accepts what is so already without a new event', () => {
    expect(decide(change({ name: 'Clinic', institution: null, jwks: null }), enroll())).toEqual(events())
  })
  it('rejects a node that never was or is retired, and scopes beyond the changing node’s', () => {
    expect(decide(change({ name: 'New' }))).toEqual(rejected('NeverWas'))
    expect(decide(change({ name: 'New' }), enroll(), setStatus('retired'))).toEqual(rejected('WrongState'))
    const manager = { clientId: 'manager', scopes: ['people:read', 'pols:write'] }
    expect(decide(change({ scopes: ['people:delete'] }, manager), enroll())).toEqual(
      rejected('FieldNotAllowed'),
    )
    expect(decide(change({ name: 'New' }, { ...manager, clientId: 'clinic' }), enroll())).toEqual(
      rejected('FieldNotAllowed'),
    )
  })
})

describe('AddKeys', () => {
  const [old, fresh] = [{ x: 'old' }, { x: 'new' }]
  it('is NodeKeysRotated with the new keys beside the old ones', () => {
    expect(decide(addKeys(fresh), enroll(), addKeys(old))).toEqual(
      events({ type: 'NodeKeysRotated', data: { jwks: { keys: [fresh, old] } } }),
    )
  })
  it('accepts keys that are there without a new event', () => {
    expect(decide(addKeys(old), enroll(), addKeys(fresh, old))).toEqual(events())
  })
  it('rejects more than ten keys', () => {
    const many = Array.from({ length: 10 }, (_, n) => ({ n }))
    expect(decide(addKeys(fresh), enroll(), addKeys(...many))).toEqual(rejected('WrongState'))
  })
})

describe('IssueSecret', () => {
  it('is NodeSecretIssued, beside the old one', () => {
    expect(decide(issue('v2'), enroll())).toEqual(
      events({ type: 'NodeSecretIssued', data: {}, credential: 'v2' }),
    )
    expect(nodeAfter(enroll(), issue('v2'))).toMatchObject({ item: { credentials: ['v1', 'v2'] } })
  })
  it('rejects a third while two live, and a retired node', () => {
    expect(decide(issue('v3'), enroll(), issue('v2'))).toEqual(rejected('WrongState'))
    expect(decide(issue('v2'), enroll(), setStatus('retired'))).toEqual(rejected('WrongState'))
  })
})

describe('RetireOldSecret', () => {
  it('is NodeOldSecretRetired: the newest stays', () => {
    expect(decide(retireOld, enroll(), issue('v2'))).toEqual(
      events({ type: 'NodeOldSecretRetired', data: {} }),
    )
    expect(nodeAfter(enroll(), issue('v2'), retireOld)).toMatchObject({ item: { credentials: ['v2'] } })
  })
  it('accepts that there is no old one without a new event', () => {
    expect(decide(retireOld, enroll())).toEqual(events())
  })
  it('rejects a node that never was', () => {
    expect(decide(retireOld)).toEqual(rejected('NeverWas'))
  })
})

describe('SetStatus', () => {
  it.each([
    ['suspended', [enroll()], 'NodeSuspended'],
    ['active', [enroll(), setStatus('suspended')], 'NodeReinstated'],
    ['retired', [enroll(), setStatus('suspended')], 'NodeRetired'],
  ] as const)('to %s is %s', (status, before, type) => {
    expect(decide(setStatus(status), ...before)).toEqual(events({ type, data: {} }))
    expect(nodeAfter(...before, setStatus(status))).toMatchObject({ is: status, item: { status } })
  })
  it('accepts the status it has without a new event', () => {
    expect(decide(setStatus('active'), enroll())).toEqual(events())
    expect(decide(setStatus('retired'), enroll(), setStatus('retired'))).toEqual(events())
  })
  it('rejects a return from retirement, and a stale revision', () => {
    expect(decide(setStatus('active'), enroll(), setStatus('retired'))).toEqual(rejected('WrongState'))
    const stale: NodeCommand = { ...setStatus('suspended'), preconditions: { ifMatch: [7] } }
    expect(decide(stale, enroll())).toEqual(rejected('StaleRevision'))
  })
})

describe('a node that no release would have written', () => {
  it('is none, and opens nothing', () => {
    expect(
      parseNode({ client_id: 'x', name: 'X', scopes: [], status: 'asleep', credentials: [] }),
    ).toBeUndefined()
  })
  it('is read all the same where keys or institution were recorded as null', () => {
    const { initial, evolve } = nodeDecider
    const data = { ...clinic, jwks: null, institution: null }
    const state = evolve(initial, { type: 'NodeEnrolled', data, credential: 'v1' })
    expect(state.is === 'absent' ? undefined : parseNode(state.item)).toMatchObject({ client_id: 'clinic' })
  })
})

describe('a node as it is shown', () => {
  it('says how many secrets live, never which', () => {
    const state = nodeAfter(enroll(), issue('v2'))
    expect(state.is === 'absent' ? {} : shownNode(state.item)).toEqual({
      ...clinic,
      institution: null,
      status: 'active',
      secrets: 2,
    })
  })
  it('is the same after events of another kind', () => {
    const state = nodeAfter(enroll())
    const further = nodeDecider.evolve(state, { type: 'SomethingElse', data: {} })
    expect(further).toMatchObject({ is: 'active', revision: 1 })
  })
})
