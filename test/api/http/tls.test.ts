import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../support/folder.ts'
import { startTestHub, type TestHub } from '../../support/hub.ts'

const canMakeCertificates = spawnSync('openssl', ['version']).status === 0

// Without openssl there is no certificate to serve with.
describe.skipIf(!canMakeCertificates)('a hub that serves https', () => {
  const folder = temporaryFolder()
  const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')]
  let hub: TestHub
  const sockets: TLSSocket[] = []

  beforeAll(async () => {
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost']
    execFileSync('openssl', [...request, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    hub = await startTestHub({ TLS_CERT: cert, TLS_KEY: key })
  })
  afterAll(async () => {
    for (const socket of sockets) socket.destroy()
    await hub.close()
    folder.remove()
  })

  const handshake = async (options: ConnectionOptions): Promise<TLSSocket> => {
    const { hostname, port } = new URL(hub.url)
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false, ...options })
    sockets.push(socket)
    await once(socket, 'secureConnect')
    return socket
  }

  it('tells browsers to keep to https', async () => {
    const socket = await handshake({})
    socket.write('GET /livez HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n')
    let text = ''
    for await (const piece of socket) text += String(piece)
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(text).toMatch(/\r\nStrict-Transport-Security: max-age=31536000\r\n/)
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'speaks %s with forward secrecy and authenticated encryption',
    async version => {
      const socket = await handshake({ minVersion: version, maxVersion: version })
      expect(socket.getProtocol()).toBe(version)
      expect(socket.getCipher().standardName).toMatch(
        /^TLS_(ECDHE_RSA_WITH_)?(AES_\d+_GCM|CHACHA20_POLY1305)/,
      )
    },
  )

  it.each(['AES256-GCM-SHA384', 'ECDHE-RSA-AES256-SHA384', 'DHE-RSA-AES256-GCM-SHA384', 'AES128-SHA'])(
    'takes no %s',
    async ciphers => {
      await expect(handshake({ maxVersion: 'TLSv1.2', ciphers })).rejects.toThrow()
    },
  )
})
