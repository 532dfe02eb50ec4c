import type { Request, Response } from 'express'
import { type Either, left } from '#fp/Either'
import type { Principal } from '../../auth/policy.ts'
import type { Presented } from '../../auth/presented.ts'
import type { CommandContext } from '../../commands/handle.ts'
import type { Actor } from '../../domain/event.ts'
import type { Answer } from './answer.ts'
import type { Exchange } from './exchange.ts'
import type { Failure } from './problem.ts'

/** One request by somebody known. */
export interface Call {
  readonly request: Request
  readonly response: Response
  readonly principal: Principal
  /** When the credentials end by themselves, in milliseconds since the epoch. */
  readonly expiresAt?: number
  readonly actor: Actor
  readonly requestId: string
  readonly exchange: Pick<Exchange, 'holdBody' | 'aside' | 'elsewhere' | 'waiting' | 'traceparent'>
  /** The same request with the caller's rights of this moment, or why the caller may not make it any more. */
  readonly renewed: () => Either<Failure, Call>
}

/** Who makes a request, and which one it is: for what it adds to the log. */
export const originOf = ({
  actor,
  requestId,
  exchange: { traceparent },
}: Pick<Call, 'actor' | 'requestId' | 'exchange'>): Pick<
  CommandContext,
  'actor' | 'requestId' | 'traceparent'
> => ({ actor, requestId, ...(traceparent === undefined ? {} : { traceparent }) })

const tokenExpired: Failure = { _tag: 'NotAuthenticated', token: true }

/** The same for what is answered for longer than a request usually takes: the credentials may end by themselves, too. */
export const continued = (call: Call): Either<Failure, Call> =>
  call.expiresAt !== undefined && call.expiresAt <= Date.now() ? left(tokenExpired) : call.renewed()

/** The signal of an answer that takes its time: aborted when the client leaves, or `closing` does. */
export const untilOver = ({ response }: Pick<Call, 'response'>, closing: AbortSignal): AbortSignal => {
  const left = new AbortController()
  if (response.closed) left.abort()
  response.once('close', () => left.abort())
  return AbortSignal.any([left.signal, closing])
}

/** The same of one that waits so many seconds for something to come, or until the credentials end. */
export const untilWaited = (call: Call, closing: AbortSignal, seconds: number): AbortSignal => {
  if (call.request.method === 'HEAD' || seconds === 0) return AbortSignal.abort()
  const untilExpiry = (call.expiresAt ?? Number.POSITIVE_INFINITY) - Date.now()
  const milliseconds = Math.max(0, Math.min(seconds * 1_000, untilExpiry))
  return AbortSignal.any([untilOver(call, closing), AbortSignal.timeout(milliseconds)])
}

export type Handle = (call: Call) => Promise<Either<Failure, Answer>>

/** A parameter of the route's path. */
export const pathParameter = ({ request }: Pick<Call, 'request'>, name: string): string => {
  const value = request.params[name]
  return typeof value === 'string' ? value : ''
}

/** The credentials of a request, and what they are checked against. */
export const presentedBy = (request: Request): Presented => {
  const { authorization, dpop } = request.headers
  return {
    authorization,
    dpop: dpop === undefined ? undefined : String(dpop),
    method: request.method,
    path: request.originalUrl,
    address: () => request.ip ?? '',
  }
}
