import { z } from 'zod'
import * as E from '#fp/Either'
import { errorSummary } from '../../api/http/error-summary.ts'
import type { InvalidPart } from '../../domain/rejection.ts'
import type { HubAccess } from './access.ts'
import { type Broken, broken, type HubFailure } from './failure.ts'
import { tokenSource } from './token.ts'
import { type FileBody, sendFile } from './upload.ts'

export interface HubRequest {
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | FileBody
  readonly signal: AbortSignal
}

/** A request to a hub, with a token. Right for an answer of 2xx, whose body is not read yet. Never rejects. */
export type Ask = (path: string, request: HubRequest) => Promise<E.Either<HubFailure, Response>>

const part = z.object({ detail: z.string() })
const problemShape = z.object({
  detail: z.string().optional().catch(undefined),
  errors: z
    .array(
      z
        .union([
          part.extend({ pointer: z.string() }),
          part.extend({ parameter: z.string() }),
          part.extend({ header: z.string() }),
        ])
        .optional()
        .catch(undefined),
    )
    .optional()
    .catch(undefined),
})

const failureIn = async (answer: Response): Promise<HubFailure> => {
  const { status } = answer
  if (status === 408 || status === 429 || status >= 500) {
    await answer.body?.cancel()
    const retryMilliseconds = 1000 * (Number(answer.headers.get('Retry-After')) || 0)
    return broken(`it answered ${status}`, retryMilliseconds, status)
  }
  const json = await jsonOf(answer)
  const problem = E.isRight(json) ? json.right?.value : undefined
  const { detail, errors } = problemShape.safeParse(problem).data ?? {}
  const named = (errors ?? []).filter((one): one is InvalidPart => one !== undefined)
  return { _tag: 'Refused', status, detail: detail ?? '', errors: named }
}

export const askingHub = ({ url, credentials }: HubAccess): Ask => {
  const tokens = tokenSource(url, credentials)

  const send = async (path: string, token: string, request: HubRequest): Promise<Response> => {
    const { method = 'GET', body, signal } = request
    const headers = { ...request.headers, Authorization: `Bearer ${token}` }
    return typeof body === 'object'
      ? sendFile(`${url}${path}`, { method, headers, body, signal })
      : fetch(`${url}${path}`, {
          method,
          headers,
          signal,
          redirect: 'error',
          ...(body === undefined ? {} : { body }),
        })
  }

  const attempt = async (path: string, request: HubRequest) => {
    const token = await tokens.get(request.signal)
    if (E.isLeft(token)) return token
    try {
      return E.right({ token: token.right, answer: await send(path, token.right, request) })
    } catch (thrown) {
      const { code, cause } = errorSummary(thrown)
      return E.left(broken(typeof code === 'string' ? code : String(cause)))
    }
  }

  return async (path, request) => {
    let sent = await attempt(path, request)
    if (E.isRight(sent) && sent.right.answer.status === 401 && tokens.forget(sent.right.token)) {
      await sent.right.answer.body?.cancel()
      sent = await attempt(path, request)
    }
    if (E.isLeft(sent)) return sent
    const { answer } = sent.right
    return answer.ok ? E.right(answer) : E.left(await failureIn(answer))
  }
}

/** The bytes of an answer as they come. Throws `Broken` where they are cut off. */
export async function* bytesOf(answer: Response): AsyncGenerator<Buffer> {
  if (answer.body === null) return
  try {
    for await (const chunk of answer.body) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  } catch {
    throw broken('the connection broke')
  }
}

/** An answer's body as JSON, with its text. `Broken` where it is cut off; undefined where it is no JSON. */
export const jsonOf = async (
  answer: Response,
): Promise<E.Either<Broken, { readonly text: string; readonly value: unknown } | undefined>> => {
  let text: string
  try {
    text = await answer.text()
  } catch {
    return E.left(broken('the connection broke'))
  }
  try {
    const value: unknown = JSON.parse(text)
    return E.right({ text, value })
  } catch {
    return E.right(undefined)
  }
}
