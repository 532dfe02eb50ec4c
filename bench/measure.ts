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
  readonly wall: Ratio
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

/** Runs bare and ours in turns; a ratio is ours against the bare round beside it. The first pair only warms up. */
export const alternate = async (
  rounds: number,
  bare: () => Promise<Cost>,
  ours: () => Promise<Cost>,
): Promise<Comparison> => {
  const pairs: { bare: Cost; ours: Cost }[] = []
  for (let i = 0; i <= rounds; i += 1) {
    const pair = { bare: await bare(), ours: await ours() }
    if (i > 0) pairs.push(pair)
  }
  return {
    wall: ratioOf(pairs.map(pair => perSecond(pair.ours) / perSecond(pair.bare))),
    cpu: ratioOf(pairs.map(pair => perCpuSecond(pair.ours) / perCpuSecond(pair.bare))),
    bare: medianOf(pairs.map(pair => perSecond(pair.bare))),
    ours: medianOf(pairs.map(pair => perSecond(pair.ours))),
  }
}
