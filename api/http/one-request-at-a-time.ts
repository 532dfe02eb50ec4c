import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

type Exchange = readonly [request: IncomingMessage, response: ServerResponse]

interface Connection {
  isBusy: boolean
  /** What arrived behind the request that is being answered. */
  readonly queue: Exchange[]
}

/** Requests that arrived behind another one on their connections, of all connections. */
const mostPending = 20_000

/**
 * Hands on the requests of a connection one after the other: the next one when the answer before it has been taken. Until
 * then nothing more is read from the connection. (RFC 9112, section 9.3.2: a server may process pipelined requests in
 * parallel; this one does not, so that a client that reads no answers holds one answer.) What arrived together in one
 * piece waits; beyond 20,000 such requests the connection that brings more is closed.
 */
export const oneRequestAtATime = (listener: RequestListener): RequestListener => {
  const connections = new WeakMap<Socket, Connection>()
  let pending = 0

  const begin = ([request, response]: Exchange): void => {
    response.once('close', () => proceed(request.socket))
    listener(request, response)
  }

  const proceed = (socket: Socket): void => {
    const connection = connections.get(socket)
    if (connection === undefined) return
    const next = socket.destroyed ? undefined : connection.queue.shift()
    if (next === undefined) {
      connection.isBusy = false
      return
    }
    pending -= 1
    if (connection.queue.length === 0) socket.resume()
    begin(next)
  }

  const connectionOf = (socket: Socket) => {
    const existing = connections.get(socket)
    if (existing !== undefined) return existing
    const connection: Connection = { isBusy: false, queue: [] }
    connections.set(socket, connection)
    socket.once('close', () => {
      pending -= connection.queue.length
      connection.queue.length = 0
    })
    return connection
  }

  return (request, response) => {
    const { socket } = request
    const connection = connectionOf(socket)
    if (!connection.isBusy) {
      connection.isBusy = true
      begin([request, response])
      return
    }
    if (pending >= mostPending) {
      socket.destroy()
      return
    }
    pending += 1
    connection.queue.push([request, response])
    socket.pause()
  }
}
