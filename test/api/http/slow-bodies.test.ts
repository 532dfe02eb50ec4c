import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestHub, type TestHub } from '../../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

/** Sends a head that announces a body, and no body; gives what is answered until the hub ends the connection. */
const withoutBody = async (line: string, type = 'application/json'): Promise<string> => {
  const { hostname, port } = new URL(hub.url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.on('data', data => {
    text += String(data)
  })
  socket.on('error', () => undefined)
  socket.write(`${line} HTTP/1.1\r\nHost: hub\r\nContent-Type: ${type}\r\nContent-Length: 10\r\n\r\n`)
  await once(socket, 'close')
  return text
}

// Each takes the ten seconds that it is about.
describe.concurrent('a body that does not come', () => {
  it('is waited for ten seconds by an open route, and answered 408', { timeout: 30_000 }, async () => {
    const answer = await withoutBody('POST /oidc/token', 'application/x-www-form-urlencoded')
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(answer).toMatch(/"error":"invalid_request"/)
  })

  it.each([
    ['POST /people', 401],
    ['GET /livez', 200],
    ['POST /livez', 405],
    ['POST /oidc/token', 400],
  ])(
    'is waited for ten seconds behind an answer that did not need it: %s',
    { timeout: 30_000 },
    async (line, status) => {
      expect(await withoutBody(line)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    },
  )
})
