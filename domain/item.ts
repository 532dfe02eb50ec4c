import type { Content } from './content.ts'
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
    }
  | { readonly is: 'removed'; readonly revision: number; readonly subject?: string }

/** Entity tags of a conditional request (RFC 9110, section 13.1), as revisions. */
export interface Preconditions {
  readonly ifMatch?: '*' | readonly number[]
  readonly ifNoneMatch?: '*' | readonly number[]
}

/** What a body says about a password: nothing, one that is checked against the person's, or one that is new. */
export type SaidPassword =
  | { readonly is: 'none' }
  | { readonly is: 'present' }
  | { readonly is: 'other' }
  | { readonly is: 'new'; readonly credential: string }

/** What else than the fields of everybody the creator may set. */
export interface CreationRights {
  readonly roles: boolean
  readonly password: boolean
}

/** What a creating body says, and what its sender may say. */
export interface Creation {
  readonly body: JsonObject
  readonly password: SaidPassword
  readonly rights: CreationRights
  readonly knownRoles: readonly string[]
}

/** The person to whose things the caller is confined, new ones and those there are; undefined where it is not. */
export interface Confinement {
  readonly creating: string | undefined
  readonly seeing: string | undefined
}

interface Conditional {
  readonly preconditions: Preconditions
  /** Only where the item itself says whose it is. */
  readonly confinement?: Confinement
}

export type ItemCommand =
  | ({ readonly _tag: 'Create' } & Creation & Conditional)
  | ({ readonly _tag: 'Put'; readonly mayCreate: boolean; readonly mayReplace: boolean } & Creation &
      Conditional)
  | ({ readonly _tag: 'Patch'; readonly patch: JsonObject } & Conditional)
  | ({ readonly _tag: 'Remove' } & Conditional)
  | ({
      readonly _tag: 'AssignRoles'
      readonly roles: readonly string[]
      readonly knownRoles: readonly string[]
    } & Conditional)
  | ({ readonly _tag: 'SetActive'; readonly active: boolean } & Conditional)
  | ({ readonly _tag: 'SetPassword'; readonly credential: string } & Conditional)
  | StoreContent

/** Gives an item its content. One that it has already counts as replaced, also where only its type is another. */
export interface StoreContent extends Conditional {
  readonly _tag: 'StoreContent'
  readonly content: Content
  readonly mayAdd: boolean
  readonly mayReplace: boolean
  /** Only where it has none yet. */
  readonly onlyNew: boolean
}

/** Bytes of an item as stored, in UTF-8. */
export const itemLimit = 900 * 1024

export const exceedsItemLimit = (item: JsonObject): boolean => {
  const text = jsonText(item)
  return text.length * 3 > itemLimit && new TextEncoder().encode(text).length > itemLimit
}
