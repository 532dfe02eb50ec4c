import type { Gauge } from 'prom-client'
import type { Instruments } from './instruments.ts'
import type { Metrics, StoreName, WaitingFor } from './metrics.ts'

const stores: readonly StoreName[] = ['log', 'reads', 'credentials', 'contents', 'deliveries', 'bodies']
const waits: readonly WaitingFor[] = ['feed', 'inbox', 'stream']
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const appendSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]
const deliverySeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Counts up when something begins, and down when it ends. */
const underWay = (gauge: Gauge, labels: Readonly<Record<string, string>>): (() => void) => {
  gauge.inc(labels)
  return () => gauge.dec(labels)
}

export const requestMetrics = ({ counter, histogram, gauge }: Instruments) => {
  const requests = counter('http_requests_total', 'Requests that were answered.', [
    'method',
    'route',
    'status',
  ])
  const durations = histogram(
    'http_request_duration_seconds',
    'From the head of a request to its answer, without waiting for the client or for something to come.',
    requestSeconds,
    ['method', 'route'],
  )
  const refusals = counter(
    'http_requests_refused_total',
    'Requests beyond what is worked on at once, of their caller or in the process.',
    ['limit'],
  )
  for (const limit of ['caller', 'process']) refusals.inc({ limit }, 0)
  const waiting = gauge('http_waiting_clients', 'Long polls and streams that are open.', ['kind'])
  for (const kind of waits) waiting.set({ kind }, 0)
  const uploads = gauge('uploads', 'Contents of documents that are arriving.')
  return {
    answered: ({ method, route, status, seconds }) => {
      const known = methods.has(method) ? method : 'other'
      requests.inc({ method: known, route, status })
      durations.observe({ method: known, route }, seconds)
    },
    refused: limit => refusals.inc({ limit }),
    waitingFor: kind => underWay(waiting, { kind }),
    uploading: () => underWay(uploads, {}),
  } satisfies Partial<Metrics>
}

export const storeMetrics = ({ counter, histogram }: Instruments) => {
  const appends = counter('log_appends_total', 'Appends to the event log, by what came of them.', ['outcome'])
  for (const outcome of ['stored', 'conflict', 'failed']) appends.inc({ outcome }, 0)
  const events = counter('log_events_total', 'Events that this process appended.')
  const durations = histogram(
    'log_append_duration_seconds',
    'Appends, until they are on disk.',
    appendSeconds,
  )
  const failures = counter('store_failures_total', 'What a store was asked for and could not do.', ['store'])
  for (const store of stores) failures.inc({ store }, 0)
  return {
    appended: ({ outcome, events: number, seconds }) => {
      appends.inc({ outcome })
      if (outcome === 'stored') events.inc(number)
      durations.observe(seconds)
    },
    storeFailed: store => failures.inc({ store }),
  } satisfies Partial<Metrics>
}

export const authMetrics = ({ counter, gauge }: Instruments) => {
  const failures = counter(
    'login_failures_total',
    'Passwords and client secrets that were wrong, or refused unseen because too many had been.',
    ['kind', 'outcome'],
  )
  for (const kind of ['person', 'node'])
    for (const outcome of ['wrong', 'refused']) failures.inc({ kind, outcome }, 0)
  const tokens = counter('tokens_issued_total', 'Access tokens that were issued.')
  const waiting = gauge('slow_hashes_waiting', 'Slow hashes that wait for a core.')
  const running = gauge('slow_hashes_running', 'Slow hashes under way.')
  const refusals = counter('slow_hashes_refused_total', 'Slow hashes that found their queue full.')
  return {
    guessed: (kind, outcome) => failures.inc({ kind, outcome }),
    tokenIssued: () => tokens.inc(),
    slowHash: () => {
      waiting.inc()
      let isRunning = false
      return {
        begins: () => {
          isRunning = true
          waiting.dec()
          running.inc()
        },
        ends: () => {
          if (isRunning) return running.dec()
          waiting.dec()
          refusals.inc()
        },
      }
    },
  } satisfies Partial<Metrics>
}

export const relayMetrics = ({ counter, histogram }: Instruments) => {
  const deliveries = counter('webhook_deliveries_total', 'Webhooks that were sent, by what came of them.', [
    'outcome',
  ])
  for (const outcome of ['taken', 'refused', 'failed']) deliveries.inc({ outcome }, 0)
  const durations = histogram(
    'webhook_delivery_duration_seconds',
    'Webhooks, until their answer.',
    deliverySeconds,
  )
  const letters = counter('webhook_dead_letters_total', 'Webhooks that were given up after three days.')
  return {
    delivered: ({ outcome, seconds }) => {
      deliveries.inc({ outcome })
      durations.observe(seconds)
    },
    deadLetters: number => letters.inc(number),
  } satisfies Partial<Metrics>
}
