import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { Failure } from '../api/http/problem.ts'
import type { CommandContext, Outcome } from '../commands/handle.ts'
import type { Core } from '../core.ts'
import type { ItemState } from '../domain/item.ts'
import { streamOf } from '../domain/resource.ts'
import { type ImportLine, lookedAt, type Refusal, readLine, refusalOf } from './import-line.ts'
import type { Bounds, Work } from './in-order.ts'
import type { Line } from './lines.ts'
import { registrarOf } from './operator.ts'

/** Lines under way: enough to share each commit of the log, fewer than passwords may wait to be hashed. */
export const bounds: Bounds = { most: 96, mostBytes: 8 * 1024 * 1024 }

/** What came of a line; `stopped` where nobody can tell, because a store is away. */
export type Result = { readonly line: Line } & (
  | { readonly is: 'added' | 'present'; readonly position: bigint | undefined; readonly state: ItemState }
  /** Without a failure where the line could not be read. */
  | { readonly is: 'refused'; readonly refusal: Refusal; readonly failure?: Failure }
  | { readonly is: 'stopped'; readonly failure: Failure }
)

type Importing = Pick<Core, 'acceptItem' | 'policy'>

/** Writes the item of a line as POST would for a caller who may do everything. */
const write = async (
  { acceptItem, policy }: Importing,
  { resource, identity, sent }: ImportLine,
  by: CommandContext,
): Promise<E.Either<Failure, Outcome<ItemState>>> => {
  const sender = { ...registrarOf(policy), takesHashes: true }
  const accepted = acceptItem(resource, identity, { _tag: 'Create', sent }, sender)
  if (E.isLeft(accepted)) return accepted
  return accepted.right({ preconditions: {}, context: { ...by, commandId: randomUUID() } })
}

const resultOf = (
  line: Line,
  { resource, identity }: ImportLine,
  outcome: E.Either<Failure, Outcome<ItemState>>,
): Result => {
  if (E.isRight(outcome)) {
    const { added, position, state } = outcome.right
    return { line, is: added ? 'added' : 'present', position, state }
  }
  const { left } = outcome
  return left._tag === 'LogUnavailable' || left._tag === 'AuthUnavailable'
    ? { line, is: 'stopped', failure: left }
    : { line, is: 'refused', refusal: refusalOf(left, resource, identity), failure: left }
}

/** The work that a line is; one that cannot be read touches nothing. */
export const workOf = (core: Importing, line: Line, by: CommandContext): Work<Result> => {
  const { bytes } = line
  const read =
    bytes === undefined ? E.left<Refusal>({ reason: 'A line has at most 1 MiB.' }) : readLine(bytes)
  if (E.isLeft(read))
    return { looksAt: [], bytes: 0, run: async () => ({ line, is: 'refused', refusal: read.left }) }
  const item = read.right
  return {
    changes: streamOf(item.resource, item.identity),
    looksAt: lookedAt(item),
    bytes: item.sent.bytes.length,
    run: async () => resultOf(line, item, await write(core, item, by)),
  }
}
