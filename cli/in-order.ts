/** One of many pieces of work, and the names of what it changes and looks at. */
export interface Work<A> {
  readonly changes?: string
  readonly looksAt: readonly string[]
  /** How much it holds in memory. */
  readonly bytes: number
  readonly run: () => Promise<A>
}

export interface Bounds {
  readonly most: number
  readonly mostBytes: number
}

/** Who works on a name: the last one to change it, and those who look at it since. */
interface Workers {
  changing: Promise<unknown> | undefined
  looking: Set<Promise<unknown>>
}

/**
 * Does many pieces of work at the same time, `bounds.most` at most, as if they were done one after the other: none begins
 * before those ahead of it have ended that change what it changes or looks at, or look at what it changes. Gives what
 * comes of them in their order. Ended early, it begins no more, and waits for what has begun.
 */
export async function* inOrder<A>(
  works: AsyncIterable<Work<A>>,
  { most, mostBytes }: Bounds,
): AsyncGenerator<A> {
  const names = new Map<string, Workers>()
  const underWay: { readonly bytes: number; readonly done: Promise<A | undefined> }[] = []
  let bytesUnderWay = 0
  let ended = false

  const workersOn = (name: string): Workers => {
    const uses = names.get(name) ?? { changing: undefined, looking: new Set() }
    names.set(name, uses)
    return uses
  }

  const leave = (name: string, done: Promise<unknown>): void => {
    const workers = workersOn(name)
    if (workers.changing === done) workers.changing = undefined
    workers.looking.delete(done)
    if (workers.changing === undefined && workers.looking.size === 0) names.delete(name)
  }

  const begin = ({ changes, looksAt, bytes, run }: Work<A>): void => {
    const ahead = looksAt.map(name => workersOn(name).changing)
    if (changes !== undefined) {
      const { changing, looking } = workersOn(changes)
      ahead.push(changing, ...looking)
    }
    const waitsFor = ahead.filter(done => done !== undefined)
    const done: Promise<A | undefined> = (
      waitsFor.length === 0 ? Promise.resolve() : Promise.allSettled(waitsFor)
    )
      .then(() => (ended ? undefined : run()))
      .finally(() => {
        for (const name of looksAt) leave(name, done)
        if (changes !== undefined) leave(changes, done)
      })
    // Awaited in its turn; until then a failure is nobody's.
    done.catch(() => undefined)
    for (const name of looksAt) workersOn(name).looking.add(done)
    if (changes !== undefined) workersOn(changes).changing = done
    underWay.push({ bytes, done })
    bytesUnderWay += bytes
  }

  const first = async (): Promise<readonly A[]> => {
    const head = underWay.shift()
    if (head === undefined) return []
    bytesUnderWay -= head.bytes
    const result = await head.done
    return result === undefined ? [] : [result]
  }

  try {
    for await (const work of works) {
      while (underWay.length >= most || (underWay.length > 0 && bytesUnderWay + work.bytes > mostBytes))
        yield* await first()
      begin(work)
    }
    while (underWay.length > 0) yield* await first()
  } finally {
    ended = true
    await Promise.allSettled(underWay.map(({ done }) => done))
  }
}
