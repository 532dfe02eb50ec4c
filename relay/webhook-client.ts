import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Agent, type Dispatcher } from 'undici'
import { checkedConnect } from './checked-connect.ts'
import { failed, outcomeOf, type PostFailure, type PostOutcome } from './post-outcome.ts'
import { retryAfterMilliseconds } from './retry-after.ts'

export interface WebhookClientOptions {
  /** Whether addresses of private networks and of this machine are connected to. */
  readonly allowPrivate: boolean
  /** From the call of `post` to the end of the exchange. Default: 10,000. */
  readonly timeoutMilliseconds?: number
  /** Bytes of an answer's body that are read before its connection is closed. Default: 65,536. */
  readonly mostAnswerBytes?: number
  /** Connections to one origin at the same time; posts beyond them wait. Default: 16. */
  readonly connectionsPerOrigin?: number
  /** Default: that of the system. */
  readonly lookup?: LookupFunction
}

export interface WebhookClient {
  /**
   * Posts a body to a URL that a stranger chose, and says what came of it; never rejects.
   *
   * A status is the outcome as soon as it has come with its headers (16 KiB at most), within the time. The body behind
   * it is read and dropped, so that its connection can be used again; one that is too long, or does not end within the
   * same time, is cut off with its connection, which changes no outcome. Redirects are not followed: a 3xx is a
   * status like others. Certificates are verified. `Retry-After` is given as `retryAfterMilliseconds` says.
   *
   * The time includes the wait for one of the connections of the origin. Nothing is tried a second time. When `signal`
   * ends a post, whether it was received is not known.
   */
  readonly post: (
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ) => Promise<PostOutcome>
  /** Closes all connections; posts under way are stopped, later ones not sent. */
  readonly close: () => Promise<void>
}

const mostHeaderBytes = 16 * 1024
const mostIdleMilliseconds = 60_000

type AnswerHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2]

const answered = (status: number, headers: AnswerHeaders): PostOutcome => {
  const header = headers['retry-after']
  const wait = typeof header === 'string' ? retryAfterMilliseconds(header, Date.now()) : undefined
  return { is: 'answered', status, ...(wait === undefined ? {} : { retryAfterMilliseconds: wait }) }
}

export const makeWebhookClient = (options: WebhookClientOptions): WebhookClient => {
  const { allowPrivate, timeoutMilliseconds = 10_000, mostAnswerBytes = 64 * 1024 } = options
  const { connectionsPerOrigin = 16, lookup = systemLookup } = options
  const agent = new Agent({
    connect: checkedConnect({ allowPrivate, lookup, timeoutMilliseconds }),
    connections: connectionsPerOrigin,
    pipelining: 1,
    maxHeaderSize: mostHeaderBytes,
    keepAliveMaxTimeout: mostIdleMilliseconds,
    // One deadline for all of it, which bytes that drip do not put off.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const cut = new Error('cut off')
  let isClosed = false

  const exchange = (
    request: Dispatcher.DispatchOptions,
    signal: AbortSignal,
    /** The first outcome counts. */
    settle: (outcome: PostOutcome) => void,
  ): void => {
    let controller: Dispatcher.DispatchController | undefined
    let isOver = false
    let bytes = 0
    const end = (): void => {
      isOver = true
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
    const cutOff = (reason: PostFailure): void => {
      end()
      settle(failed(reason))
      controller?.abort(cut)
    }
    const stop = (): void => cutOff('stopped')
    const timer = setTimeout(cutOff, timeoutMilliseconds, 'timed out')
    signal.addEventListener('abort', stop)
    agent.dispatch(request, {
      onRequestStart: started => {
        controller = started
        if (isOver) started.abort(cut)
      },
      onResponseStart: (_, status, headers) => {
        if (status >= 200) settle(answered(status, headers))
      },
      onResponseData: (reading, chunk) => {
        bytes += chunk.length
        if (bytes > mostAnswerBytes) reading.abort(cut)
      },
      onResponseEnd: end,
      onResponseError: (_, error) => {
        end()
        settle(outcomeOf(error) ?? failed('connection lost'))
      },
    })
  }

  return {
    post: (url, headers, body, signal) =>
      new Promise(resolve => {
        const target = URL.parse(url)
        if (isClosed || signal.aborted || target === null || !/^https?:$/.test(target.protocol))
          return resolve(failed('not sent'))
        const { origin, pathname, search } = target
        const request: Dispatcher.DispatchOptions = {
          origin,
          path: pathname + search,
          method: 'POST',
          headers: { ...headers, 'user-agent': 'Thalamus' },
          body,
        }
        exchange(request, signal, resolve)
      }),
    close: () => {
      isClosed = true
      return agent.destroy()
    },
  }
}
