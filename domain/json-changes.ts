import { equalJson, isObject, type Json, type JsonObject, member } from './json.ts'
import { pointerOf } from './resource.ts'

/** What became of a field. A side on which there is no such field is left out. */
export interface JsonChange {
  /** A JSON Pointer (RFC 6901). */
  readonly path: string
  readonly from?: Json
  readonly to?: Json
}

const changesAt = (path: readonly string[], from: Json | undefined, to: Json | undefined): JsonChange[] => {
  if (from !== undefined && to !== undefined) {
    if (isObject(from) && isObject(to)) return membersChanged(path, from, to)
    if (equalJson(from, to)) return []
  }
  return [
    {
      path: pointerOf(path),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    },
  ]
}

const membersChanged = (path: readonly string[], from: JsonObject, to: JsonObject): JsonChange[] => [
  ...Object.keys(from).flatMap(key => changesAt([...path, key], member(from, key), member(to, key))),
  ...Object.keys(to)
    .filter(key => !Object.hasOwn(from, key))
    .flatMap(key => changesAt([...path, key], undefined, member(to, key))),
]

/**
 * The fields in which two states of a thing differ, in the order of the first, then those that only the second has. Objects
 * that both have are compared member by member, arrays as a whole. A state that is not there counts as one without fields.
 */
export const changesBetween = (
  from: JsonObject | undefined,
  to: JsonObject | undefined,
): readonly JsonChange[] => membersChanged([], from ?? {}, to ?? {})
