import { type JsonObject, member, withMembers } from './json.ts'
import type { Rejection } from './rejection.ts'
import type { Resource } from './resource.ts'

/** What becomes of a lifecycle's field: nothing, a move that is a fact of its own, or none that there is. */
export type Move =
  | { readonly is: 'none' }
  | { readonly is: 'made'; readonly fact: string }
  | { readonly is: 'refused'; readonly rejection: Rejection }

/** The move that a change makes: `changed` holds the field where its word is to be another one. */
export const moveOf = ({ noun, lifecycle }: Resource, item: JsonObject, changed: JsonObject): Move => {
  if (lifecycle === undefined) return { is: 'none' }
  const { field, moves } = lifecycle
  const [from, to] = [member(item, field), member(changed, field)]
  if (to === undefined || to === from) return { is: 'none' }
  const fact = moves[String(from)]?.[String(to)]
  return fact === undefined
    ? {
        is: 'refused',
        rejection: {
          _tag: 'WrongState',
          detail: `The ${noun} is ${String(from)}: its ${field} cannot become ${String(to)}.`,
        },
      }
    : { is: 'made', fact }
}

/** A patch in which null is what the hub fills in: an item is never without its lifecycle's field. */
export const withoutRemoval = ({ lifecycle, defaults }: Resource, patch: JsonObject): JsonObject =>
  lifecycle !== undefined && member(patch, lifecycle.field) === null
    ? withMembers(patch, { [lifecycle.field]: defaults[lifecycle.field] ?? null })
    : patch
