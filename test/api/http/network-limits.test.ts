import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { isAmong, limitConnections, makeRequestRates } from '../../../api/http/network-limits.ts'

describe('requests without credentials', () => {
  it('are counted by network: so many at once, and so many a second from then on', () => {
    let clock = 0
    const rates = makeRequestRates({ burst: 2, perSecond: 1 }, () => clock)
    expect(rates.count('192.0.2.1').seconds).toBeUndefined()
    expect(rates.count('192.0.2.1').seconds).toBeUndefined()
    expect(rates.count('192.0.2.1').seconds).toBe(1)
    expect(rates.count('192.0.2.2').seconds).toBeUndefined()
    clock = 1000
    expect(rates.count('192.0.2.1').seconds).toBeUndefined()
    expect(rates.count('192.0.2.1').seconds).toBe(1)
    // The addresses of a site (RFC 6177) are one network.
    for (const address of ['2001:db8:1:1::1', '2001:db8:1:2::1'])
      expect(rates.count(address).seconds).toBeUndefined()
    expect(rates.count('2001:db8:1:3::1').seconds).toBe(1)
    expect(rates.count('2001:db8:2::1').seconds).toBeUndefined()
  })
})

describe('a list of proxies', () => {
  it('names addresses and networks of both families', () => {
    const isProxy = isAmong(['192.0.2.1', '10.0.0.0/8', '2001:db8::/32'])
    expect(['192.0.2.1', '10.1.2.3', '::ffff:10.1.2.3', '2001:db8::1'].every(isProxy)).toBe(true)
    expect(['192.0.2.2', '11.0.0.1', '2001:db9::1', ''].some(isProxy)).toBe(false)
  })
})

describe('connections', () => {
  const sockets: Socket[] = []
  const server = createServer((_request, response) => response.end('here'))
  afterEach(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })

  /** Opens a connection; `here` where it is served, `closed` where it is not. */
  const opened = async (localAddress: string): Promise<'here' | 'closed'> => {
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const socket = connect({ host: '127.0.0.1', port, localAddress })
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.write('GET / HTTP/1.1\r\nHost: hub\r\n\r\n')
    const outcome = await Promise.race([
      once(socket, 'data').then(() => 'here' as const),
      once(socket, 'close').then(() => 'closed' as const),
    ])
    return outcome
  }

  it('have a limit for each network, and one for all', async () => {
    limitConnections(server, { total: 3, perNetwork: 2, isProxy: address => address === '127.0.0.9' })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    expect(await opened('127.0.0.2')).toBe('here')
    expect(await opened('127.0.0.2')).toBe('here')
    expect(await opened('127.0.0.2')).toBe('closed')
    expect(await opened('127.0.0.9')).toBe('here')
    expect(await opened('127.0.0.3')).toBe('closed')
    sockets[0]?.destroy()
    await once(sockets[0] ?? server, 'close')
    while ((await opened('127.0.0.2')) === 'closed');
  })
})
