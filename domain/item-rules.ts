import * as E from '#fp/Either'
import { accept, type Decision, reject } from './decider.ts'
import type { ItemRules, PresentItem } from './item.ts'
import { asSaid, itemOf, patchOf } from './item-body.ts'
import { contentFields, withoutContent } from './item-content.ts'
import { effectivePatch, equalJson, hasMembers, type JsonObject, member, withMembers } from './json.ts'
import { moveOf, withoutRemoval } from './lifecycle.ts'
import type { Identity, Resource } from './resource.ts'
import { notYourself, subjectOf } from './subject.ts'

/** The members of an item that it has of these fields. */
export const membersOf = (item: JsonObject, fields: readonly string[]): JsonObject =>
  Object.fromEntries(
    fields.flatMap(field => {
      const value = member(item, field)
      return value === undefined ? [] : [[field, value] as const]
    }),
  )

/** The rules of the items of every resource: they are the same for all, but for what the declaration says. */
export const usualRules = (resource: Resource, identity: Identity): ItemRules => {
  const isSame = (body: JsonObject, item: JsonObject): boolean =>
    equalJson(
      asSaid(resource, identity, body, itemOf(resource, identity, body)),
      asSaid(resource, identity, body, item),
    )

  const replace = (body: JsonObject, { item: before }: PresentItem): Decision => {
    const kept = membersOf(before, contentFields(resource))
    const lasting = membersOf(before, resource.lifecycle === undefined ? [] : [resource.lifecycle.field])
    const replacement = itemOf(resource, identity, body, { ...kept, ...lasting })
    const move = moveOf(resource, before, replacement)
    if (move.is === 'refused') return reject(move.rejection)
    const item = withMembers(replacement, { ...kept, ...lasting })
    const moved =
      move.is === 'made' ? [{ type: move.fact, data: membersOf(replacement, Object.keys(lasting)) }] : []
    return equalJson(item, before)
      ? accept(...moved)
      : accept({ type: resource.events.replaced, data: item }, ...moved)
  }

  const patch = (body: JsonObject, { item }: PresentItem): Decision => {
    const effective = effectivePatch(item, withoutRemoval(resource, patchOf(resource, identity, body)))
    if (!hasMembers(effective)) return accept()
    const move = moveOf(resource, item, effective)
    if (move.is === 'refused') return reject(move.rejection)
    return accept({ type: move.is === 'made' ? move.fact : resource.events.changed, data: effective })
  }

  return {
    create: command => {
      const silent = withoutContent(resource, command, {})
      if (E.isLeft(silent)) return silent
      const { body, confinement } = silent.right
      const item = itemOf(resource, identity, body)
      return confinement?.creating !== undefined && subjectOf(resource, item) !== confinement.creating
        ? reject(notYourself(resource))
        : accept({ type: resource.events.created, data: item })
    },

    change: (sent, state) => {
      const silent = withoutContent(resource, sent, state.item)
      if (E.isLeft(silent)) return silent
      const command = silent.right
      switch (command._tag) {
        case 'Create':
          return isSame(command.body, state.item) || isSame(command.body, state.created)
            ? accept()
            : reject({ _tag: 'ExistsWithOtherContent', what: resource.noun })
        case 'Put':
          return replace(command.body, state)
        case 'Patch':
          return patch(command.patch, state)
        case 'Remove': {
          const why = resource.notRemovable?.(state.item)
          return why === undefined
            ? accept({ type: resource.events.removed, data: {} })
            : reject({ _tag: 'WrongState', detail: why })
        }
      }
    },
  }
}
