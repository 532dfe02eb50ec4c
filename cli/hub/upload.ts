import { createReadStream } from 'node:fs'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

export interface FileBody {
  readonly file: string
  readonly size: number
}

export interface FileRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: FileBody
  readonly signal: AbortSignal
}

/** A proxy may keep back that the hub waits for the body (RFC 9110, section 10.1.1). */
const continueMilliseconds = 3_000
/** What the hub says comes at the latest with the end of the connection, which may be seen before it. */
const answerMilliseconds = 1_000
const silentMilliseconds = 300_000

const silence = Object.assign(new Error('nothing went on'), { code: 'ETIMEDOUT' })

/**
 * Sends a file as the body of a request once the server asks for it, piece by piece: Node's fetch would read all of it into
 * memory, no matter how fast it is taken. The answer's body has been read. Rejects as fetch does.
 */
export const sendFile = (
  address: string,
  { method, headers, body, signal }: FileRequest,
): Promise<Response> =>
  new Promise((resolve, reject) => {
    const request = (address.startsWith('https:') ? requestHttps : requestHttp)(address, {
      method,
      headers: { ...headers, 'Content-Length': String(body.size), Expect: '100-continue' },
      signal,
      timeout: silentMilliseconds,
    })
    request.on('timeout', () => request.destroy(silence))
    let begun = false
    const begin = () => {
      clearTimeout(waiting)
      if (begun) return
      begun = true
      const bytes = createReadStream(body.file, { end: Math.max(body.size - 1, 0) })
      pipeline(bytes, request).catch((error: unknown) => {
        setTimeout(() => reject(error), answerMilliseconds).unref()
      })
    }
    const waiting = setTimeout(begin, continueMilliseconds)
    request.once('continue', begin)
    request.on('error', error => {
      clearTimeout(waiting)
      setTimeout(() => reject(error), begun ? answerMilliseconds : 0)
    })
    request.once('response', response => {
      clearTimeout(waiting)
      begun = true
      const { statusCode = 500, headers: answered } = response
      const retryAfter = answered['retry-after']
      buffer(response).then(
        bytes => {
          request.destroy()
          resolve(
            new Response(bytes.length === 0 ? null : bytes, {
              status: statusCode,
              headers: retryAfter === undefined ? {} : { 'Retry-After': retryAfter },
            }),
          )
        },
        (error: unknown) => reject(error),
      )
    })
  })
