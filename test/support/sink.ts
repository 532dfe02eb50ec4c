import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a receiver of webhooks was sent. */
export interface Delivery {
  readonly id: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly entry: {
    readonly position: string
    readonly stream: string
    readonly revision: number
    readonly type: string
    readonly id: string
    readonly person?: string
  }
  /** What was answered. */
  readonly status: number
}

/** How a delivery is answered: with a status, or by whatever the function does. */
export type Answering = (
  delivery: Omit<Delivery, 'status'>,
  response: ServerResponse,
) => number | undefined | Promise<number | undefined>

export interface Sink {
  readonly url: string
  /** Everything that arrived, in its order. */
  readonly deliveries: readonly Delivery[]
  /** What was taken. */
  readonly taken: () => readonly Delivery[]
  /** From now on answers are given so. */
  readonly answer: (answering: Answering) => void
  /** Settles once so many deliveries have been taken. */
  readonly untilTaken: (count: number) => Promise<void>
  /** Settles once so many different ones have been taken. */
  readonly untilDelivered: (count: number) => Promise<void>
  readonly close: () => Promise<void>
}

/** A receiver of webhooks on loopback; it takes everything until it is told otherwise. */
export const startSink = async (port = 0): Promise<Sink> => {
  const deliveries: Delivery[] = []
  const taken: Delivery[] = []
  const delivered = new Set<string>()
  let answering: Answering = () => 204
  let waiting: (() => void)[] = []
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise<void>(resolve => waiting.push(resolve))
  }

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = ''
    for await (const piece of request) body += piece
    const id = String(request.headers['webhook-id'])
    const arrived = { id, headers: request.headers, body, entry: JSON.parse(body) }
    const status = await answering(arrived, response)
    const delivery = { ...arrived, status: status ?? 0 }
    deliveries.push(delivery)
    if (delivery.status >= 200 && delivery.status < 300) {
      taken.push(delivery)
      delivered.add(id)
    }
    if (status !== undefined && !response.headersSent) response.writeHead(status)
    if (status !== undefined) response.end()
    for (const wake of waiting.splice(0)) wake()
  }
  const server = createServer((request, response) => {
    // A sender that is killed may leave half a request.
    take(request, response).catch(() => response.destroy())
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${bound}/hook`,
    deliveries,
    taken: () => taken,
    answer: next => {
      answering = next
    },
    untilTaken: count => until(() => taken.length >= count),
    untilDelivered: count => until(() => delivered.size >= count),
    close: async () => {
      waiting = []
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
