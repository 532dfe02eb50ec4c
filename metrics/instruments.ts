import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

type Labels = readonly string[]

/** What measures, in one registry: names without the prefix, with units as Prometheus has them. */
export const instrumentsIn = (registry: Registry) => {
  const base = (name: string, help: string, labels: Labels) => ({
    name: `thalamus_${name}`,
    help,
    labelNames: [...labels],
    registers: [registry],
  })
  return {
    counter: (name: string, help: string, labels: Labels = []) => new Counter(base(name, help, labels)),
    gauge: (name: string, help: string, labels: Labels = []) => new Gauge(base(name, help, labels)),
    histogram: (name: string, help: string, buckets: readonly number[], labels: Labels = []) =>
      new Histogram({ ...base(name, help, labels), buckets: [...buckets] }),
  }
}

export type Instruments = ReturnType<typeof instrumentsIn>
