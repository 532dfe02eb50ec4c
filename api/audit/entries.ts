import * as E from '#fp/Either'
import { kindOfEvent } from '../../domain/catalogue.ts'
import {
  type AuditFilters,
  auditPage,
  type Place,
  type Version,
  versionBefore,
} from '../../projections/past.ts'
import type { Query } from '../../projections/read-store.ts'
import { keyOfVersion } from '../../projections/versions.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { entryOf, type HistoryEntry } from '../history/entries.ts'
import type { Failure } from '../http/problem.ts'

/** An entry of the audit; its changes as JSON, for they may be long. */
export type AuditEntry = Omit<HistoryEntry, 'changes'> & {
  readonly resource: string
  readonly id: string
  readonly person?: string | undefined
  readonly changes?: string
}

export const auditEntryText = ({ changes, ...entry }: AuditEntry): string =>
  changes === undefined
    ? JSON.stringify(entry)
    : `${JSON.stringify(entry).slice(0, -1)},"changes":${changes}}`

export interface AuditPage {
  readonly entries: readonly AuditEntry[]
  /** Where the next page begins; undefined after the last. */
  readonly after: NonNullable<Query['after']> | undefined
}

export type AuditBounds = Pick<Query, 'limit' | 'mostBytes'>

type Reads = Pick<ApiDependencies, 'readModels' | 'logIdentity'>

const placeOf = ({ recordedAt, key }: Version): NonNullable<Query['after']> => ({
  value: BigInt(Date.parse(recordedAt)),
  key,
})

/**
 * A page of the audit at a place of the history, newest first. It ends early where its entries would take more than `mostBytes`:
 * each is made of two states, which are let go at once.
 */
export const readAudit = async (
  { readModels, logIdentity }: Reads,
  filters: AuditFilters,
  place: Place,
  bounds: AuditBounds,
  after: Query['after'],
): Promise<E.Either<Failure, AuditPage>> => {
  const page = await auditPage(readModels, filters, place, bounds, after)
  if (E.isLeft(page)) return page
  const { versions, more } = page.right
  const entries: AuditEntry[] = []
  let characters = 0
  for (const [n, version] of versions.entries()) {
    const kind = kindOfEvent(version.event)
    const key = keyOfVersion(version.key)
    const before = await versionBefore(readModels, kind?.name ?? '', key, version.revision)
    if (E.isLeft(before)) return before
    const { changes, ...entry } = entryOf(logIdentity, version, before.right)
    const text = changes === undefined ? {} : { changes: JSON.stringify(changes) }
    characters += text.changes?.length ?? 0
    const last = versions[n - 1]
    if (last !== undefined && characters > bounds.mostBytes) return E.right({ entries, after: placeOf(last) })
    entries.push({
      resource: kind?.name ?? '',
      id: kind?.idInPath(key) ?? key,
      person: version.subject,
      ...entry,
      ...text,
    })
  }
  const last = versions.at(-1)
  return E.right({ entries, after: more && last !== undefined ? placeOf(last) : undefined })
}
