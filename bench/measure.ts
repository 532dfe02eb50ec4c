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

const ratioOf = (values: readonly number[]): Ratio => ({
  median: medianOf(values),
  least: Math.min(...values),
  most: Math.max(...values),
})

const perSecond = ({ operations, milliseconds }: Cost): number => (operations / milliseconds) * 1000
const perCpuSecond = ({ operations, cpuMilliseconds }: Cost): number => (operations / cpuMilliseconds) * 1000

/** Runs so many operations per second, or as many as it can. */
export type Round = (pace?: number) => Promise<Cost>

/**
 * Runs bare and ours in turns; a ratio is ours against the bare rounds beside it. CPU time is compared at the same
 * load: `atPace`, bare runs once more as fast as ours did. (A server that is asked faster than it can answer finds
 * many requests each time it looks and wakes nobody; one that waits pays for every wake.) The first turn only warms up.
 */
export const alternate = async (
  rounds: number,
  atPace: boolean,
  bare: Round,
  ours: Round,
): Promise<Comparison> => {
  const turns: { bare: Cost; ours: Cost; paced: Cost }[] = []
  for (let i = 0; i <= rounds; i += 1) {
    const fast = await bare()
    const own = await ours()
    const turn = { bare: fast, ours: own, paced: atPace ? await bare(perSecond(own)) : fast }
    if (i > 0) turns.push(turn)
  }
  return {
    wall: ratioOf(turns.map(turn => perSecond(turn.ours) / perSecond(turn.bare))),
    cpu: ratioOf(turns.map(turn => perCpuSecond(turn.ours) / perCpuSecond(turn.paced))),
    bare: medianOf(turns.map(turn => perSecond(turn.bare))),
    ours: medianOf(turns.map(turn => perSecond(turn.ours))),
  }
}
