import type { Decision } from './decider.ts'
import { type JsonObject, jsonText } from './json.ts'

export type ItemState =
  | { readonly is: 'absent' }
  | {
      readonly is: 'present'
      readonly item: JsonObject
      /** As the creating event has it: a repeat of that request is recognised by it. */
      readonly created: JsonObject
      readonly revision: number
      /** The version of the credential that opens this account. */
      readonly credential?: string
      /** The revision with which it came to have a content. */
      readonly contentSince?: number
      /** A hold keeps the person from being forgotten. */
      readonly held?: true
    }
  | { readonly is: 'removed'; readonly revision: number; readonly subject?: string; readonly held?: true }
  /** The person it was about is forgotten; of a person's own stream, with the certificate once there is one. */
  | {
      readonly is: 'erased'
      readonly revision: number
      readonly subject?: string
      readonly certificate?: string
    }

export type PresentItem = Extract<ItemState, { is: 'present' }>

/** Entity tags of a conditional request (RFC 9110, section 13.1), as revisions. */
export interface Preconditions {
  readonly ifMatch?: '*' | readonly number[]
  readonly ifNoneMatch?: '*' | readonly number[]
}

/** The person to whose things the caller is confined, new ones and those there are; undefined where it is not. */
export interface Confinement {
  readonly creating: string | undefined
  readonly seeing: string | undefined
}

/** What every command about an item has. */
export interface Conditional {
  readonly preconditions: Preconditions
  /** Only where the item itself says whose it is. */
  readonly confinement?: Confinement
}

/** Makes an item of a body, or recognises the one that is there. */
export interface CreateItem extends Conditional {
  readonly _tag: 'Create'
  readonly body: JsonObject
}

/** Makes an item of a body, or replaces the one that is there. */
export interface PutItem extends Conditional {
  readonly _tag: 'Put'
  readonly body: JsonObject
  readonly mayCreate: boolean
  readonly mayReplace: boolean
}

/** The commands that items of every resource have. */
export type ItemCommand =
  | CreateItem
  | PutItem
  | ({ readonly _tag: 'Patch'; readonly patch: JsonObject } & Conditional)
  | ({ readonly _tag: 'Remove' } & Conditional)

/** What decides on a body, once it is clear that the caller may send it, and means this item at this revision. */
export interface ItemRules {
  /** Where there is no item. */
  readonly create: (command: CreateItem | PutItem) => Decision
  /** Where there is one. */
  readonly change: (command: ItemCommand, state: PresentItem) => Decision
}

/** Bytes of an item as stored, in UTF-8. */
export const itemLimit = 900 * 1024

export const exceedsItemLimit = (item: JsonObject): boolean => {
  const text = jsonText(item)
  return text.length * 3 > itemLimit && new TextEncoder().encode(text).length > itemLimit
}
