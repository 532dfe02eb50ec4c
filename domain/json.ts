/** A JSON value as `JSON.parse` gives it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json }

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The member `key`, own members only: `__proto__` and `constructor` are data like any other. */
export const member = (object: JsonObject, key: string): Json | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined

// Object.fromEntries defines members; assignment would interpret `__proto__`.
export const withMembers = (object: JsonObject, members: JsonObject): JsonObject =>
  Object.fromEntries([...Object.entries(object), ...Object.entries(members)])

export const withoutMembers = (object: JsonObject, keys: readonly string[]): JsonObject =>
  keys.some(key => Object.hasOwn(object, key))
    ? Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)))
    : object

/** Equality of JSON values: the order of members does not count, that of elements does. */
export const equalJson = (a: Json, b: Json): boolean => {
  if (a === b) return true
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((element, i) => equalJson(element, b[i]))
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every(key => {
      const other = member(b, key)
      return other !== undefined && equalJson(member(a, key) ?? null, other)
    })
  )
}

/** Whether objects and arrays nest at most `levels` deep; `{}` is one level. */
export const nestsAtMost = (levels: number, value: Json): boolean =>
  typeof value !== 'object' || value === null
    ? true
    : levels > 0 &&
      (Array.isArray(value) ? value : Object.values(value)).every(part => nestsAtMost(levels - 1, part))

/** JSON Merge Patch (RFC 7396, section 2). Members keep the target's order, new ones follow. */
export const mergePatch = (target: Json | undefined, patch: Json): Json => {
  if (!isObject(patch)) return patch
  const merged = new Map(isObject(target) ? Object.entries(target) : [])
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, mergePatch(merged.get(key), value))
  }
  return Object.fromEntries(merged)
}

export const patched = (target: JsonObject, patch: JsonObject): JsonObject => {
  const merged = mergePatch(target, patch)
  return isObject(merged) ? merged : {}
}

/** The part of a merge patch that changes `target`: merging it gives the same result as merging `patch`. */
export const effectivePatch = (target: JsonObject, patch: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(patch).flatMap(([key, value]): [string, Json][] => {
      const present = member(target, key)
      if (value === null) return present === undefined ? [] : [[key, null]]
      if (isObject(value) && isObject(present)) {
        const inner = effectivePatch(present, value)
        return Object.keys(inner).length === 0 ? [] : [[key, inner]]
      }
      const merged = mergePatch(present, value)
      return present !== undefined && equalJson(present, merged) ? [] : [[key, merged]]
    }),
  )

const texts = new WeakMap<JsonObject, string>()

/** The object as JSON, written once however often it is asked for: what comes from an event is never changed. */
export const jsonText = (object: JsonObject): string => {
  const known = texts.get(object)
  if (known !== undefined) return known
  const text = JSON.stringify(object)
  texts.set(object, text)
  return text
}
