import { once } from 'node:events'
import { request } from 'node:http'

export interface HeldBack {
  /** Sends the body, and gives the answer. */
  readonly finish: () => Promise<{ readonly status: number | undefined; readonly text: string }>
}

/**
 * Begins a request and holds back its body until `finish`. Resolves when the hub asks for the body: by then it has looked
 * at the credentials and the rights of the caller.
 */
export const holdBack = async (
  url: string,
  authorization: string,
  method: string,
  path: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<HeldBack> => {
  const sending = request(`${url}${path}`, {
    method,
    headers: {
      ...headers,
      Authorization: authorization,
      Expect: '100-continue',
      'Content-Length': Buffer.byteLength(body),
    },
  })
  sending.flushHeaders()
  await once(sending, 'continue')
  return {
    finish: async () => {
      const answered = once(sending, 'response')
      sending.end(body)
      const [response] = await answered
      let text = ''
      for await (const piece of response) text += piece
      return { status: response.statusCode, text }
    },
  }
}
