import { z } from 'zod'
import * as E from '#fp/Either'
import type { InvalidPart } from '../../domain/rejection.ts'
import type { HubAccess } from '../hub/access.ts'
import { askingHub } from '../hub/ask.ts'
import type { Refused } from '../hub/failure.ts'
import { type HistoryFailure, historyFailure } from './history.ts'
import { partsOfPosition } from './position-parts.ts'

/** A hub that is asked over HTTP. */
export interface Hub {
  readonly url: string
  /** An answer of 200. Throws `Broken` for what may be tried again, and a `HistoryFailure` for what is refused. */
  readonly get: (
    path: string,
    parameters: Readonly<Record<string, string | undefined>>,
    accept: string,
    signal: AbortSignal,
  ) => Promise<Response>
  /** The number of its log's last position; undefined where it does not say. */
  readonly head: (signal: AbortSignal) => Promise<bigint | undefined>
}

const readyShape = z.object({ position: z.string() })

const sentenceOf = (part: InvalidPart): string =>
  'parameter' in part ? `--${part.parameter}: ${part.detail}` : part.detail

const refusalOf = (url: string, { status, detail, errors }: Refused): HistoryFailure => {
  const explanation = detail === '' ? '' : ` ${detail}`
  switch (status) {
    case 400:
    case 422:
      return historyFailure(
        'wrong option',
        errors.length > 0 ? errors.map(sentenceOf).join('\n') : `${url} refuses the options.${explanation}`,
      )
    case 401:
      return historyFailure('failed', `${url} does not take the token (any more).${explanation}`)
    case 403:
      return historyFailure('failed', `${url} does not let this client read the feed.${explanation}`)
    default:
      return historyFailure('failed', `${url} has no feed: it answered ${status}.${explanation}`)
  }
}

export const hubAt = (access: HubAccess): Hub => {
  const { url } = access
  const ask = askingHub(access)
  return {
    url,
    get: async (path, parameters, accept, signal) => {
      const written = Object.entries(parameters).flatMap(([name, value]): [string, string][] =>
        value === undefined ? [] : [[name, value]],
      )
      const query = written.length === 0 ? '' : `?${new URLSearchParams(written)}`
      const answer = await ask(`${path}${query}`, { headers: { Accept: accept }, signal })
      if (E.isRight(answer)) return answer.right
      switch (answer.left._tag) {
        case 'Broken':
          throw answer.left
        case 'NoToken':
          throw historyFailure('failed', answer.left.sentence)
        case 'Refused':
          throw refusalOf(url, answer.left)
      }
    },
    head: async signal => {
      try {
        const answer = await fetch(`${url}/readyz`, { signal, redirect: 'error' })
        const ready = readyShape.safeParse(await answer.json())
        return ready.success ? partsOfPosition(ready.data.position)?.number : undefined
      } catch {
        return undefined
      }
    },
  }
}
