import type { Readable } from 'node:stream'

export interface UploadTimes {
  /** Milliseconds that may pass without a byte. */
  readonly silent: number
  /** Milliseconds for all of it. */
  readonly whole: number
  /** Bytes that must arrive in each `silent` milliseconds: whoever sends less holds a place for nothing. */
  readonly least: number
}

/** A slow line can send what a hospital scans: 64 MiB at 300 kbit/s. At least 2 KiB a second must arrive. */
export const uploadTimes: UploadTimes = { silent: 30_000, whole: 1_800_000, least: 60 * 1024 }

/** What `arriving` throws when the bytes do not come in time. */
export const tooSlow = new Error('an upload did not arrive in time')

const inTime = async <A>(work: Promise<A>, milliseconds: number): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(tooSlow), milliseconds)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** The bytes of a request as they arrive. Whoever stops early leaves the request as it is, so that it can be answered. */
export async function* arriving(
  request: Readable,
  { silent, whole, least }: UploadTimes,
  now: () => number = () => performance.now(),
): AsyncGenerator<Uint8Array> {
  const pieces: AsyncIterator<Uint8Array> = request.iterator({ destroyOnReturn: false })
  const end = now() + whole
  let [spanEnds, arrived] = [now() + silent, 0]
  try {
    for (;;) {
      const next = await inTime(pieces.next(), Math.min(silent, end - now()))
      if (next.done === true) return
      arrived += next.value.length
      if (now() > spanEnds) {
        if (arrived < least) throw tooSlow
        spanEnds = now() + silent
        arrived = 0
      }
      yield next.value
    }
  } finally {
    // Not waited for: a piece that is still awaited may never come.
    pieces.return?.().catch(() => undefined)
  }
}

export interface PlaceBounds {
  /** At once, of all callers. */
  readonly most: number
  readonly mostOfOne: number
  /** Places of `most` for callers that have no upload under way. */
  readonly kept: number
  /** Of one caller. */
  readonly mostWaiting: number
  /** Milliseconds that one waits. */
  readonly patience: number
}

type Leave = () => void

/** A client that sends many at once is served in turn: it is told to try again only where that would take long. */
export const uploadBounds: PlaceBounds = {
  most: 64,
  mostOfOne: 16,
  kept: 16,
  mostWaiting: 112,
  patience: 10_000,
}

/** Places for uploads under way: so many at once, and so many of one caller. */
export interface Places {
  /** Waits for a place, and gives the way to give it back; undefined where too many wait, or none comes free in time. */
  readonly take: (caller: string) => Promise<Leave | undefined>
}

export const makePlaces = ({ most, mostOfOne, kept, mostWaiting, patience }: PlaceBounds): Places => {
  const taken = new Map<string, number>()
  const waiting = new Set<{ readonly caller: string; readonly enter: () => void }>()
  let all = 0

  const isFree = (caller: string): boolean => {
    const own = taken.get(caller) ?? 0
    return own === 0 ? all < most : own < mostOfOne && all < most - kept
  }

  const enter = (caller: string): Leave => {
    all += 1
    taken.set(caller, (taken.get(caller) ?? 0) + 1)
    return () => {
      all -= 1
      const left = (taken.get(caller) ?? 1) - 1
      if (left === 0) taken.delete(caller)
      else taken.set(caller, left)
      for (const one of waiting) if (isFree(one.caller)) return one.enter()
    }
  }

  return {
    take: async caller => {
      if (isFree(caller)) return enter(caller)
      if ([...waiting].filter(one => one.caller === caller).length >= mostWaiting) return undefined
      return new Promise(resolve => {
        const end = (leave: Leave | undefined): void => {
          clearTimeout(timer)
          waiting.delete(one)
          resolve(leave)
        }
        const one = { caller, enter: () => end(enter(caller)) }
        const timer = setTimeout(() => end(undefined), patience)
        waiting.add(one)
      })
    },
  }
}
