import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'

/** A receiver of webhooks on a port of loopback, which answers what a case wants, HTTP or not. */
export interface Receiver {
  readonly port: number
  readonly url: string
  /** Heads and bodies, as they came. */
  readonly requests: readonly string[]
  /** Those that were ever open. */
  readonly connections: readonly Socket[]
  readonly close: () => Promise<void>
}

export type Answer = (socket: Socket, request: string, number: number) => void

const isWhole = (text: string): boolean => {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
  return rest.length > 0 && Buffer.byteLength(rest.join('\r\n\r\n')) >= length
}

/** A whole HTTP answer with a short body, after which the connection stays open. */
export const answering =
  (status: number, headers = ''): Answer =>
  socket =>
    socket.write(`HTTP/1.1 ${status} Answer\r\n${headers}Content-Length: 2\r\n\r\nok`)

/** Writes the same over and over until the connection is closed. */
export const drip = (socket: Socket, text: string): void => {
  const timer = setInterval(() => socket.write(text), 10)
  socket.on('close', () => clearInterval(timer))
}

/** Writes the same as fast as the other side reads. */
export const flood = (socket: Socket, text: string): void => {
  const more = (): void => {
    while (!socket.destroyed && socket.write(text));
  }
  socket.on('drain', more)
  more()
}

/** `answer` is called for each whole request, with its number from 1 up. */
export const startReceiver = async (
  answer: Answer,
  server: Server | TlsServer = createServer(),
): Promise<Receiver> => {
  const requests: string[] = []
  const connections: Socket[] = []
  server.on('connection', (socket: Socket) => {
    connections.push(socket)
    socket.on('error', () => undefined)
  })
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    let text = ''
    socket.on('error', () => undefined)
    socket.on('data', piece => {
      text += String(piece)
      if (!isWhole(text)) return
      requests.push(text)
      answer(socket, text, requests.length)
      text = ''
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}/hook`,
    requests,
    connections,
    close: async () => {
      for (const socket of connections) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
