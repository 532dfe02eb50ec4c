import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { type EventStoreDbOptions, eventStoreDbLog } from '../../../stores/eventstoredb/event-log.ts'
import type { StoredLog, StoredNewEvent } from '../../../stores/stored.ts'
import { type ServerProcess, startServer } from '../server-process.ts'
import { type StandIn, startStandIn } from './stand-in.ts'
import { openWire, type Wire } from './wire.ts'

/**
 * The server that tests talk to: the one of TEST_EVENTSTORE_URL, which must take `tls=false`, or a stand-in: in this
 * process, where it can be told to misbehave, but for Deno, which its gRPC server brings down.
 */
export interface Target {
  readonly standIn: StandIn | undefined
  readonly url: string
  /** A log in streams of its own. */
  readonly open: (more?: Partial<EventStoreDbOptions>) => StoredLog
  /** A line to the server that can be cut, and the address at its near end. */
  readonly wired: () => Promise<{ readonly wire: Wire; readonly url: string }>
  /** Ends what was started for it. */
  readonly close: () => Promise<void>
}

const serverOf = async (): Promise<Pick<Target, 'standIn' | 'url' | 'close'>> => {
  const given = process.env.TEST_EVENTSTORE_URL
  if (given) return { standIn: undefined, url: given, close: async () => {} }
  if ('Deno' in globalThis) {
    const server = await startEventStore()
    return { standIn: undefined, url: server.url, close: server.remove }
  }
  const standIn = await startStandIn()
  return {
    standIn,
    url: `esdb://127.0.0.1:${standIn.port()}?tls=false`,
    close: async () => standIn.kill(),
  }
}

export const openTarget = async (): Promise<Target> => {
  const { standIn, url, close } = await serverOf()
  const port = Number(/:(\d+)/.exec(url)?.[1] ?? 2113)
  return {
    standIn,
    url,
    open: more => eventStoreDbLog({ url, prefix: newPrefix(), ...more }),
    wired: async () => {
      const wire = await openWire(port)
      return { wire, url: `esdb://127.0.0.1:${wire.port}?tls=false` }
    },
    close,
  }
}

export const newPrefix = (): string => `test-${randomUUID()}.`

export const anEvent = (more: Partial<StoredNewEvent> = {}): StoredNewEvent => ({
  id: randomUUID(),
  type: 'Tried',
  data: '{}',
  metadata: '{}',
  ...more,
})

/** Ids of what a log gives until its head. */
export const idsOf = async (log: StoredLog, after = 0n): Promise<readonly string[]> => {
  const ids: string[] = []
  const { signal } = new AbortController()
  for await (const { events } of log.follow(after, { signal, toHead: true }))
    ids.push(...events.map(({ id }) => id))
  return ids
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/**
 * A server that tests may stop: the program that TEST_EVENTSTORE_SERVER names (it takes `--db DIR --port N` and prints
 * `ready esdb://…`), or the stand-in as a process.
 */
export const startEventStore = async (): Promise<ServerProcess> => {
  const standIn = ['node_modules/.bin/node', 'test/support/eventstoredb/serve.ts']
  const { TEST_EVENTSTORE_SERVER } = process.env
  const command = TEST_EVENTSTORE_SERVER ? [TEST_EVENTSTORE_SERVER] : standIn
  return startServer({ command, flags: folder => ['--db', folder] }, await freePort())
}
