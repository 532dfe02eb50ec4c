import { randomUUID } from 'node:crypto'
import { type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { type Failure, problemAnswer } from './problem.ts'

const mostTargetBytes = 16 * 1024

/** What the parser refused, and the bytes it refused it in. */
interface ProtocolError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer
  readonly bytesParsed?: number
}

/** The methods that the route of a path takes; undefined where there is no route. */
export type AllowAt = (path: string) => readonly string[] | undefined

/** The path of a request whose method the parser does not know; undefined for what has no request line. */
const pathIn = ({ rawPacket, bytesParsed = 0 }: ProtocolError): string | undefined => {
  const text = rawPacket?.subarray(0, bytesParsed + mostTargetBytes).toString('latin1') ?? ''
  const line = text.slice(text.lastIndexOf('\n', Math.max(0, bytesParsed - 1)) + 1)
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ (\/[^ ?]*)\S* HTTP\/1\.[01]\r?\n/.exec(line)?.[1]
}

const notHttp: Failure = { _tag: 'Malformed', detail: 'This is not HTTP as RFC 9112 has it.' }

/** The answer to a method that no route takes. */
const refusalAt = (target: string, allowAt: AllowAt): Failure => {
  const allow = allowAt(target.split('?')[0] ?? '')
  return allow === undefined ? { _tag: 'NoSuchRoute' } : { _tag: 'MethodNotAllowed', allow }
}

const failureOf = (error: ProtocolError, allowAt: AllowAt): Failure => {
  switch (error.code) {
    case 'HPE_INVALID_METHOD': {
      const path = pathIn(error)
      return path === undefined ? notHttp : refusalAt(path, allowAt)
    }
    case 'HPE_HEADER_OVERFLOW':
      return { _tag: 'HeadersTooLarge' }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { _tag: 'TooSlow' }
    default:
      return notHttp
  }
}

/** Answers what reaches no route, the parser's refusals and CONNECT, as every other refusal is answered. */
export const answerProtocolErrors = (server: Server, logger: Logger, allowAt: AllowAt): void => {
  const refuse = (socket: Duplex, failure: Failure): void => {
    const requestId = randomUUID()
    const { status, headers, body = '' } = problemAnswer(failure)
    const lines = {
      ...headers,
      'Content-Length': String(Buffer.byteLength(body)),
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'private, no-cache',
      'X-Request-Id': requestId,
      Connection: 'close',
    }
    const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`)
    logger.info({ route: '(none)', status, requestId }, 'request')
  }

  server.on('clientError', (error: ProtocolError, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else refuse(socket, failureOf(error, allowAt))
  })
  server.on('connect', ({ url = '' }, socket: Duplex) => refuse(socket, refusalAt(url, allowAt)))
}
