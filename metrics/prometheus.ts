import { collectDefaultMetrics, type Gauge, Registry } from 'prom-client'
import { authMetrics, relayMetrics, requestMetrics, storeMetrics } from './counted.ts'
import { type Instruments, instrumentsIn } from './instruments.ts'
import type { Metrics, Watched } from './metrics.ts'

type Look = () => void | Promise<void>

/** How what is watched is looked up; what nobody watches in this process is absent. */
const watching = ({ gauge, counter }: Instruments, watched: Partial<Watched>): readonly Look[] => {
  const looks: Look[] = []
  const look = (value: (() => number) | undefined, make: () => Gauge) => {
    if (value === undefined) return
    const made = make()
    looks.push(() => made.set(value()))
  }
  look(watched.standingAge, () =>
    gauge('standing_age_seconds', 'Since the event log was last heard of; standing is as old.'),
  )
  look(watched.memoryHeld, () =>
    gauge('http_request_memory_bytes', 'Memory that bodies and answers under way hold.'),
  )
  look(watched.requestsAtWork, () => gauge('http_requests_at_work', 'Requests that are being worked on.'))
  look(watched.requestsWaiting, () =>
    gauge('http_requests_waiting', 'Requests that wait until they are worked on.'),
  )
  const { logCommits, modelLags } = watched
  if (logCommits !== undefined) {
    const commits = counter('log_commits_total', 'Transactions of the embedded event log of this process.')
    looks.push(() => {
      commits.reset()
      commits.inc(logCommits())
    })
  }
  if (modelLags !== undefined) {
    const events = gauge(
      'read_model_lag_events',
      'Events of the log that a read model lacks; estimated where it lacks more than 500.',
      ['model'],
    )
    const seconds = gauge(
      'read_model_lag_seconds',
      'Since the first event that a read model lacks was recorded; 0 where it lacks none.',
      ['model'],
    )
    looks.push(async () => {
      for (const lag of await modelLags()) {
        events.set({ model: lag.model }, lag.events)
        seconds.set({ model: lag.model }, lag.seconds)
      }
    })
  }
  return looks
}

/**
 * The metrics of one hub, in a registry of its own. Whoever has the process to itself measures that, too (`process_…` and
 * `nodejs_…`, as all programs on Node call them).
 */
export const makeMetrics = (of: 'a hub' | 'a hub and its process'): Metrics => {
  const registry = new Registry()
  const instruments = instrumentsIn(registry)
  if (of === 'a hub and its process') collectDefaultMetrics({ register: registry })
  const looks: Look[] = []
  return {
    ...requestMetrics(instruments),
    ...storeMetrics(instruments),
    ...authMetrics(instruments),
    ...relayMetrics(instruments),
    watch: watched => {
      looks.push(...watching(instruments, watched))
    },
    exposition: async () => {
      await Promise.all(looks.map(look => look()))
      return { type: registry.contentType, text: await registry.metrics() }
    },
  }
}
