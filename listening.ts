import type { Server } from 'node:http'
import { portFailureOf } from './start-failure.ts'

const closeMilliseconds = 10_000
const idleLookMilliseconds = 50
/**
 * Connections that wait to be accepted, in the order in which they came. Beyond them the system drops attempts, whose clients try again
 * after a second: also those of a probe. With more, whoever comes after a flood of them waits as long behind those whose clients
 * have gone: each is still read and answered, a millisecond or two. (Node’s default is 511.)
 */
const backlog = 1_024

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
    server.listen({ port, host, backlog }, () => {
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
