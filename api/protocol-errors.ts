import { randomUUID } from 'node:crypto'
import { type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { type Failure, problemAnswer } from './problem.ts'

const failureOf = (code: string): Failure => {
  switch (code) {
    case 'HPE_INVALID_METHOD':
      return { _tag: 'MethodNotAllowed', allow: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] }
    case 'HPE_HEADER_OVERFLOW':
      return { _tag: 'HeadersTooLarge' }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { _tag: 'TooSlow' }
    default:
      return { _tag: 'Malformed', detail: 'This is not HTTP as RFC 9112 has it.' }
  }
}

/** Answers what is no request at all, before any route, as every other refusal is answered. */
export const answerProtocolErrors = (server: Server, logger: Logger): void => {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const requestId = randomUUID()
    const { status, headers, body = '' } = problemAnswer(failureOf(error.code ?? ''))
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
  })
}
