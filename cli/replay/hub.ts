import { z } from 'zod'
import { errorSummary } from '../../api/http/error-summary.ts'
import { broken } from './broken.ts'
import { type HistoryFailure, historyFailure } from './history.ts'
import type { HubAccess } from './hub-access.ts'
import { tokenSource } from './hub-token.ts'
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
interface Problem {
  readonly detail?: unknown
  readonly errors?: unknown
}

const problemIn = async (answer: Response): Promise<Problem> => {
  try {
    const problem: unknown = await answer.json()
    return typeof problem === 'object' && problem !== null ? problem : {}
  } catch {
    return {}
  }
}

const partsOf = (errors: unknown): readonly string[] =>
  (Array.isArray(errors) ? errors : []).flatMap((part: unknown) =>
    typeof part === 'object' && part !== null && 'detail' in part
      ? `${'parameter' in part ? `--${part.parameter}: ` : ''}${part.detail}`
      : [],
  )

const refusalOf = async (url: string, answer: Response): Promise<HistoryFailure> => {
  const { detail, errors } = await problemIn(answer)
  const explanation = typeof detail === 'string' ? ` ${detail}` : ''
  switch (answer.status) {
    case 400:
    case 422: {
      const parts = partsOf(errors)
      return historyFailure(
        'wrong option',
        parts.length > 0 ? parts.join('\n') : `${url} refuses the options.${explanation}`,
      )
    }
    case 401:
      return historyFailure('failed', `${url} does not take the token (any more).${explanation}`)
    case 403:
      return historyFailure('failed', `${url} does not let this client read the feed.${explanation}`)
    default:
      return historyFailure('failed', `${url} has no feed: it answered ${answer.status}.${explanation}`)
  }
}

const retryMillisecondsOf = (answer: Response): number =>
  1000 * (Number(answer.headers.get('Retry-After')) || 0)

export const hubAt = ({ url, credentials }: HubAccess): Hub => {
  const tokens = tokenSource(url, credentials)
  const send = async (address: string, accept: string, signal: AbortSignal): Promise<Response> => {
    const headers = { Authorization: `Bearer ${await tokens.get(signal)}`, Accept: accept }
    try {
      return await fetch(address, { headers, signal, redirect: 'error' })
    } catch (thrown) {
      const { code, cause } = errorSummary(thrown)
      throw broken(String(code ?? cause))
    }
  }
  return {
    url,
    get: async (path, parameters, accept, signal) => {
      const written = Object.entries(parameters).flatMap(([name, value]): [string, string][] =>
        value === undefined ? [] : [[name, value]],
      )
      const query = written.length === 0 ? '' : `?${new URLSearchParams(written)}`
      let answer = await send(`${url}${path}${query}`, accept, signal)
      if (answer.status === 401 && tokens.forget())
        answer = await send(`${url}${path}${query}`, accept, signal)
      if (answer.status === 200) return answer
      if (answer.status === 429 || answer.status >= 500) {
        await answer.body?.cancel()
        throw broken(`it answered ${answer.status}`, retryMillisecondsOf(answer))
      }
      throw await refusalOf(url, answer)
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
