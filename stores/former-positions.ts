import type { Either } from '#fp/Either'
import { formerShape, positionsKept, positionsStream } from '../domain/hub-events.ts'
import { isLogFailure, type LogFailure } from '../domain/log-failure.ts'
import { attempted } from './attempted.ts'
import { parseText, type StoredEvent, type StoredLog } from './stored.ts'

/** An event that was moved: its position before, and now. */
export interface Place {
  readonly former: bigint
  readonly position: bigint
}

const mostBlocks = 16

/** The position the event had before it was moved; undefined for one that was not. */
export const formerOf = ({ metadata }: StoredEvent): bigint | undefined => {
  const parsed = formerShape.safeParse(parseText(metadata))
  return parsed.success ? BigInt(parsed.data.former.position) : undefined
}

/** The last of the places that is not past `former`; they are in their order. */
const lastUpTo = (places: readonly Place[], former: bigint): number => {
  let [low, high] = [0, places.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((places[middle]?.former ?? 0n) <= former) low = middle + 1
    else high = middle
  }
  return low - 1
}

/**
 * Finds in a log that was moved where a position of the epoch before is now: that of the last event up to it. What
 * comes after a position then comes after it now. Undefined for one past the end of that epoch. The table kept in the
 * log names every so many events; between two of them the events themselves are read, and remembered a while.
 */
export const formerPositions = (
  stored: StoredLog,
  epoch: number,
): ((former: bigint) => Promise<Either<LogFailure, bigint | undefined>>) => {
  const { signal } = new AbortController()
  const blocks = new Map<number, Promise<readonly Place[]>>()
  let table: Promise<readonly Place[]> | undefined

  const readTable = async (): Promise<readonly Place[]> => {
    const places: Place[] = []
    const stream = positionsStream(epoch)
    for (let from = 0, more = true; more; ) {
      const read = await stored.read(stream, from)
      if (read._tag === 'Left') throw read.left
      for (const { data, position } of read.right.events) {
        const part = positionsKept.safeParse(parseText(data))
        const failure: LogFailure = { _tag: 'EventUnreadable', stream, position, reason: 'damaged' }
        if (!part.success) throw failure
        for (const [was, is] of part.data.entries) places.push({ former: BigInt(was), position: BigInt(is) })
      }
      from += read.right.events.length
      more = read.right.more
    }
    return places
  }

  const readBlock = async (first: Place, until: bigint): Promise<readonly Place[]> => {
    const places = [first]
    for await (const { events } of stored.follow(first.position, { signal, toHead: true }))
      for (const event of events) {
        const former = formerOf(event)
        if (former !== undefined && former >= until) return places
        if (former !== undefined) places.push({ former, position: event.position })
      }
    return places
  }

  const kept = (): Promise<readonly Place[]> => {
    table ??= readTable().catch(cause => {
      table = undefined
      throw cause
    })
    return table
  }

  const block = (number: number, first: Place, until: bigint): Promise<readonly Place[]> => {
    const cached = blocks.get(number)
    if (cached !== undefined) return cached
    const [oldest] = blocks.keys()
    if (blocks.size >= mostBlocks && oldest !== undefined) blocks.delete(oldest)
    const reading = readBlock(first, until).catch(cause => {
      blocks.delete(number)
      throw cause
    })
    blocks.set(number, reading)
    return reading
  }

  const find = async (former: bigint): Promise<bigint | undefined> => {
    const places = await kept()
    const number = lastUpTo(places, former)
    const [first, next] = [places[number], places[number + 1]]
    if (first === undefined) return 0n
    if (first.former === former) return first.position
    if (next === undefined) return undefined
    const blockPlaces = await block(number, first, next.former)
    return blockPlaces[lastUpTo(blockPlaces, former)]?.position
  }

  return former =>
    attempted(
      () => find(former),
      cause => (isLogFailure(cause) ? cause : { _tag: 'LogUnavailable', cause }),
    )
}
