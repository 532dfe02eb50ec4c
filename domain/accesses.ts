import { z } from 'zod'
import * as E from '#fp/Either'
import type { Decider } from './decider.ts'
import type { DomainEvent } from './event.ts'
import type { JsonObject } from './json.ts'

/** What was asked for, by name: filters, format, range. */
const parameters = z.looseObject({})

/**
 * Requests for so much at once that who made them is itself a fact to audit: the audit, and the event history as a whole.
 * Each is a stream of its own with one event, appended before the first byte is answered.
 */
export const accessEvents = {
  /** `GET /audit`: its filters, and the format of the answer. */
  AuditRead: parameters,
  /** `GET /feed` as NDJSON: where it begins, and its filters. */
  FeedExported: parameters,
  /** The command `replay` on the store itself: its range, filters and format. */
  HistoryReplayed: parameters,
} satisfies Readonly<Record<string, z.ZodType>>

export type AccessEventType = keyof typeof accessEvents
export type AccessEvent = DomainEvent<AccessEventType>
export const accessEventTypes = Object.keys(accessEvents) as readonly AccessEventType[]

export const accessStream = (id: string): string => `access-${id}`

/** An access that was asked for; undefined before that. */
export type AccessState = JsonObject | undefined

export const evolveAccess = (_: AccessState, { data }: DomainEvent): AccessState => data

/** A command is the event it becomes: nothing forbids to record what was asked for. */
export const accessDecider: Decider<AccessEvent, AccessState> = {
  initial: undefined,
  evolve: evolveAccess,
  decide: (access, state) => E.right(state === undefined ? [access] : []),
  subject: () => undefined,
}
