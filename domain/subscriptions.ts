import { z } from 'zod'
import { accept, type Decider, type Decision, reject } from './decider.ts'
import { type DomainEvent, isOneOf } from './event.ts'
import type { Preconditions } from './item.ts'
import { stale } from './item-state.ts'
import { equalJson, hasMembers, type JsonObject, mapMembers, member, patched, withMembers } from './json.ts'

/** `disabled`: by the hub, for the address or the rights are gone; it goes on once somebody sets it active. */
export const subscriptionStatuses = ['active', 'paused', 'disabled'] as const
export type SubscriptionStatus = (typeof subscriptionStatuses)[number]

const disabledReasons = ['gone', 'rights'] as const
export type DisabledReason = (typeof disabledReasons)[number]

const filterShape = {
  url: z.string(),
  /** Types of events; null for all of the resources. */
  types: z.array(z.string()).nullable(),
  resources: z.array(z.string()),
  /** Only what is about this person. */
  person: z.string().nullable(),
}

/** A subscription as events make it; never a secret. */
const subscriptionShape = z.object({
  id: z.string(),
  node: z.string(),
  ...filterShape,
  /** The position after which it begins, as clients hold it. */
  from: z.string(),
  status: z.enum(subscriptionStatuses),
  /** Which secret signs: raised by each rotation. */
  secretVersion: z.int(),
  /** When the secret was last replaced (ISO 8601): the one before signs too, for a day. */
  rotatedAt: z.string().exactOptional(),
  /** Since when (ISO 8601) it has not been delivered because the node lacks these rights. */
  denied: z.object({ since: z.string(), needed: z.array(z.string()) }).exactOptional(),
  disabledBecause: z.enum(disabledReasons).exactOptional(),
})
export type Subscription = z.infer<typeof subscriptionShape>

/** The subscription; undefined for what no release would have written. */
export const parseSubscription = (item: JsonObject): Subscription | undefined =>
  subscriptionShape.safeParse(item).data

const nothing = z.object({})

/** The data of every event of a subscription's stream, by type. */
export const subscriptionEvents = {
  SubscriptionCreated: z.object({ id: z.string(), node: z.string(), ...filterShape, from: z.string() }),
  SubscriptionChanged: nothing,
  SubscriptionPaused: nothing,
  SubscriptionResumed: nothing,
  SubscriptionDisabled: z.object({ reason: z.enum(disabledReasons) }),
  SubscriptionSecretRotated: z.object({ at: z.string() }),
  /** What it asks for is not delivered: the node lacks these rights. */
  SubscriptionDenied: z.object({ at: z.string(), needed: z.array(z.string()) }),
  /** The node has the rights again. */
  SubscriptionPermitted: nothing,
  /** Dead letters of these positions are to be sent again, both included; without them all. */
  SubscriptionDeadLettersReplayed: z.object({
    from: z.string().exactOptional(),
    to: z.string().exactOptional(),
    at: z.string(),
  }),
  SubscriptionRemoved: nothing,
} satisfies Readonly<Record<string, z.ZodType>>

type SubscriptionEventType = keyof typeof subscriptionEvents
export type SubscriptionEvent = DomainEvent<SubscriptionEventType>
export const subscriptionEventTypes = Object.keys(subscriptionEvents) as readonly SubscriptionEventType[]
export const isSubscriptionEvent = isOneOf(subscriptionEventTypes)

export const subscriptionStream = (id: string): string => `subscription-${id}`

const without = (item: JsonObject, ...names: readonly string[]): JsonObject =>
  patched(item, Object.fromEntries(names.map(name => [name, null])))

/** The subscription after a fact about it; undefined once removed. */
export const evolveSubscription = (
  item: JsonObject | undefined,
  { type, data }: SubscriptionEvent,
): JsonObject | undefined => {
  if (type === 'SubscriptionCreated') return withMembers(data, { status: 'active', secretVersion: 0 })
  if (item === undefined) return undefined
  switch (type) {
    case 'SubscriptionChanged':
      // A null says that there is no filter: it is kept.
      return withMembers(item, data)
    case 'SubscriptionPaused':
      return withMembers(without(item, 'disabledBecause'), { status: 'paused' })
    case 'SubscriptionResumed':
      return withMembers(without(item, 'disabledBecause', 'denied'), { status: 'active' })
    case 'SubscriptionDisabled':
      return withMembers(without(item, 'denied'), {
        status: 'disabled',
        disabledBecause: data.reason ?? 'gone',
      })
    case 'SubscriptionSecretRotated':
      return withMembers(item, {
        secretVersion: Number(item.secretVersion) + 1,
        rotatedAt: data.at ?? '',
      })
    case 'SubscriptionDenied':
      return withMembers(item, { denied: { since: data.at ?? '', needed: data.needed ?? [] } })
    case 'SubscriptionPermitted':
      return without(item, 'denied')
    case 'SubscriptionDeadLettersReplayed':
      return item
    case 'SubscriptionRemoved':
      return undefined
  }
}

export type SubscriptionState =
  | { readonly is: 'absent' }
  | { readonly is: 'removed'; readonly revision: number; readonly node: string }
  | {
      readonly is: 'present'
      readonly item: JsonObject
      readonly subscription: Subscription
      readonly revision: number
    }

interface Managed {
  /** On whose behalf: a node manages its own. */
  readonly by: 'all' | { readonly node: string }
  readonly preconditions: Preconditions
}

export type SubscriptionCommand = Managed &
  (
    | { readonly _tag: 'Create'; readonly item: JsonObject }
    | { readonly _tag: 'Change'; readonly patch: JsonObject; readonly status?: 'active' | 'paused' }
    | { readonly _tag: 'Disable'; readonly reason: DisabledReason }
    | { readonly _tag: 'RotateSecret'; readonly at: string }
    | { readonly _tag: 'Deny'; readonly at: string; readonly needed: readonly string[] }
    | { readonly _tag: 'Permit' }
    | {
        readonly _tag: 'ReplayDeadLetters'
        readonly at: string
        readonly from?: string
        readonly to?: string
      }
    | { readonly _tag: 'Remove' }
  )

type Present = Extract<SubscriptionState, { is: 'present' }>

const what = 'subscription'
const never = (): Decision => reject({ _tag: 'NeverWas', what })

const statusEvents = { active: 'SubscriptionResumed', paused: 'SubscriptionPaused' } as const

const decidePresent = (command: SubscriptionCommand, { item, subscription }: Present): Decision => {
  const { status, denied } = subscription
  switch (command._tag) {
    case 'Create':
      return reject({ _tag: 'ExistsWithOtherContent', what })
    case 'Change': {
      // Not as a merge patch: a null is a value here.
      const changed = mapMembers(command.patch, (name, value) =>
        equalJson(member(item, name) ?? null, value) ? undefined : value,
      )
      const next = command.status
      return accept(
        ...(hasMembers(changed) ? [{ type: 'SubscriptionChanged', data: changed }] : []),
        ...(next === undefined || next === status ? [] : [{ type: statusEvents[next], data: {} }]),
      )
    }
    case 'Disable':
      return status === 'disabled'
        ? accept()
        : accept({ type: 'SubscriptionDisabled', data: { reason: command.reason } })
    case 'RotateSecret':
      return accept({ type: 'SubscriptionSecretRotated', data: { at: command.at } })
    case 'Deny':
      return denied !== undefined
        ? accept()
        : accept({ type: 'SubscriptionDenied', data: { at: command.at, needed: command.needed } })
    case 'Permit':
      return denied === undefined ? accept() : accept({ type: 'SubscriptionPermitted', data: {} })
    case 'ReplayDeadLetters': {
      const { at, from, to } = command
      const data = { at, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
      return accept({ type: 'SubscriptionDeadLettersReplayed', data })
    }
    case 'Remove':
      return accept({ type: 'SubscriptionRemoved', data: {} })
  }
}

/** The rules of a subscription's life. What is a node's is for no other node. */
export const subscriptionDecider: Decider<SubscriptionCommand, SubscriptionState> = {
  initial: { is: 'absent' },

  evolve: (state, event) => {
    if (!isSubscriptionEvent(event) || state.is === 'removed') return state
    const revision = state.is === 'absent' ? 0 : state.revision + 1
    const item = evolveSubscription(state.is === 'absent' ? undefined : state.item, event)
    if (item === undefined)
      return state.is === 'absent' ? state : { is: 'removed', revision, node: state.subscription.node }
    const subscription = parseSubscription(item)
    return subscription === undefined ? state : { is: 'present', item, subscription, revision }
  },

  decide: (command, state) => {
    const { by, preconditions } = command
    if (state.is === 'absent') {
      if (command._tag !== 'Create') return never()
      return stale(preconditions)
        ? reject({ _tag: 'StaleRevision' })
        : accept({ type: 'SubscriptionCreated', data: command.item })
    }
    const node = state.is === 'removed' ? state.node : state.subscription.node
    if (by !== 'all' && by.node !== node) return never()
    if (state.is === 'removed') return reject({ _tag: 'Removed', what })
    if (stale(preconditions, state.revision))
      return reject({ _tag: 'StaleRevision', revision: state.revision })
    return decidePresent(command, state)
  },

  subject: () => undefined,
}

const dayMilliseconds = 24 * 3_600_000

/** The versions of the secrets that sign at a time (ms since the epoch), the newest first. */
export const liveSecretVersions = (
  { secretVersion, rotatedAt }: Subscription,
  now: number,
): readonly number[] =>
  rotatedAt !== undefined && now < Date.parse(rotatedAt) + dayMilliseconds
    ? [secretVersion, secretVersion - 1]
    : [secretVersion]
