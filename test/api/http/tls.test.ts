import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeServer } from '../../../api/http/server.ts'
import { renewCertificate } from '../../../certificate-renewal.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { startTestHub, type TestHub } from '../../support/hub.ts'

const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost']
const canMakeCertificates = spawnSync('openssl', ['version']).status === 0

// Without openssl there is no certificate to serve with.
describe.skipIf(!canMakeCertificates)('a hub that serves https', () => {
  const folder = temporaryFolder()
  const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')]
  let hub: TestHub
  const sockets: TLSSocket[] = []

  beforeAll(async () => {
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

  it('takes its certificate anew when the files have changed, and keeps the present one while they do not fit', async () => {
    const server = await startTestServer({ cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') })
    const warned: string[] = []
    const renewed = Promise.withResolvers<void>()
    const logger = pino(
      { level: 'info' },
      {
        write: (line: string) => {
          const { msg } = JSON.parse(line)
          warned.push(msg)
          if (msg === 'the certificate was taken anew') renewed.resolve()
          // The key comes after the certificate.
          else copyFileSync(join(folder.path, 'key2.pem'), key)
        },
      },
    )
    const ending = new AbortController()
    const tls = { ...server.tls, certFile: cert, keyFile: key }
    const renewing = renewCertificate(server.server, tls, logger, ending.signal, 10)
    const before = await server.fingerprint()
    execFileSync(
      'openssl',
      [...request, '-keyout', join(folder.path, 'key2.pem'), '-out', join(folder.path, 'cert2.pem')],
      { stdio: 'ignore' },
    )
    copyFileSync(join(folder.path, 'cert2.pem'), cert)
    await renewed.promise
    expect(await server.fingerprint()).not.toBe(before)
    expect(warned[0]).toContain('the present one is kept')
    ending.abort()
    await renewing
    server.close()
  })
})

/** A server of a hub with a certificate, and what a client sees of it. */
const startTestServer = async (tls: { readonly cert: string; readonly key: string }) => {
  const server = makeServer(tls, (_, response) => response.end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    server,
    tls,
    fingerprint: async () => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      const { fingerprint256 } = socket.getPeerCertificate()
      socket.destroy()
      return fingerprint256
    },
    close: () => server.close(),
  }
}
