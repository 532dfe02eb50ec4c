import { csvOf } from '../../projections/csv.ts'
import { type AuditEntry, auditEntryText } from './entries.ts'

/** How the whole audit is streamed: what comes first, and the text of entries. */
interface StreamFormat {
  readonly contentType: string
  readonly head: string
  readonly textOf: (entries: readonly AuditEntry[]) => string
}

const columns = [
  'position',
  'recordedAt',
  'occurredAt',
  'event',
  'resource',
  'id',
  'revision',
  'person',
  'actorKind',
  'actor',
  'node',
  'requestId',
  'changes',
  'erased',
]

const rowOf = (entry: AuditEntry) => [
  entry.position,
  entry.recordedAt,
  entry.occurredAt,
  entry.event,
  entry.resource,
  entry.id,
  entry.revision,
  entry.person,
  entry.actor.kind,
  entry.actor.id,
  entry.actor.node,
  entry.requestId,
  entry.changes,
  entry.erased && 'true',
]

export const streamFormats = {
  'application/x-ndjson': {
    contentType: 'application/x-ndjson',
    head: '',
    textOf: entries => entries.map(entry => `${auditEntryText(entry)}\n`).join(''),
  },
  'text/csv': {
    contentType: 'text/csv; charset=utf-8; header=present',
    head: csvOf([columns]),
    textOf: entries => csvOf(entries.map(rowOf)),
  },
} as const satisfies Readonly<Record<string, StreamFormat>>
