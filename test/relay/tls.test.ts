import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
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

/** A certificate for hooks.example.org, and that of its authority, which nobody knows. */
const certificateIn = (folder: string) => {
  const openssl = (line: string): unknown =>
    execFileSync('openssl', line.split(' '), { cwd: folder, stdio: 'ignore' })
  const name = 'subjectAltName=DNS:hooks.example.org'
  writeFileSync(join(folder, 'extensions'), `${name}\nbasicConstraints=CA:FALSE\n`)
  openssl(`req -x509 -newkey rsa:2048 -nodes -subj /CN=Authority -addext ${name} -keyout ca.key -out ca.pem`)
  openssl('req -newkey rsa:2048 -nodes -subj /CN=hooks.example.org -keyout key.pem -out request.pem')
  openssl(
    'x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -extfile extensions -out cert.pem',
  )
  const textOf = (file: string): string => readFileSync(join(folder, file), 'utf8')
  return {
    authority: textOf('ca.pem'),
    authorityKey: textOf('ca.key'),
    cert: textOf('cert.pem'),
    key: textOf('key.pem'),
  }
}

// Without openssl there is no certificate to serve with.
describe.skipIf(!canMakeCertificates)('a receiver that speaks https', () => {
  const folder = temporaryFolder()
  let authority: string
  let receiver: Receiver

  beforeAll(async () => {
    const { cert, key, ...made } = certificateIn(folder.path)
    authority = made.authority
    receiver = await startReceiver(answering(200), tls.createServer({ cert, key }))
  })
  afterAll(async () => {
    await receiver.close()
    folder.remove()
  })

  it('is sent nothing when nobody known has signed its certificate', async () => {
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

  it('is sent the body when its certificate is good for the name, and only then', async () => {
    const before = tls.getCACertificates('default')
    tls.setDefaultCACertificates([...before, authority])
    try {
      expect(await post('other.example.org', receiver.port)).toEqual(tlsFailed)
      expect(receiver.requests).toEqual([])
      expect(await post('hooks.example.org', receiver.port)).toEqual({ is: 'answered', status: 200 })
      expect(receiver.requests).toHaveLength(1)
    } finally {
      tls.setDefaultCACertificates(before)
    }
  })

  it('is sent nothing when its certificate is self-signed', async () => {
    const self = temporaryFolder()
    const { authority: cert, authorityKey: key } = certificateIn(self.path)
    self.remove()
    const lone = await startReceiver(answering(200), tls.createServer({ cert, key }))
    expect(await post('hooks.example.org', lone.port)).toEqual(tlsFailed)
    expect(lone.requests).toEqual([])
    await lone.close()
  })
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
