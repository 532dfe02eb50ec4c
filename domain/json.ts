/** A JSON value as `JSON.parse` gives it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json }

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The member `key`, own members only: `__proto__` and `constructor` are data like any other. */
export const member = (object: JsonObject, key: string): Json | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined

type Building = { [key: string]: Json }

/** Sets a member. Assignment would take `__proto__` for the object's prototype. */
const set = (object: Building, key: string, value: Json): void => {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  else object[key] = value
}

/** The object with these members, in its own order, new ones last; the very object where it has them all. */
export const withMembers = (object: JsonObject, members: JsonObject): JsonObject => {
  const keys = Object.keys(members)
  if (keys.every(key => Object.hasOwn(object, key) && equalJson(object[key] ?? null, members[key] ?? null)))
    return object
  // Spreading defines members, as `set` does.
  const result: Building = { ...object }
  for (const key of keys) set(result, key, members[key] ?? null)
  return result
}

export const withoutMembers = (object: JsonObject, keys: readonly string[]): JsonObject => {
  const removed = new Set(keys.filter(key => Object.hasOwn(object, key)))
  return removed.size === 0 ? object : copyWithout(object, removed)
}

const copyWithout = (object: JsonObject, removed: ReadonlySet<string>): Building => {
  const result: Building = {}
  for (const key of Object.keys(object)) if (!removed.has(key)) set(result, key, object[key] ?? null)
  return result
}

/** Equality of JSON values: the order of members does not count, that of elements does. */
export const equalJson = (a: Json, b: Json): boolean => {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i += 1) if (!equalJson(a[i] ?? null, b[i] ?? null)) return false
    return true
  }
  return equalMembers(a as JsonObject, b as JsonObject)
}

/** Equality of two objects, `ignored` members of both aside. */
export const equalMembers = (a: JsonObject, b: JsonObject, ignored: readonly string[] = []): boolean => {
  const keys = Object.keys(a)
  const ignoredIn = (object: JsonObject) => ignored.filter(key => Object.hasOwn(object, key)).length
  if (keys.length - ignoredIn(a) !== Object.keys(b).length - ignoredIn(b)) return false
  for (const key of keys) {
    if (ignored.includes(key)) continue
    if (!Object.hasOwn(b, key) || !equalJson(a[key] ?? null, b[key] ?? null)) return false
  }
  return true
}

/**
 * The object with each member as `change` makes it, without those it makes undefined; the very object where it changes none.
 * Each member is changed once.
 */
export const mapMembers = (
  object: JsonObject,
  change: (key: string, value: Json) => Json | undefined,
): JsonObject => {
  const keys = Object.keys(object)
  let result: Building | undefined
  for (const [i, key] of keys.entries()) {
    const value = object[key] ?? null
    const changed = change(key, value)
    if (result === undefined && changed !== value) {
      result = {}
      for (const before of keys.slice(0, i)) set(result, before, object[before] ?? null)
    }
    if (result !== undefined && changed !== undefined) set(result, key, changed)
  }
  return result ?? object
}

/** A value as a merge patch says it where nothing was: nulls of its objects are left out. */
const withoutNulls = (patch: Json): Json =>
  isObject(patch)
    ? mapMembers(patch, (_key, value) => (value === null ? undefined : withoutNulls(value)))
    : patch

/** JSON Merge Patch (RFC 7396, section 2). Members keep the target's order, new ones follow. */
export const mergePatch = (target: Json | undefined, patch: Json): Json => {
  if (!isObject(patch)) return patch
  if (target === undefined || !isObject(target)) return withoutNulls(patch)
  const keys = Object.keys(patch)
  const removed = new Set(keys.filter(key => patch[key] === null && Object.hasOwn(target, key)))
  const result: Building = removed.size === 0 ? { ...target } : copyWithout(target, removed)
  for (const key of keys) {
    const value = patch[key] ?? null
    if (value !== null) set(result, key, mergePatch(member(target, key), value))
  }
  return result
}

/** The latest result for each patch: a decision, its check and the fold after it merge the same. */
const merged = new WeakMap<JsonObject, { readonly target: JsonObject; readonly result: JsonObject }>()

export const patched = (target: JsonObject, patch: JsonObject): JsonObject => {
  const before = merged.get(patch)
  if (before?.target === target) return before.result
  const value = mergePatch(target, patch)
  const result = isObject(value) ? value : {}
  merged.set(patch, { target, result })
  return result
}

/** The part of a merge patch that changes `target`: merging it gives the same result as merging `patch`. */
export const effectivePatch = (target: JsonObject, patch: JsonObject): JsonObject =>
  mapMembers(patch, (key, value) => effectivePart(member(target, key), value))

/** What a member of a merge patch changes; undefined for nothing. */
const effectivePart = (present: Json | undefined, value: Json): Json | undefined => {
  if (value === null) return present === undefined ? undefined : null
  if (!isObject(value)) return present !== undefined && equalJson(present, value) ? undefined : value
  if (present !== undefined && isObject(present)) {
    const inner = effectivePatch(present, value)
    return hasMembers(inner) ? inner : undefined
  }
  return withoutNulls(value)
}

export const hasMembers = (object: JsonObject): boolean => {
  for (const key in object) if (Object.hasOwn(object, key)) return true
  return false
}

const texts = new WeakMap<JsonObject, string>()

/** Says how an object that was just parsed is written, so that nobody writes it again. It is one line. */
export const rememberText = (object: JsonObject, text: string): void => {
  if (!/[\n\r]/.test(text)) texts.set(object, text)
}

/** The object as JSON, written once however often it is asked for: what comes from an event is never changed. */
export const jsonText = (object: JsonObject): string => {
  const cached = texts.get(object)
  if (cached !== undefined) return cached
  const text = JSON.stringify(object)
  texts.set(object, text)
  return text
}
