import type { Confinement, ItemState } from './item.ts'
import { type JsonObject, member } from './json.ts'
import { invalid, type Rejection } from './rejection.ts'
import type { Resource } from './resource.ts'

/** The person an item is about, if any. */
export const subjectOf = ({ subjectField }: Resource, item: JsonObject): string | undefined => {
  const subject = subjectField === undefined ? undefined : member(item, subjectField)
  return typeof subject === 'string' ? subject : undefined
}

/** The person that an item is about, or was. */
export const subjectIn = (resource: Resource, state: ItemState): string | undefined => {
  switch (state.is) {
    case 'absent':
      return undefined
    case 'present':
      return subjectOf(resource, state.item)
    case 'removed':
    case 'erased':
      return state.subject
  }
}

/**
 * Whether it is somebody else's than those to whom the caller is confined: to it such an item never was, though its id
 * is taken.
 */
export const isHidden = (
  resource: Resource,
  confinement: Confinement | undefined,
  state: ItemState,
): boolean =>
  confinement?.seeing !== undefined &&
  state.is !== 'absent' &&
  subjectIn(resource, state) !== confinement.seeing

/** Why a body may not name this person: it is not the caller, who may do this for itself only. */
export const notYourself = ({ subjectField = 'person' }: Resource): Rejection => ({
  _tag: 'FieldNotAllowed',
  field: subjectField,
  detail: `${subjectField} must be yourself: your roles reach no further.`,
})

export const neverChanges = ({ subjectField = 'person' }: Resource): Rejection =>
  invalid({ pointer: `/${subjectField}`, detail: 'never changes: leave it as it is' })
