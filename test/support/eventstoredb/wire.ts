import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A line to a server on this machine, which can be cut or go silent while both ends stay as they are. */
export interface Wire {
  readonly port: number
  /** Every connection breaks, and none can be made. */
  readonly cut: () => Promise<void>
  /** Every connection breaks; new ones can be made at once. */
  readonly hiccup: () => void
  readonly mend: () => Promise<void>
  /** Nothing gets through any more, in either direction; connections stay, and new ones can be made. */
  readonly silence: () => void
  readonly speak: () => void
  /** Bytes that went either way. */
  readonly traffic: () => number
}

export const openWire = async (target: number): Promise<Wire> => {
  const sockets = new Set<Socket>()
  let silent = false
  let traffic = 0
  let port = 0
  let server: Server

  const join = (from: Socket, to: Socket): void => {
    sockets.add(from)
    from.on('data', chunk => {
      traffic += chunk.length
      to.write(chunk)
    })
    from.on('error', () => {})
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
    if (silent) from.pause()
  }

  const listen = async (): Promise<void> => {
    server = createServer({ noDelay: true }, near => {
      const far = connect({ port: target, host: '127.0.0.1', noDelay: true })
      join(near, far)
      join(far, near)
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (isAddress(address)) port = address.port
  }

  const hiccup = (): void => {
    for (const socket of sockets) socket.destroy()
  }

  await listen()
  return {
    port,
    hiccup,
    cut: async () => {
      const closed = once(server, 'close')
      server.close()
      hiccup()
      await closed
    },
    mend: listen,
    silence: () => {
      silent = true
      for (const socket of sockets) socket.pause()
    },
    speak: () => {
      silent = false
      for (const socket of sockets) socket.resume()
    },
    traffic: () => traffic,
  }
}

const isAddress = (address: AddressInfo | string | null): address is AddressInfo =>
  typeof address === 'object' && address !== null
