import type { Client } from './client.ts'

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const sampleIn = (line: string): Sample => {
  const [, name = '', labels = '', value = ''] = /^([a-z_:A-Z0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
  const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [
    key,
    text,
  ])
  return { name, labels: Object.fromEntries(pairs), value: Number(value) }
}

/** The samples in the text format of Prometheus (version 0.0.4). */
export const samplesIn = (text: string): readonly Sample[] =>
  text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(sampleIn)

/** What a hub counts of itself: reads one sample, undefined where there is none. */
export const metricsOf = async (client: Client) => {
  const samples = samplesIn((await client.get('/metrics')).text)
  return (name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
    samples.find(
      sample =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )?.value
}
