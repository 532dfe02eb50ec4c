import type { JsonObject } from '../../domain/json.ts'

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON; undefined when there is none. */
  readonly json: unknown
}

export interface Send {
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, or as it is when it is a text or bytes. */
  readonly body?: JsonObject | string | Uint8Array<ArrayBuffer>
}

/** Sends requests as one person, as GNU Health's clients do: Basic on each, JSON without a Content-Type. */
export interface Client {
  readonly send: (method: string, path: string, send?: Send) => Promise<Reply>
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Reply>
  readonly post: (
    path: string,
    body: JsonObject,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Reply>
  readonly put: (path: string, body: JsonObject, headers?: Readonly<Record<string, string>>) => Promise<Reply>
  readonly patch: (
    path: string,
    body: JsonObject,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Reply>
  readonly delete: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Reply>
}

export const basic = (account: string, password: string): string =>
  `Basic ${Buffer.from(`${account}:${password}`).toString('base64')}`

const encoded = (body: Send['body']): Uint8Array<ArrayBuffer> | undefined => {
  if (body === undefined || body instanceof Uint8Array) return body
  // Bytes, so that fetch adds no Content-Type of its own.
  return new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body))
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A client whose every request goes through `send`. */
export const sendingBy = (send: Client['send']): Client => ({
  send,
  get: (path, headers = {}) => send('GET', path, { headers }),
  post: (path, body, headers = {}) => send('POST', path, { body, headers }),
  put: (path, body, headers = {}) => send('PUT', path, { body, headers }),
  patch: (path, body, headers = {}) => send('PATCH', path, { body, headers }),
  delete: (path, headers = {}) => send('DELETE', path, { headers }),
})

export const clientOf = (url: string, authorization?: string): Client => {
  const send: Client['send'] = async (method, path, { headers = {}, body } = {}) => {
    const bytes = encoded(body)
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { ...(authorization === undefined ? {} : { Authorization: authorization }), ...headers },
      ...(bytes === undefined ? {} : { body: bytes }),
      redirect: 'manual',
    })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, text, json: parsed(text) }
  }
  return sendingBy(send)
}
