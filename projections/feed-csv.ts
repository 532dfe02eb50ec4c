import { jsonText } from '../domain/json.ts'
import { csvOf } from './csv.ts'
import type { FeedEntry } from './feed-entry.ts'

const columns = [
  'position',
  'stream',
  'revision',
  'type',
  'resource',
  'id',
  'person',
  'actor_kind',
  'actor_id',
  'node',
  'recordedAt',
  'occurredAt',
  'data',
  'erased',
]

const rowOf = (entry: FeedEntry) => [
  entry.position,
  entry.stream,
  entry.revision,
  entry.type,
  entry.resource,
  entry.id,
  entry.person,
  entry.actor.kind,
  entry.actor.id,
  entry.actor.node,
  entry.recordedAt,
  entry.occurredAt,
  entry.data && jsonText(entry.data),
  entry.erased && 'true',
]

/** The line of column names. */
export const feedCsvHead = csvOf([columns])

/** Entries as rows; `data` is JSON, which has no line ends: a row is a line. */
export const feedCsvRows = (entries: readonly FeedEntry[]): string => csvOf(entries.map(rowOf))
