import * as E from '#fp/Either'
import { kindOfEvent } from '../../domain/catalogue.ts'
import {
  type AuditFilters,
  auditPage,
  type Place,
  type Version,
  versionsBefore,
} from '../../projections/past.ts'
import type { Query } from '../../projections/read-store.ts'
import { keyOfVersion } from '../../projections/versions.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { entryOf } from '../history/entries.ts'
import type { Failure } from '../http/problem.ts'

export type AuditEntry = ReturnType<typeof entryOf> & {
  readonly resource: string
  readonly id: string
  readonly person?: string | undefined
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[]
  /** Where the next page begins; undefined after the last. */
  readonly after: NonNullable<Query['after']> | undefined
}

type Reads = Pick<ApiDependencies, 'readModels' | 'logIdentity'>

const thingOf = (version: Version) => {
  const kind = kindOfEvent(version.event)
  return { kind: kind?.name ?? '', key: keyOfVersion(version.key), idOf: kind?.idInPath ?? (key => key) }
}

/** A page of the audit at a place of the history, newest first. */
export const readAudit = async (
  { readModels, logIdentity }: Reads,
  filters: AuditFilters,
  place: Place,
  limit: number,
  after: Query['after'],
): Promise<E.Either<Failure, AuditPage>> => {
  const page = await auditPage(readModels, filters, place, limit, after)
  if (E.isLeft(page)) return page
  const { versions, more } = page.right
  const before = await versionsBefore(
    readModels,
    versions.map(version => ({ ...thingOf(version), revision: version.revision })),
  )
  if (E.isLeft(before)) return before
  const last = versions.at(-1)
  return E.right({
    entries: versions.map((version, n) => {
      const { kind, key, idOf } = thingOf(version)
      return {
        resource: kind,
        id: idOf(key),
        person: version.subject,
        ...entryOf(logIdentity, version, before.right[n]),
      }
    }),
    after:
      more && last !== undefined ? { value: BigInt(Date.parse(last.recordedAt)), key: last.key } : undefined,
  })
}
