import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What becomes of a request on its way to the hub. */
export type Fate =
  | 'arrives'
  /** The connection breaks before the hub has it. */
  | 'is lost'
  /** The hub has it, and the connection breaks before its answer. */
  | 'answer is lost'
  /** So many bytes of the answer's body come, then the connection breaks. */
  | { readonly breaksAfter: number }
  /** It is answered so instead. */
  | { readonly status: number; readonly retryAfter?: string; readonly body?: string }
  /** Nothing comes back. */
  | 'hangs'

export interface HubProxy {
  readonly url: string
  /** Method and path of each request that came so far. */
  readonly requests: readonly string[]
  /** Decides, from method and path, until another does. */
  readonly decide: (fateOf: (request: string) => Fate) => void
  /** Nothing listens there until `back`. */
  readonly away: () => Promise<void>
  readonly back: () => Promise<void>
  readonly close: () => Promise<void>
}

/** A way to a hub on which requests and answers are lost as a test says. */
export const startHubProxy = async (hubUrl: string): Promise<HubProxy> => {
  const requests: string[] = []
  let fateOf: (request: string) => Fate = () => 'arrives'

  const forward = (request: IncomingMessage, response: ServerResponse, fate: Fate) => {
    const { expect: _, ...headers } = request.headers
    const options = { method: request.method ?? 'GET', headers }
    const forwarded = send(`${hubUrl}${request.url}`, options, async answer => {
      if (fate === 'answer is lost') {
        answer.resume()
        await once(answer, 'end')
        response.destroy()
        return
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      if (typeof fate !== 'object' || !('breaksAfter' in fate)) {
        answer.pipe(response)
        return
      }
      let left = fate.breaksAfter
      for await (const piece of answer) {
        response.write(piece.subarray(0, left))
        left -= piece.length
        if (left <= 0) break
      }
      setTimeout(() => response.destroy(), 50)
    })
    forwarded.on('error', () => response.destroy())
    response.on('close', () => forwarded.destroy())
    request.pipe(forwarded)
  }

  const server = createServer((request, response) => {
    const name = `${request.method} ${request.url?.split('?')[0]}`
    requests.push(name)
    const fate = fateOf(name)
    if (fate === 'is lost') request.socket.destroy()
    else if (fate === 'hangs') request.resume()
    else if (typeof fate === 'object' && 'status' in fate) {
      request.resume()
      const headers = fate.retryAfter === undefined ? {} : { 'Retry-After': fate.retryAfter }
      response.writeHead(fate.status, headers)
      response.end(fate.body ?? '{}')
    } else forward(request, response, fate)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const away = async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    decide: next => {
      fateOf = next
    },
    away,
    back: async () => {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
    close: async () => {
      if (server.listening) await away()
    },
  }
}
