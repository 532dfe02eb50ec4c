import * as E from '#fp/Either'
import { type Content, contentOf, isSameContent } from './content.ts'
import { accept, type Decider, type Decision, reject } from './decider.ts'
import type { Conditional, ItemState, PresentItem } from './item.ts'
import { foldingOf, keepingRules, presentItem, stale } from './item-state.ts'
import type { Resource } from './resource.ts'

/** Gives an item its content. One that it has already counts as replaced, also where only its type is another. */
export interface StoreContent extends Conditional {
  readonly content: Content
  readonly mayAdd: boolean
  readonly mayReplace: boolean
  /** Only where it has none yet. */
  readonly onlyNew: boolean
}

const storeContent = (
  { contentFact }: Resource,
  { content, onlyNew }: StoreContent,
  { item }: PresentItem,
): Decision => {
  const present = contentOf(item)
  if (present !== undefined && onlyNew) return reject({ _tag: 'StaleRevision' })
  return contentFact === undefined || (present !== undefined && isSameContent(content, present))
    ? accept()
    : accept({ type: contentFact, data: content })
}

/** The rules of the content of an item, where items of the resource have such. */
export const contentDecider = (resource: Resource): Decider<StoreContent, ItemState> => ({
  ...foldingOf(resource),

  decide: (command, state) => {
    const present = presentItem(resource, command, state)
    if (E.isLeft(present)) return present
    const { item, revision } = present.right
    const isAllowed = contentOf(item) === undefined ? command.mayAdd : command.mayReplace
    if (!isAllowed) return reject({ _tag: 'NotAllowed' })
    return stale(command.preconditions, revision)
      ? reject({ _tag: 'StaleRevision', revision })
      : keepingRules(resource, command, present.right, storeContent(resource, command, present.right))
  },
})
