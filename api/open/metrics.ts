import { hash, timingSafeEqual } from 'node:crypto'
import { isIPv4 } from 'node:net'
import type { Request } from 'express'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Answer } from '../http/answer.ts'

/** What a request is looked at for: its connection and its headers, as they are. */
type Asking = Pick<Request, 'headers'> & { readonly socket: Pick<Request['socket'], 'remoteAddress'> }

const isLoopback = (address: string): boolean => {
  const plain = address.replace(/^::ffff:/i, '')
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'))
}

/** A proxy on this machine asks for somebody elsewhere. */
const isForwarded = ({ headers }: Asking): boolean =>
  Object.keys(headers).some(name => name === 'forwarded' || name.startsWith('x-forwarded-'))

/** In constant time, whatever their lengths are. */
const areEqual = (one: string, other: string): boolean =>
  timingSafeEqual(hash('sha256', one, 'buffer'), hash('sha256', other, 'buffer'))

/** Whether a request may see the metrics: it comes from this machine itself, or brings the token. */
export const maySeeMetrics =
  (token: string | undefined) =>
  (request: Asking): boolean => {
    if (isLoopback(request.socket.remoteAddress ?? '') && !isForwarded(request)) return true
    const presented = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    return token !== undefined && presented !== undefined && areEqual(presented, token)
  }

export const metricsAnswer = async ({ exposition }: Pick<Metrics, 'exposition'>): Promise<Answer> => {
  const { type, text } = await exposition()
  return { status: 200, headers: { 'Content-Type': type, 'Cache-Control': 'no-store' }, body: text }
}
