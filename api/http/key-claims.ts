import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { AuthUnavailable } from '../../auth/auth-store.ts'
import type { CommandContext, CommandFailure, Outcome } from '../../commands/handle.ts'
import { makeTurns } from '../../commands/turns.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Failure } from './problem.ts'

/** A claim of another request that has appended nothing for so long is taken over. */
const freshMilliseconds = 30_000
const mostWaiting = 1000

type Claim = () => Promise<E.Either<CommandFailure | AuthUnavailable, void>>

/** Runs a command whose key counts for a collection; `claim` is to be asked right before it appends events. */
export type WithKey = <Result extends Outcome<unknown>>(
  stream: string,
  context: CommandContext,
  run: (claim: Claim | undefined) => Promise<E.Either<Failure, Result>>,
) => Promise<E.Either<Failure, Result>>

/** The key of a path that names its thing: the thing's stream tells what it was used for. */
export const withoutClaim: WithKey = (_stream, _context, run) => run(undefined)

/** No two requests make the same claim. */
const claimOf = (stream: string, at: number): string => `${at} ${randomUUID()} ${stream}`

/** A claim; one of a release that noted no time is not fresh. */
const readClaim = (value: string): { readonly stream: string; readonly at: number } => {
  const [, at = '0', stream = value] = /^(\d+) [0-9a-f-]{36} (.*)$/s.exec(value) ?? []
  return { stream, at: Number(at) }
}

const usedElsewhere: Failure & CommandFailure = { _tag: 'KeyUsedForAnotherRequest' }

/**
 * The keys of a collection. There the body says which item is meant, so that no stream alone can tell what a key was used
 * for: the first request that appends events claims its key for its stream, for ever. Requests of one process with the
 * same key take turns. A request that is refused, or adds nothing, leaves no claim; one whose append failed with an unknown
 * outcome leaves it.
 */
export const keysOfCollection = (
  { claims, wasHandled }: Pick<ApiDependencies, 'claims' | 'wasHandled'>,
  now: () => number = Date.now,
): WithKey => {
  const turns = makeTurns(mostWaiting)

  /** Whether the claimed key belongs to a request about another stream. */
  const isOfAnother = async (
    claimed: string | undefined,
    stream: string,
    commandId: string,
  ): Promise<E.Either<CommandFailure, boolean>> => {
    if (claimed === undefined) return E.right(false)
    const other = readClaim(claimed).stream
    return other === stream ? E.right(false) : wasHandled(other, commandId)
  }

  const inTurn: WithKey = async (stream, context, run) => {
    const { commandId } = context
    const kept = await claims.claimed(commandId)
    if (E.isLeft(kept)) return kept
    const elsewhere = await isOfAnother(kept.right, stream, commandId)
    if (E.isLeft(elsewhere)) return elsewhere
    if (elsewhere.right) return E.left(usedElsewhere)

    const ours = claimOf(stream, now())
    let isOurs = false
    const claim: Claim = async () => {
      const holder = await claims.claim(commandId, ours)
      if (E.isLeft(holder)) return holder
      isOurs = holder.right === ours
      // Another request for the same stream: of two equal commands the stream takes one.
      const other = readClaim(holder.right)
      if (isOurs || other.stream === stream) return E.right(undefined)
      const handled = await isOfAnother(holder.right, stream, commandId)
      if (E.isLeft(handled)) return handled
      if (handled.right) return E.left(usedElsewhere)
      if (now() - other.at < freshMilliseconds) return E.left({ _tag: 'Busy' })
      const taken = await claims.claim(commandId, ours, holder.right)
      if (E.isLeft(taken)) return taken
      isOurs = taken.right === ours
      return isOurs ? E.right(undefined) : E.left({ _tag: 'Busy' })
    }

    const outcome = await run(claim)
    // The log may have taken the events without saying so.
    const isUnknown = E.isLeft(outcome) && ['LogUnavailable', 'EventUnreadable'].includes(outcome.left._tag)
    const isAdded = E.isRight(outcome) && outcome.right.added
    // A claim that could not be released is taken over once it is no longer fresh.
    if (isOurs && !isAdded && !isUnknown) await claims.releaseClaim(commandId, ours)
    return outcome
  }

  return async (stream, context, run) =>
    context.fingerprint === undefined
      ? run(undefined)
      : (turns.take(context.commandId, () => inTurn(stream, context, run)) ?? E.left({ _tag: 'Busy' }))
}
