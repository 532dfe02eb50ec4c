import * as E from '#fp/Either'
import type { Failure } from '../../api/http/problem.ts'
import { creatingBody } from '../../commands/item-requests.ts'
import { readItem } from '../../commands/items.ts'
import type { Core } from '../../core.ts'
import type { PresentItem } from '../../domain/item.ts'
import { itemOf } from '../../domain/item-body.ts'
import { contentFields } from '../../domain/item-content.ts'
import { itemDecider } from '../../domain/item-decider.ts'
import { type JsonObject, member, withoutMembers } from '../../domain/json.ts'
import { changesBetween } from '../../domain/json-changes.ts'
import { subjectIn } from '../../domain/subject.ts'
import { type ImportLine, readLine } from '../import-line.ts'
import type { Work } from '../in-order.ts'
import { hasContent } from './row-content.ts'
import { importLineOf, type RowItem } from './row-item.ts'
import type { Row } from './tables.ts'

/** What the hub has of a row. `changed since` is what was brought over so, and was changed in the hub afterwards. */
export type Verdict =
  | { readonly is: 'equal' | 'changed since' }
  | { readonly is: 'different'; readonly what: string; readonly paths?: readonly string[] }

export type Comparison = { readonly item: RowItem } & (
  | Verdict
  | { readonly is: 'stopped'; readonly failure: Failure }
)

type Stores = Pick<Core, 'ports' | 'passwords' | 'contents'>

const different = (what: string, paths?: readonly string[]): Verdict => ({
  is: 'different',
  what,
  ...(paths && { paths }),
})

/** Whether a person's password is the hash that the row has. */
const comparePassword = async (
  { passwords }: Stores,
  { resource, identity, sent }: ImportLine,
  { credential, revision }: PresentItem,
): Promise<E.Either<Failure, Verdict>> => {
  const hash = resource.secretField === undefined ? undefined : member(sent.json, resource.secretField)
  if (typeof hash !== 'string') return E.right({ is: 'equal' })
  if (credential === undefined) return E.right(different('the hub has no password of this person'))
  const same = await passwords.wasImportedFrom(identity.id, credential, hash)
  if (E.isLeft(same)) return same
  if (same.right) return E.right({ is: 'equal' })
  return E.right(revision > 0 ? { is: 'changed since' } : different('the hub has another password'))
}

/** Whether an item has the bytes that the row has, and they can be read. */
const compareContent = async (
  { contents }: Stores,
  { document }: Row,
  { resource }: ImportLine,
  state: PresentItem,
): Promise<E.Either<Failure, Verdict>> => {
  if (document === undefined) return E.right({ is: 'equal' })
  if (!hasContent(state, document)) return E.right(different('the hub has another content, or none'))
  const subject = subjectIn(resource, state)
  const verified = await contents.verify(subject === undefined ? document : { ...document, subject })
  if (E.isRight(verified)) return E.right({ is: 'equal' })
  return verified.left._tag === 'ContentDamaged'
    ? E.right(different('the content in the hub is damaged'))
    : verified
}

/** Compares the data as an import does that comes upon an item. */
export const compareData = (
  { resource, identity }: ImportLine,
  body: JsonObject,
  state: PresentItem,
): Verdict => {
  const { decide } = itemDecider(resource, identity)
  const addsNothing = (to: PresentItem): boolean => {
    const decision = decide({ _tag: 'Create', body, preconditions: {} }, to)
    return E.isRight(decision) && decision.right.length === 0
  }
  if (addsNothing({ ...state, created: state.item })) return { is: 'equal' }
  if (addsNothing(state)) return { is: 'changed since' }
  const shown = withoutMembers(state.item, contentFields(resource))
  const paths = changesBetween(itemOf(resource, identity, body), shown).map(({ path }) => path)
  return different('the item in the hub has other content', paths)
}

const compare = async (stores: Stores, row: Row, line: ImportLine): Promise<E.Either<Failure, Verdict>> => {
  const { resource, identity, sent } = line
  const body = creatingBody(resource, identity, sent)
  if (E.isLeft(body)) return body
  const read = await readItem(stores.ports.log)(resource, identity)
  if (E.isLeft(read)) return read
  const state = read.right
  if (state.is === 'absent') return E.right(different('it is not in the hub'))
  if (state.is === 'removed' || state.is === 'erased') return E.right({ is: 'changed since' })
  const verdicts = [
    E.right(compareData(line, body.right, state)),
    await comparePassword(stores, line, state),
    await compareContent(stores, row, line, state),
  ]
  const failed = verdicts.find(E.isLeft)
  if (failed !== undefined) return failed
  const all = verdicts.flatMap(verdict => (E.isRight(verdict) ? [verdict.right] : []))
  const worst = all.find(({ is }) => is === 'different') ?? all.find(({ is }) => is === 'changed since')
  return E.right(worst ?? { is: 'equal' })
}

/** The work that the comparison of a row with the hub is; the hub's side is read from the log. */
export const workOfComparison = (stores: Stores, item: RowItem): Work<Comparison> => {
  const bytes = Buffer.from(importLineOf(item))
  return {
    looksAt: [],
    bytes: bytes.length,
    run: async () => {
      const line = readLine(bytes)
      if (E.isLeft(line)) return { item, ...different('its row cannot be read as an item') }
      const compared = await compare(stores, item.row, line.right)
      return E.isLeft(compared)
        ? { item, is: 'stopped', failure: compared.left }
        : { item, ...compared.right }
    },
  }
}
