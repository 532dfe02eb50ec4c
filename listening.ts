import type { Server } from 'node:http'
import { portFailureOf } from './start-failure.ts'

const closeMilliseconds = 10_000
const idleLookMilliseconds = 50

/** Gives the port that it listens on. Throws a `StartFailure` that names the setting where the port cannot be used. */
export const listen = (
  server: Server,
  host: string,
  port: number,
  setting: 'PORT' | 'METRICS_PORT',
): Promise<number> =>
  new Promise((resolve, reject) => {
    const refuse = (error: Error) => reject(portFailureOf(error, setting))
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })

/** Ends when every request under way is answered, or after ten seconds. */
export const closeServer = (server: Server): Promise<void> =>
  new Promise(resolve => {
    const force = setTimeout(() => server.closeAllConnections(), closeMilliseconds)
    // A connection whose last answer ends after this is idle later.
    const idle = setInterval(() => server.closeIdleConnections(), idleLookMilliseconds)
    server.close(() => {
      clearTimeout(force)
      clearInterval(idle)
      resolve()
    })
    server.closeIdleConnections()
  })

export const urlOf = (scheme: 'http' | 'https', host: string, port: number): string =>
  `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
