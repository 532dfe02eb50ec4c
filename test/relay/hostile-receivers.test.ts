import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { PostOutcome } from '../../relay/post-outcome.ts'
import { makeWebhookClient } from '../../relay/webhook-client.ts'
import { type Answer, answering, drip, flood, type Receiver, startReceiver } from '../support/receiver.ts'

const open: { readonly close: () => Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

const timeoutMilliseconds = 200
const exchange = async (
  answer: Answer,
): Promise<{ readonly outcome: PostOutcome; readonly receiver: Receiver }> => {
  const receiver = await startReceiver(answer)
  const client = makeWebhookClient({ allowPrivate: true, timeoutMilliseconds })
  open.push(receiver, client)
  return { outcome: await client.post(receiver.url, {}, 'body', new AbortController().signal), receiver }
}

/** Once the client has closed every connection. */
const closed = ({ connections }: Receiver): Promise<unknown> =>
  Promise.all(
    connections
      .filter(socket => !socket.closed)
      .map(socket => new Promise<void>(done => socket.once('close', () => done()))),
  )

const head = (headers = ''): string => `HTTP/1.1 200 OK\r\n${headers}\r\n`
const chunk = `400\r\n${'a'.repeat(1_024)}\r\n`

describe('a receiver whose answer does not come in time', () => {
  it.each<[string, (socket: Socket) => void]>([
    ['does not answer', () => undefined],
    ['lets empty lines drip', socket => drip(socket, '\r\n')],
    [
      'lets headers drip',
      socket => {
        socket.write('HTTP/1.1 200 OK\r\n')
        drip(socket, 'a: b\r\n')
      },
    ],
    ['gives interim answers only', socket => drip(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n')],
  ])('%s', async (_, answer) => {
    const { outcome, receiver } = await exchange(answer)
    expect(outcome).toEqual({ is: 'failed', reason: 'timed out' })
    await closed(receiver)
  })
})

describe('a receiver whose body does not end', () => {
  it.each<[string, string, (socket: Socket) => void]>([
    ['comes to nothing', 'Content-Length: 5\r\n', () => undefined],
    ['drips', 'Content-Length: 50000\r\n', socket => drip(socket, 'a')],
    ['drips in chunks', 'Transfer-Encoding: chunked\r\n', socket => drip(socket, '1\r\na\r\n')],
    ['drips until the connection closes', '', socket => drip(socket, 'a')],
    ['comes fast in chunks', 'Transfer-Encoding: chunked\r\n', socket => flood(socket, chunk)],
    ['comes fast', 'Content-Length: 99999999999\r\n', socket => flood(socket, chunk)],
    [
      'is all extensions of a chunk',
      'Transfer-Encoding: chunked\r\n',
      socket => flood(socket, `1;${'a'.repeat(9_999)}`),
    ],
  ])('has answered, and is cut off: %s', async (_, headers, body) => {
    const { outcome, receiver } = await exchange(socket => {
      socket.write(head(headers))
      body(socket)
    })
    expect(outcome).toEqual({ is: 'answered', status: 200 })
    await closed(receiver)
  })

  it('is not read much further than the limit', async () => {
    const { outcome, receiver } = await exchange(socket => {
      socket.write(head('Transfer-Encoding: chunked\r\n'))
      flood(socket, chunk)
    })
    await closed(receiver)
    expect(outcome).toEqual({ is: 'answered', status: 200 })
    // What the buffers of both sockets hold comes on top of 64 KiB.
    expect(receiver.connections[0]?.bytesWritten).toBeLessThan(32 * 1024 ** 2)
  })
})

describe('a receiver that does not speak HTTP', () => {
  const notUnderstood: PostOutcome = { is: 'failed', reason: 'answer not understood' }
  const lost: PostOutcome = { is: 'failed', reason: 'connection lost' }

  it.each<[string, PostOutcome, (socket: Socket) => void]>([
    ['talks of something else', notUnderstood, socket => socket.write('220 mail.example.org ESMTP\r\n')],
    [
      'sends a header without end',
      notUnderstood,
      socket => {
        socket.write('HTTP/1.1 200 OK\r\na: ')
        flood(socket, 'b'.repeat(64_000))
      },
    ],
    [
      'sends headers without end',
      notUnderstood,
      socket => {
        socket.write('HTTP/1.1 200 OK\r\n')
        flood(socket, 'a: b\r\n'.repeat(1_000))
      },
    ],
    ['closes the connection', lost, socket => socket.end()],
    ['resets the connection', lost, socket => socket.resetAndDestroy()],
    ['closes in the middle of the headers', lost, socket => socket.end('HTTP/1.1 200 OK\r\nA: ')],
    [
      'changes the protocol',
      lost,
      socket => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    ],
  ])('has failed: %s', async (_, expected, answer) => {
    const { outcome, receiver } = await exchange(socket => answer(socket))
    expect(outcome).toEqual(expected)
    await closed(receiver)
  })

  it('has answered one post, and not a second one by what it sends behind it', async () => {
    const receiver = await startReceiver((socket, request, number) => {
      answering(number === 1 ? 500 : 503)(socket, request, number)
      if (number === 1) answering(200)(socket, request, number)
    })
    const client = makeWebhookClient({ allowPrivate: true, timeoutMilliseconds })
    open.push(receiver, client)
    const post = () => client.post(receiver.url, {}, 'body', new AbortController().signal)
    expect([await post(), await post()]).toEqual([
      { is: 'answered', status: 500 },
      { is: 'answered', status: 503 },
    ])
  })
})
