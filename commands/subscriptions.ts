import * as E from '#fp/Either'
import type { Preconditions } from '../domain/item.ts'
import type { JsonObject } from '../domain/json.ts'
import type { LogFailure } from '../domain/log-failure.ts'
import {
  type DisabledReason,
  type SubscriptionCommand,
  type SubscriptionState,
  subscriptionDecider,
  subscriptionStream,
} from '../domain/subscriptions.ts'
import type { EventLog } from './event-log.ts'
import { type Folded, foldStream, unread } from './fold-stream.ts'
import type { CommandContext, CommandFailure, Handle, Outcome } from './handle.ts'

export interface SubscriptionWrite {
  readonly id: string
  /** On whose behalf: a node manages its own subscriptions. */
  readonly by: 'all' | { readonly node: string }
  readonly preconditions: Preconditions
  readonly context: CommandContext
}

type Written = Promise<E.Either<CommandFailure, Outcome<SubscriptionState>>>

/** The life of a subscription to the feed. */
export interface Subscriptions {
  readonly create: (write: SubscriptionWrite, item: JsonObject) => Written
  readonly change: (write: SubscriptionWrite, patch: JsonObject, status?: 'active' | 'paused') => Written
  readonly rotateSecret: (write: SubscriptionWrite) => Written
  /** Dead letters between two positions, as clients hold them, are to be sent again. */
  readonly replayDeadLetters: (
    write: SubscriptionWrite,
    range: { readonly from?: string; readonly to?: string },
  ) => Written
  readonly remove: (write: SubscriptionWrite) => Written
  readonly disable: (write: SubscriptionWrite, reason: DisabledReason) => Written
  /** Notes that the node lacks rights that it needs. */
  readonly deny: (write: SubscriptionWrite, needed: readonly string[]) => Written
  readonly permit: (write: SubscriptionWrite) => Written
  /** The subscription as its stream tells it. Never stale. */
  readonly read: (id: string) => Promise<E.Either<LogFailure, Folded<SubscriptionState>>>
}

// Of a union, without the members that every command has.
type Body = SubscriptionCommand extends infer C
  ? C extends SubscriptionCommand
    ? Omit<C, 'by' | 'preconditions'>
    : never
  : never

export const subscriptionUseCases = (
  log: Pick<EventLog, 'read'>,
  handle: Handle,
  now: () => Date,
): Subscriptions => {
  const run = ({ id, by, preconditions, context }: SubscriptionWrite, body: Body): Written =>
    handle<SubscriptionCommand, SubscriptionState>({
      stream: subscriptionStream(id),
      decider: subscriptionDecider,
      prepare: async () => E.right({ ...body, by, preconditions } as SubscriptionCommand),
      conditional: Object.keys(preconditions).length > 0,
      context,
    })
  const at = () => now().toISOString()

  return {
    read: id => foldStream(log, subscriptionStream(id), subscriptionDecider, unread(subscriptionDecider)),
    create: (write, item) => run(write, { _tag: 'Create', item }),
    change: (write, patch, status) =>
      run(write, { _tag: 'Change', patch, ...(status === undefined ? {} : { status }) }),
    rotateSecret: write => run(write, { _tag: 'RotateSecret', at: at() }),
    replayDeadLetters: (write, range) => run(write, { _tag: 'ReplayDeadLetters', at: at(), ...range }),
    remove: write => run(write, { _tag: 'Remove' }),
    disable: (write, reason) => run(write, { _tag: 'Disable', reason }),
    deny: (write, needed) => run(write, { _tag: 'Deny', at: at(), needed }),
    permit: write => run(write, { _tag: 'Permit' }),
  }
}
