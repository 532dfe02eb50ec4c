/** How far each read model of this process has come, and whoever waits for it. */
export interface Progress {
  readonly moved: (model: string, position: bigint) => void
  /** Nothing will move for now: nobody waits. */
  readonly away: (model: string) => void
  /** Whether some model is not being fed. */
  readonly isAway: () => boolean
  /** Settles when it is worth while to look again how far the models are: soon while somebody waits for a position. */
  readonly untilWorthALook: (signal: AbortSignal) => Promise<void>
  readonly positions: () => readonly { readonly name: string; readonly position: bigint }[]
  /** Whether the model has come at least this far, and as far as it was before. */
  readonly hasReached: (model: string, position: bigint) => boolean
  /** Whether every model has. */
  readonly allReached: (position: bigint) => boolean
  /** True once the model has come this far, false after `milliseconds` or when it is away. */
  readonly reached: (model: string, position: bigint, milliseconds: number) => Promise<boolean>
}

interface Waiter {
  readonly model: string
  readonly position: bigint
  readonly settle: (reached: boolean) => void
}

const whileWaitedFor = 20
const otherwise = 250

export const makeProgress = (models: readonly string[]): Progress => {
  const positions = new Map(models.map(name => [name, 0n]))
  const furthest = new Map(positions)
  const absent = new Set(models)
  const waiters = new Set<Waiter>()
  let wake: (() => void) | undefined

  const settle = (model: string, which: (waiter: Waiter) => boolean, reached: boolean) => {
    for (const waiter of waiters) if (waiter.model === model && which(waiter)) waiter.settle(reached)
  }
  const has = (model: string, position: bigint) => (positions.get(model) ?? 0n) >= position

  const hasReached = (model: string, position: bigint) =>
    has(model, position) && has(model, furthest.get(model) ?? 0n)

  return {
    moved: (model, position) => {
      positions.set(model, position)
      if (position > (furthest.get(model) ?? 0n)) furthest.set(model, position)
      absent.delete(model)
      settle(model, waiter => waiter.position <= position, true)
    },
    away: model => {
      absent.add(model)
      settle(model, () => true, false)
    },
    isAway: () => absent.size > 0,
    untilWorthALook: signal =>
      new Promise(resolve => {
        const isWaitedFor = waiters.size > 0
        const look = () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', look)
          wake = undefined
          resolve()
        }
        const timer = setTimeout(look, isWaitedFor ? whileWaitedFor : otherwise)
        signal.addEventListener('abort', look)
        if (!isWaitedFor) wake = look
      }),
    positions: () => [...positions].map(([name, position]) => ({ name, position })),
    hasReached,
    allReached: position => models.every(model => hasReached(model, position)),
    reached: (model, position, milliseconds) => {
      if (has(model, position)) return Promise.resolve(true)
      if (absent.has(model)) return Promise.resolve(false)
      return new Promise(resolve => {
        const waiter: Waiter = {
          model,
          position,
          settle: reached => {
            clearTimeout(timer)
            waiters.delete(waiter)
            resolve(reached)
          },
        }
        const timer = setTimeout(() => waiter.settle(false), milliseconds)
        waiters.add(waiter)
        wake?.()
      })
    },
  }
}
