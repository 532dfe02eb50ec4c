import { kindOfEvent } from '../../domain/catalogue.ts'
import type { Actor } from '../../domain/event.ts'
import type { JsonObject } from '../../domain/json.ts'
import { changesBetween, type JsonChange } from '../../domain/json-changes.ts'
import { formatPosition, type LogIdentity } from '../../domain/position.ts'
import type { Version } from '../../projections/past.ts'

/** What of a thing's state is shown: nothing once it is removed. */
export const shownOf = (version: Version | undefined): JsonObject | undefined =>
  version?.item === undefined ? undefined : kindOfEvent(version.event)?.shown(version.item)

/** The fields in which two revisions of a thing differ. */
export const changesOf = (from: Version | undefined, to: Version | undefined): readonly JsonChange[] =>
  changesBetween(shownOf(from), shownOf(to))

export interface HistoryEntry {
  readonly revision: number
  readonly event: string
  readonly position: string
  readonly recordedAt: string
  readonly occurredAt?: string | undefined
  readonly actor: Actor
  readonly requestId: string
  /** None where what it was can be read no more. */
  readonly changes?: readonly JsonChange[]
  readonly erased?: true
}

/** An entry of the history: a revision, who made it and when, and what it changed in the one before. */
export const entryOf = (log: LogIdentity, version: Version, before: Version | undefined): HistoryEntry => {
  const { event, revision, position, recordedAt, occurredAt, actor, requestId, erased } = version
  return {
    revision,
    event,
    position: formatPosition(log, position),
    recordedAt,
    occurredAt,
    actor,
    requestId,
    ...(erased === undefined ? { changes: changesOf(before, version) } : { erased }),
  }
}
