/** What some operations took: by the clock, and in CPU time of the process that served them. */
export interface Cost {
  readonly operations: number
  readonly milliseconds: number
  readonly cpuMilliseconds: number
}

export interface Ratio {
  readonly median: number
  readonly least: number
  readonly most: number
}

export interface Comparison {
  /** Operations per second, each as fast as it can. */
  readonly wall: Ratio
  /** Operations per second of CPU time, both at the same load. */
  readonly cpu: Ratio
  /** Median operations per second. */
  readonly bare: number
  readonly ours: number
}

const medianOf = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** In milliseconds. */
export interface Latency {
  readonly median: number
  readonly p99: number
}

export const latencyOf = (times: readonly number[]): Latency => {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return { median: at(0.5), p99: at(0.99) }
}

const ratioOf = (values: readonly number[]): Ratio => ({
  median: medianOf(values),
  least: Math.min(...values),
  most: Math.max(...values),
})

const perSecond = ({ operations, milliseconds }: Cost): number => (operations / milliseconds) * 1000
const perCpuSecond = ({ operations, cpuMilliseconds }: Cost): number => (operations / cpuMilliseconds) * 1000

/** Runs so many operations per second, or as many as it can. */
export type Round = (pace?: number) => Promise<Cost>

/** Of what ours can do at most: a load under which neither side is ever behind. */
const usualLoad = 0.7

/**
 * Runs bare and ours in turns; a ratio is ours against the bare round beside it. The clock compares both as fast as
 * they can. CPU time is compared at the same load, where there is one to give (`atPace`): a server that is always behind
 * finds many requests each time it looks and wakes nobody, so that full speed flatters the faster side. The first turn
 * only warms up, and tells the load.
 */
export const alternate = async (
  rounds: number,
  atPace: boolean,
  bare: Round,
  ours: Round,
): Promise<Comparison> => {
  let pace: number | undefined
  const turns: { bare: Cost; ours: Cost; bareAtPace: Cost; oursAtPace: Cost }[] = []
  for (let i = 0; i <= rounds; i += 1) {
    const fast = { bare: await bare(), ours: await ours() }
    pace ??= usualLoad * perSecond(fast.ours)
    const paced = atPace ? { bare: await bare(pace), ours: await ours(pace) } : fast
    if (i > 0) turns.push({ ...fast, bareAtPace: paced.bare, oursAtPace: paced.ours })
  }
  return {
    wall: ratioOf(turns.map(turn => perSecond(turn.ours) / perSecond(turn.bare))),
    cpu: ratioOf(turns.map(turn => perCpuSecond(turn.oursAtPace) / perCpuSecond(turn.bareAtPace))),
    bare: medianOf(turns.map(turn => perSecond(turn.bare))),
    ours: medianOf(turns.map(turn => perSecond(turn.ours))),
  }
}
