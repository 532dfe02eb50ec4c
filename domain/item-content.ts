import * as E from '#fp/Either'
import { contentField } from './content.ts'
import type { ItemCommand } from './item.ts'
import { effectivePatch, equalJson, hasMembers, type JsonObject, member, withoutMembers } from './json.ts'
import { invalid, type Rejection } from './rejection.ts'
import type { Resource } from './resource.ts'

/** The fields in which items of a resource show their content: one, or none. */
export const contentFields = ({ contentFact }: Resource): readonly string[] =>
  contentFact === undefined ? [] : [contentField]

const bodyWithout = (
  resource: Resource,
  body: JsonObject,
  item: JsonObject,
  isPatch: boolean,
): E.Either<Rejection, JsonObject> => {
  const sent = member(body, contentField)
  const isEqual =
    sent === undefined ||
    (isPatch
      ? !hasMembers(effectivePatch(item, { [contentField]: sent }))
      : equalJson(sent, sent === null ? null : (member(item, contentField) ?? null)))
  return !isEqual
    ? E.left(invalid({ pointer: `/${contentField}`, detail: 'changes by PUT …/content only: leave it out' }))
    : E.right(withoutMembers(body, contentFields(resource)))
}

/**
 * A command whose body says nothing of the item's content: that changes by a command of its own, and a body may only
 * repeat it.
 */
export const withoutContent = <Command extends ItemCommand>(
  resource: Resource,
  command: Command,
  item: JsonObject,
): E.Either<Rejection, Command> => {
  if (resource.contentFact === undefined) return E.right(command)
  if ('body' in command)
    return E.map((body: JsonObject) => ({ ...command, body }))(
      bodyWithout(resource, command.body, item, false),
    )
  if ('patch' in command)
    return E.map((patch: JsonObject) => ({ ...command, patch }))(
      bodyWithout(resource, command.patch, item, true),
    )
  return E.right(command)
}
