import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer as createPlainServer, type LookupFunction } from 'node:net'
import { join } from 'node:path'
import * as tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { PostOutcome } from '../../relay/post-outcome.ts'
import { makeWebhookClient } from '../../relay/webhook-client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { answering, type Receiver, startReceiver } from '../support/receiver.ts'

const canMakeCertificates = spawnSync('openssl', ['version']).status === 0

const lookup: LookupFunction = (_name, options, callback) =>
  options.all === true
    ? callback(null, [{ address: '127.0.0.1', family: 4 }])
    : callback(null, '127.0.0.1', 4)

const post = async (host: string, port: number): Promise<PostOutcome> => {
  const client = makeWebhookClient({ allowPrivate: true, lookup, timeoutMilliseconds: 5_000 })
  try {
    return await client.post(`https://${host}:${port}/`, {}, 'body', new AbortController().signal)
  } finally {
    await client.close()
  }
}

const tlsFailed: PostOutcome = { is: 'failed', reason: 'TLS failed' }

// Without openssl there is no certificate to serve with.
describe.skipIf(!canMakeCertificates)('a receiver that speaks https', () => {
  const folder = temporaryFolder()
  const [certFile, keyFile] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')]
  let cert: string
  let receiver: Receiver

  beforeAll(async () => {
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2']
    const names = ['-subj', '/CN=hooks.example.org', '-addext', 'subjectAltName=DNS:hooks.example.org']
    execFileSync('openssl', [...request, ...names, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
    cert = readFileSync(certFile, 'utf8')
    const server = tls.createServer({ cert, key: readFileSync(keyFile, 'utf8') })
    receiver = await startReceiver(answering(200), server)
  })
  afterAll(async () => {
    await receiver.close()
    folder.remove()
  })

  it('is sent nothing when its certificate is self-signed', async () => {
    expect(await post('hooks.example.org', receiver.port)).toEqual(tlsFailed)
    expect(receiver.requests).toEqual([])
  })

  it('is sent nothing although the environment says not to verify', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    try {
      expect(await post('hooks.example.org', receiver.port)).toEqual(tlsFailed)
      expect(receiver.requests).toEqual([])
    } finally {
      vi.unstubAllEnvs()
    }
  })

  // Deno takes certificates of authorities from the environment only.
  it.skipIf(!('setDefaultCACertificates' in tls) || 'Deno' in globalThis)(
    'is sent the body when its certificate is good for the name, and only then',
    async () => {
      const before = tls.getCACertificates('default')
      tls.setDefaultCACertificates([...before, cert])
      try {
        expect(await post('other.example.org', receiver.port)).toEqual(tlsFailed)
        expect(receiver.requests).toEqual([])
        expect(await post('hooks.example.org', receiver.port)).toEqual({ is: 'answered', status: 200 })
        expect(receiver.requests).toHaveLength(1)
      } finally {
        tls.setDefaultCACertificates(before)
      }
    },
  )
})

describe('a receiver that does not speak TLS', () => {
  it('is sent nothing', async () => {
    const receiver = await startReceiver(
      () => undefined,
      createPlainServer(socket => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
    )
    expect(await post('hooks.example.org', receiver.port)).toEqual(tlsFailed)
    expect(receiver.requests).toEqual([])
    await receiver.close()
  })
})
