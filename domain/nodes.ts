import { z } from 'zod'
import { accept, type Decider, type Decision, reject } from './decider.ts'
import { type DomainEvent, isOneOf } from './event.ts'
import type { Preconditions } from './item.ts'
import { stale } from './item-state.ts'
import {
  effectivePatch,
  equalJson,
  isObject,
  type Json,
  type JsonObject,
  member,
  patched,
  withMembers,
  withoutMembers,
} from './json.ts'

/** `client_id`: 1 to 64 of `a–z 0–9 . _ -`. Undefined for anything else. */
export const parseClientId = (text: string): string | undefined =>
  /^[a-z0-9._-]{1,64}$/.test(text) && text !== '.' && text !== '..' ? text : undefined

export const clientIdRule = '1 to 64 of a–z 0–9 . _ -'

export const nodeStatuses = ['active', 'suspended', 'retired'] as const
export type NodeStatus = (typeof nodeStatuses)[number]

/** A node as events make it. `credentials` are the versions of its live secrets, the newest last; never a secret. */
const nodeShape = z.object({
  client_id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  institution: z.string().exactOptional(),
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }).exactOptional(),
  status: z.enum(nodeStatuses),
  credentials: z.array(z.string()),
  /** How often it was suspended: tokens from before a suspension stay void once it is lifted. */
  suspensions: z.int().default(0),
})
export type FederationNode = z.infer<typeof nodeShape>

/** The node; undefined for what no release would have written: such a node opens nothing. */
export const parseNode = (item: JsonObject): FederationNode | undefined => nodeShape.safeParse(item).data

const nothing = z.object({})

/** The data of every event of a node's stream, by type. */
export const nodeEvents = {
  NodeEnrolled: z.object({ client_id: z.string(), name: z.string(), scopes: z.array(z.string()) }),
  NodeChanged: nothing,
  NodeKeysRotated: z.object({ jwks: z.looseObject({}).nullable() }),
  NodeSecretIssued: nothing,
  NodeOldSecretRetired: nothing,
  NodeSuspended: nothing,
  NodeReinstated: nothing,
  NodeRetired: nothing,
} satisfies Readonly<Record<string, z.ZodType>>

type NodeEventType = keyof typeof nodeEvents
export type NodeEvent = DomainEvent<NodeEventType>
export const nodeEventTypes = Object.keys(nodeEvents) as readonly NodeEventType[]
export const isNodeEvent = isOneOf(nodeEventTypes)

const suspensionsOf = (item: JsonObject): number => {
  const suspensions = member(item, 'suspensions')
  return typeof suspensions === 'number' ? suspensions : 0
}

const credentialsOf = (item: JsonObject): readonly Json[] => {
  const credentials = member(item, 'credentials')
  return Array.isArray(credentials) ? credentials : []
}

/** A null says of an institution or of keys that there are none. */
export const withoutNulls = (body: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))

/** The node after a fact about it. */
export const evolveNode = (
  item: JsonObject | undefined,
  { type, data, credential }: NodeEvent,
): JsonObject | undefined => {
  if (type === 'NodeEnrolled')
    return withMembers(withoutNulls(data), {
      status: 'active',
      credentials: credential === undefined ? [] : [credential],
    })
  if (item === undefined) return undefined
  switch (type) {
    case 'NodeChanged':
    case 'NodeKeysRotated':
      return patched(type === 'NodeChanged' ? item : withMembers(item, { jwks: null }), data)
    case 'NodeSecretIssued':
      return withMembers(item, { credentials: [...credentialsOf(item), credential ?? ''] })
    case 'NodeOldSecretRetired':
      return withMembers(item, { credentials: credentialsOf(item).slice(-1) })
    case 'NodeSuspended':
      return withMembers(item, { status: 'suspended', suspensions: suspensionsOf(item) + 1 })
    case 'NodeReinstated':
      return withMembers(item, { status: 'active' })
    case 'NodeRetired':
      return withMembers(item, { status: 'retired' })
  }
}

export type NodeState =
  | { readonly is: 'absent' }
  | {
      readonly is: NodeStatus
      readonly item: JsonObject
      /** As it was enrolled: a repeat of that request is recognised by it. */
      readonly created: JsonObject
      readonly revision: number
    }

/** On whose behalf a node is managed: a node manages only such whose scopes are among its own token's. */
export type Authority = 'all' | { readonly clientId: string; readonly scopes: readonly string[] }

interface Managed {
  readonly by: Authority
  readonly preconditions: Preconditions
}

export type NodeCommand =
  | ({ readonly _tag: 'Enroll'; readonly node: JsonObject; readonly credential?: string } & Managed)
  | ({ readonly _tag: 'Change'; readonly patch: JsonObject } & Managed)
  | ({ readonly _tag: 'AddKeys'; readonly keys: readonly JsonObject[] } & Managed)
  | ({ readonly _tag: 'IssueSecret'; readonly credential: string } & Managed)
  | ({ readonly _tag: 'RetireOldSecret' } & Managed)
  | ({ readonly _tag: 'SetStatus'; readonly status: NodeStatus } & Managed)

type Present = Exclude<NodeState, { is: 'absent' }>

const scopesOf = (item: JsonObject): readonly Json[] => {
  const value = member(item, 'scopes')
  return Array.isArray(value) ? value : []
}

const isBeyond = (by: Authority, clientId: Json | undefined, ...items: readonly JsonObject[]): boolean =>
  by !== 'all' &&
  (by.clientId === clientId ||
    items.some(
      item => !scopesOf(item).every(scope => typeof scope === 'string' && by.scopes.includes(scope)),
    ))

const beyond = (): Decision =>
  reject({
    _tag: 'FieldNotAllowed',
    field: 'scopes',
    detail: 'A node manages only nodes whose scopes are all among its own token’s, and never itself.',
  })

const withDistinctScopes = (item: JsonObject): JsonObject =>
  member(item, 'scopes') === undefined ? item : withMembers(item, { scopes: [...new Set(scopesOf(item))] })

const comparable = (item: JsonObject): JsonObject =>
  withMembers(item, { scopes: [...scopesOf(item)].map(String).sort() })

const enrolled = ({ item }: Present): JsonObject =>
  withoutMembers(item, ['status', 'credentials', 'suspensions'])

const statusEvents = { active: 'NodeReinstated', suspended: 'NodeSuspended', retired: 'NodeRetired' } as const

const change = (patch: JsonObject, { item }: Present): Decision => {
  const { jwks: _, ...rest } = effectivePatch(item, patch)
  const keys = member(patch, 'jwks')
  const isChanged = Object.keys(rest).length > 0
  const isRotated = keys !== undefined && !equalJson(keys, member(item, 'jwks') ?? null)
  return accept(
    ...(isChanged ? [{ type: 'NodeChanged', data: rest }] : []),
    ...(isRotated ? [{ type: 'NodeKeysRotated', data: { jwks: keys } }] : []),
  )
}

const keysOf = (item: JsonObject): readonly Json[] => {
  const set = member(item, 'jwks')
  const keys = isObject(set) ? member(set, 'keys') : []
  return Array.isArray(keys) ? keys : []
}

const decidePresent = (command: NodeCommand, state: Present): Decision => {
  const { item } = state
  switch (command._tag) {
    case 'Enroll': {
      const requested = comparable(command.node)
      return equalJson(requested, comparable(state.created)) ||
        equalJson(requested, comparable(enrolled(state)))
        ? accept()
        : reject({ _tag: 'ExistsWithOtherContent', what: 'node' })
    }
    case 'Change': {
      const patch = withDistinctScopes(command.patch)
      return isBeyond(command.by, undefined, patched(item, patch)) ? beyond() : change(patch, state)
    }
    case 'AddKeys': {
      const present = keysOf(item)
      const added = command.keys.filter(one => !present.some(other => equalJson(one, other)))
      if (added.length === 0) return accept()
      return present.length + added.length > 10
        ? reject({ _tag: 'WrongState', detail: 'A node has at most 10 keys. Retire the old ones first.' })
        : accept({ type: 'NodeKeysRotated', data: { jwks: { keys: [...added, ...present] } } })
    }
    case 'IssueSecret':
      return credentialsOf(item).length >= 2
        ? reject({ _tag: 'WrongState', detail: 'Two secrets are live already. Retire the old one first.' })
        : accept({ type: 'NodeSecretIssued', data: {}, credential: command.credential })
    case 'RetireOldSecret':
      return credentialsOf(item).length < 2 ? accept() : accept({ type: 'NodeOldSecretRetired', data: {} })
    case 'SetStatus':
      return state.is === command.status ? accept() : accept({ type: statusEvents[command.status], data: {} })
  }
}

/** The rules of a node's life: enrolled, changed, re-keyed, suspended and reinstated, at last retired for good. */
export const nodeDecider: Decider<NodeCommand, NodeState> = {
  initial: { is: 'absent' },

  evolve: (state, event) => {
    const before = state.is === 'absent' ? undefined : state.item
    const item = isNodeEvent(event) ? evolveNode(before, event) : before
    if (item === undefined) return state
    const status = member(item, 'status')
    return {
      is: nodeStatuses.find(one => one === status) ?? 'active',
      item,
      created: state.is === 'absent' ? event.data : state.created,
      revision: state.is === 'absent' ? 0 : state.revision + 1,
    }
  },

  decide: (command, state) => {
    const { by, preconditions } = command
    if (state.is === 'absent') {
      if (command._tag !== 'Enroll') return reject({ _tag: 'NeverWas', what: 'node' })
      if (stale(preconditions)) return reject({ _tag: 'StaleRevision' })
      const node = withDistinctScopes(command.node)
      if (isBeyond(by, member(node, 'client_id'), node)) return beyond()
      const { credential } = command
      return accept({ type: 'NodeEnrolled', data: node, ...(credential === undefined ? {} : { credential }) })
    }
    if (isBeyond(by, member(state.item, 'client_id'), state.item)) return beyond()
    if (
      stale(preconditions, state.revision) ||
      (command._tag === 'Enroll' && preconditions.ifMatch !== undefined)
    )
      return reject({ _tag: 'StaleRevision', revision: state.revision })
    const isSettled =
      command._tag === 'Enroll' || (command._tag === 'SetStatus' && command.status === 'retired')
    return state.is === 'retired' && !isSettled
      ? reject({ _tag: 'WrongState', detail: 'This node is retired, for good. Enroll a new one.' })
      : decidePresent(command, state)
  },

  subject: () => undefined,
}

/** The node as its readers see it: how many secrets live, never which. */
export const shownNode = (item: JsonObject): JsonObject => ({
  institution: null,
  ...Object.fromEntries(
    Object.entries(withoutMembers(item, ['suspensions'])).map(([field, value]) =>
      field === 'credentials' ? ['secrets', credentialsOf(item).length] : [field, value],
    ),
  ),
})
