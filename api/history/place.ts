import * as E from '#fp/Either'
import { parseInstant, timeRule } from '../../domain/instant.ts'
import type { InvalidPart } from '../../domain/rejection.ts'
import type { Place } from '../../projections/past.ts'
import type { ModelCheckpoint } from '../../projections/read-store.ts'
import { versions } from '../../projections/versions.ts'
import type { Call } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'
import { type ReadDependencies, readable } from '../http/reading.ts'

const waitMilliseconds = 1_000

/** A time in milliseconds since the epoch, rounded down; undefined for what is none. Without a zone it is UTC. */
export const parseTime = (text: string): bigint | undefined => {
  const instant = parseInstant(text)
  return instant === undefined ? undefined : BigInt(Math.floor(Date.parse(`${instant.slice(0, 23)}Z`)))
}

export const asOfProblem: InvalidPart = { parameter: 'asOf', detail: timeRule }

/** How far the history can be read now. */
const presentCheckpoint = async (
  dependencies: ReadDependencies,
  call: Pick<Call, 'request'>,
): Promise<E.Either<Failure, ModelCheckpoint>> => {
  const isReadable = await readable(dependencies, call, versions)
  return E.isLeft(isReadable) ? isReadable : dependencies.readModels.checkpoint(versions)
}

/** The whole history, as far as the read side has it. */
export const presentPlace = async (
  dependencies: ReadDependencies,
  call: Pick<Call, 'request'>,
): Promise<E.Either<Failure, Place>> => {
  const checkpoint = await presentCheckpoint(dependencies, call)
  return E.isLeft(checkpoint) ? checkpoint : E.right({ position: checkpoint.right.position })
}

/**
 * The place of a read as of a time, in milliseconds since the epoch. Once the log's clock has passed that time, the answer is
 * the same for ever. Before that, what the log holds now is waited for, up to a second.
 */
export const placeAsOf = async (
  dependencies: ReadDependencies,
  call: Pick<Call, 'request'>,
  time: bigint,
): Promise<E.Either<Failure, Place>> => {
  const { readModels, progress, logHead } = dependencies
  const checkpoint = await presentCheckpoint(dependencies, call)
  if (E.isLeft(checkpoint)) return checkpoint
  if (checkpoint.right.clock > time) return E.right({ position: checkpoint.right.position, time })
  const head = await logHead()
  if (E.isLeft(head)) return head
  if (!(await progress.reached(versions.name, head.right, waitMilliseconds)))
    return E.left({ _tag: 'PositionNotReached' })
  const reached = await readModels.checkpoint(versions)
  return E.isLeft(reached) ? reached : E.right({ position: reached.right.position, time })
}

/** The place of a further page of a list of the past: where its first page looked. */
export const placeOfCursor = async (
  { positionOf, progress, logHead }: ReadDependencies,
  position: string,
  time: bigint | undefined,
): Promise<E.Either<Failure, Place | undefined>> => {
  const number = await positionOf(position)
  if (E.isLeft(number) || number.right === undefined) return number as E.Either<Failure, undefined>
  const head = await logHead()
  if (E.isLeft(head)) return head
  if (number.right > head.right) return E.right(undefined)
  if (!(await progress.reached(versions.name, number.right, waitMilliseconds)))
    return E.left({ _tag: 'PositionNotReached' })
  return E.right({ position: number.right, ...(time === undefined ? {} : { time }) })
}

/** `Memento-Datetime` (RFC 7089, section 2.1.1): the time asked for, or now where that has not come yet. */
export const mementoHeaders = (time: bigint): Readonly<Record<string, string>> => ({
  'Memento-Datetime': new Date(Math.min(Number(time), Date.now())).toUTCString(),
})
