import type { Json } from '../../domain/json.ts'
import type { Handle } from '../http/call.ts'

export type JsonSchema = { readonly [keyword: string]: unknown }

/** What a body looks like, by the name that the documentation gives it; its examples are good. */
export interface Shape {
  readonly name: string
  /** Made when somebody asks for the documentation. */
  readonly schema: () => JsonSchema
  readonly examples: readonly Json[]
}

/** Query parameters by name; `required` tells of the parameter, the rest of its values. */
export type Parameters = Readonly<Record<string, JsonSchema>>

export type RequestHeader =
  | 'Content-Digest'
  | 'Idempotency-Key'
  | 'If-Match'
  | 'If-None-Match'
  | 'If-Range'
  | 'Last-Event-ID'
  | 'Prefer'
  | 'Range'
  | 'Repr-Digest'
  | 'Thalamus-Min-Position'

export type AnswerHeader =
  | 'Accept-Ranges'
  | 'Content-Disposition'
  | 'Content-Location'
  | 'Content-Range'
  | 'ETag'
  | 'Link'
  | 'Location'
  | 'Memento-Datetime'
  | 'Repr-Digest'
  | 'Retry-After'
  | 'Thalamus-Position'
  | 'WWW-Authenticate'

/** An answer to what was asked for well. */
export interface Answered {
  readonly shape?: Shape
  /** Many of that shape; nested, each in an array of its own. */
  readonly many?: 'flat' | 'nested'
  /** The type of the body, where it is not JSON. */
  readonly type?: string
  /** Other types of the body, for clients that ask for them by `Accept`. */
  readonly alternativeTypes?: readonly string[]
  readonly headers?: readonly AnswerHeader[]
}

/** The body that is asked for. */
export interface Taken {
  readonly types: readonly string[]
  /** None: whatever it is, it is taken as it comes. */
  readonly shape?: Shape
  /** Members that are needed here, and elsewhere not. */
  readonly needs?: readonly string[]
  /** The same as a form of HTML, where that is taken too. */
  readonly form?: Shape
}

/**
 * What an operation says of itself; `openapi.ts` writes it down. Who may, and the refusals that follow from method,
 * headers and body, are said for it.
 */
export interface Described {
  /** What it does, beginning with a verb. */
  readonly summary: string
  readonly description?: string
  readonly query?: Parameters
  readonly headers?: readonly RequestHeader[]
  /** `unread`: one may be sent, and nobody looks into it. */
  readonly body?: Taken | 'unread'
  readonly answers: Readonly<Record<number, Answered>>
  /** Statuses of refusals that depend on the thing itself: 404, 409, 410. */
  readonly refuses?: readonly number[]
  /** Where a form was posted, refusals are pages. */
  readonly refusesWithPages?: boolean
}

export interface Operation extends Described {
  readonly handle: Handle
}

export const json = (shape: Shape, needs: readonly string[] = []): Taken => ({
  types: ['application/json'],
  shape,
  needs,
})

export const mergePatch = (shape: Shape): Taken => ({
  types: ['application/merge-patch+json', 'application/json'],
  shape,
})

export const html = 'text/html'

/** Bytes of whatever type. */
export const bytes = '*/*'

type Family = Pick<Described, 'headers' | 'answers'>

export const reads = (shape: Shape): Family => ({
  headers: ['If-None-Match', 'Thalamus-Min-Position'],
  answers: { 200: { shape, headers: ['ETag'] }, 304: { headers: ['ETag'] } },
})

export const lists = (shape: Shape, many: 'flat' | 'nested'): Family => ({
  headers: ['Thalamus-Min-Position'],
  answers: { 200: { shape, many, headers: ['Link'] } },
})

/** The same where it can also be read as of a time. */
export const withPast = ({ answers, ...family }: Family): Family => ({
  ...family,
  answers: {
    ...answers,
    ...Object.fromEntries(
      Object.entries(answers).map(([status, answer]) => [
        status,
        { ...answer, headers: [...(answer.headers ?? []), 'Memento-Datetime' as const] },
      ]),
    ),
  },
})

const writeHeaders = ['Idempotency-Key', 'If-Match', 'If-None-Match', 'Prefer'] as const
const written = ['ETag', 'Thalamus-Position'] as const

/** What changes a thing: 204 where the client prefers a minimal answer, or may not read the thing. */
export const changes = (shape: Shape): Family => ({
  headers: writeHeaders,
  answers: { 200: { shape, headers: written }, 204: { headers: written } },
})

/** What creates a thing, or finds it created. */
export const creates = (shape: Shape): Family => ({
  headers: writeHeaders,
  answers: { ...changes(shape).answers, 201: { shape, headers: [...written, 'Location'] } },
})

/** What gives a thing its content, and shows the thing. */
export const uploads = (shape: Shape): Family => {
  const headers = [...written, 'Content-Location'] as const
  return {
    headers: [...writeHeaders, 'Content-Digest', 'Repr-Digest'],
    answers: {
      200: { shape, headers },
      201: { shape, headers: [...headers, 'Location'] },
      204: { headers },
    },
  }
}

/** What has nothing to show for it. */
export const settles: Family = { headers: writeHeaders, answers: { 204: { headers: ['Thalamus-Position'] } } }
