import { kindOfEvent } from '../../domain/catalogue.ts'
import type { JsonObject } from '../../domain/json.ts'
import type { FeedEntry } from '../../projections/feed-entry.ts'

/** What is known of a person, by the path of each item. */
type PersonalRecord = Record<string, JsonObject>

export const initial: PersonalRecord = {}

export const apply = (record: PersonalRecord, entry: FeedEntry): PersonalRecord => {
  const { type, resource, id, person, data = {} } = entry
  if (person !== process.env.PERSON) return record
  const path = `/${resource}/${id}`
  const item = kindOfEvent(type)?.evolve(record[path], { type, data })
  if (item === undefined) delete record[path]
  else record[path] = item
  return record
}

/** Without who wrote it where. */
export const result = (record: PersonalRecord) =>
  Object.fromEntries(
    Object.entries(record).map(([path, { creation_info: _, modification_info: __, ...item }]) => [
      path,
      item,
    ]),
  )
