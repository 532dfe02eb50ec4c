import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setImmediate as immediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { oneRequestAtATime } from '../../../api/http/one-request-at-a-time.ts'

interface Begun {
  readonly url: string
  readonly response: ServerResponse
}

let begun: Begun[]
let socket: Socket
let text: string
const listener = oneRequestAtATime((request, response) => {
  request.resume()
  begun.push({ url: request.url ?? '', response })
})
let server: ReturnType<typeof createServer>

beforeEach(async () => {
  begun = []
  text = ''
  server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  socket = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1')
  socket.on('data', data => {
    text += String(data)
  })
  await once(socket, 'connect')
})
afterEach(() => {
  socket.destroy()
  server.close()
})

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: hub\r\n\r\n`
const until = async (holds: () => boolean) => {
  while (!holds()) await immediate()
}
const urls = () => begun.map(({ url }) => url)

describe('requests that are pipelined on a connection', () => {
  it('are begun one after the other, each when the answer before it was taken', async () => {
    socket.write(`${get('/1')}${get('/2')}POST /3 HTTP/1.1\r\nHost: hub\r\nContent-Length: 4\r\n\r\nbo`)
    await until(() => begun.length === 1)
    begun[0]?.response.end('first')
    await until(() => begun.length === 2)
    expect(urls()).toEqual(['/1', '/2'])
    begun[1]?.response.end('second')
    await until(() => begun.length === 3)
    socket.write(`dy${get('/4')}`)
    begun[2]?.response.end('third')
    await until(() => begun.length === 4)
    begun[3]?.response.end('fourth')
    await until(() => text.includes('fourth'))
    expect(text.match(/first|second|third|fourth/g)).toEqual(['first', 'second', 'third', 'fourth'])
  })

  it('are not begun when their client has left', async () => {
    socket.write(`${get('/1')}${get('/2')}`)
    await until(() => begun.length === 1)
    const closed = once(begun[0]?.response ?? server, 'close')
    socket.destroy()
    await closed
    await immediate()
    expect(urls()).toEqual(['/1'])
  })

  it('are not read from the connection while an answer is not taken', async () => {
    socket.pause()
    let taken = 0
    const piece = get('/x').repeat(2000)
    // The kernel takes some; then nobody reads any more.
    while (socket.write(piece)) taken += 1
    await until(() => begun.length === 1)
    begun[0]?.response.end(Buffer.alloc(64 * 1024 * 1024))
    await immediate()
    expect(begun).toHaveLength(1)
    expect(taken).toBeGreaterThanOrEqual(0)
  })
})
