import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, clientOf } from '../support/client.ts'
import { excerptOf, readmeBlocks } from '../support/excerpt.ts'
import { temporaryFolder } from '../support/folder.ts'
import { bySecret, keyPair, tokenOf } from '../support/nodes.ts'
import { type RunningHub, type Runtime, runCommand, startHubProcess, untilReady } from '../support/process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** The way of the README: with a client secret, on the address that a hub has by default. */
const asInTheReadme = async (hub: string, clientSecret: string) => {
  // As printed in the README.
  const issuer = new URL(`${hub}/oidc`)
  const insecure = { [oauth.allowInsecureRequests]: true } // only for http on this machine
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const client = { client_id: 'gral-hospital' }
  const answer = await oauth.clientCredentialsGrantRequest(
    server,
    client,
    oauth.ClientSecretBasic(clientSecret), // or oauth.PrivateKeyJwt({ key, kid })
    new URLSearchParams({ scope: 'people:read pols:write' }),
    insecure,
  )
  const { access_token } = await oauth.processClientCredentialsResponse(server, client, answer)
  const people = await fetch(`${hub}/people`, { headers: { Authorization: `Bearer ${access_token}` } })
  // So far.
  return people
}

/** A node’s life from outside, as its own process: the same under every runtime. */
const connect = (runtime: Runtime) => {
  describe(`a node and a hub under ${runtime}`, () => {
    const folder = temporaryFolder()
    const command = (...parameters: readonly string[]) =>
      runCommand([...parameters, '--data-dir', folder.path], '', runtime)
    let hub: RunningHub
    let secret = ''

    beforeAll(async () => {
      const register = ['person', 'register', 'ARGBUE111FAV', '--roles', 'root', '--password-stdin']
      await runCommand([...register, '--data-dir', folder.path], 'freedom', runtime)
      hub = await startHubProcess(folder.path, runtime)
      await untilReady(hub)
      const ana = { name: 'Ana', lastname: 'Betz' }
      await clientOf(hub.url, basic('ARGBUE111FAV', 'freedom')).post('/people/ESPGNU777ORG', ana)
    })
    afterAll(async () => {
      await hub.kill('SIGTERM')
      folder.remove()
    })

    const get = (token: string, path = '/people') => clientOf(hub.url, `Bearer ${token}`).get(path)
    const issued = (out: string): string => JSON.parse(out).client_secret

    it('is enrolled by the command line, which prints its secret once', async () => {
      const enroll = ['node', 'enroll', 'gral-hospital', '--name', 'General Hospital', '--scopes']
      const first = await command(...enroll, 'people:read pols:read pols:write')
      expect(first.code).toBe(0)
      expect(JSON.parse(first.out)).toEqual({ client_id: 'gral-hospital', client_secret: expect.any(String) })
      secret = issued(first.out)
      expect(await command(...enroll, 'people:read pols:read pols:write')).toMatchObject({ code: 1, out: '' })
      expect(await command(...enroll, 'no:such')).toMatchObject({ code: 2, out: '' })
      const nothing = join(folder.path, 'null.json')
      await writeFile(nothing, 'null')
      const withNull = [
        'node',
        'enroll',
        'null-keys',
        '--name',
        'N',
        '--scopes',
        'people:read',
        '--jwks',
        nothing,
      ]
      expect((await command(...withNull)).code).toBe(0)
      expect((await clientOf(hub.url).get('/livez')).status).toBe(200)
    })

    it('gets a token for its secret, as the README says', async () => {
      expect((await asInTheReadme(hub.url, secret)).status).toBe(200)
    })

    it('gets a token for a key of its own as well', async () => {
      const pair = await keyPair('gral-1')
      const file = join(folder.path, 'jwks.json')
      await writeFile(file, JSON.stringify({ keys: [pair.publicJwk] }))
      expect(await command('node', 'rotate', 'gral-hospital', '--jwks', file)).toMatchObject({ code: 0 })
      const byKey = oauth.PrivateKeyJwt({ key: pair.privateKey, kid: pair.kid })
      const token = await tokenOf(hub.url, 'gral-hospital', byKey)
      expect((await get(token)).status).toBe(200)
      expect((await get(await tokenOf(hub.url, 'gral-hospital', bySecret(secret)))).status).toBe(200)
    })

    it('writes and reads with it', async () => {
      const token = await tokenOf(hub.url, 'gral-hospital', bySecret(secret))
      const client = clientOf(hub.url, `Bearer ${token}`)
      const page = { page_date: '2024-01-02T03:04:05', page_type: 'medical', summary: 'Visit' }
      expect((await client.post('/pols/ESPGNU777ORG/v1', page)).status).toBe(201)
      expect((await client.post('/pols/ESPGNU777ORG/v1', page)).status).toBe(200)
      expect((await client.get('/pols/ESPGNU777ORG')).json).toMatchObject([{ id: 'v1', summary: 'Visit' }])
      expect((await client.delete('/pols/ESPGNU777ORG/v1')).status).toBe(403)
    })

    it('changes over to a new secret while both work', async () => {
      const rotated = await command('node', 'rotate', 'gral-hospital')
      expect(rotated.code).toBe(0)
      const second = issued(rotated.out)
      for (const each of [secret, second])
        expect((await get(await tokenOf(hub.url, 'gral-hospital', bySecret(each)))).status).toBe(200)
      expect(await command('node', 'rotate', 'gral-hospital')).toMatchObject({ code: 1, out: '' })
      expect(await command('node', 'rotate', 'gral-hospital', '--retire')).toMatchObject({ code: 0 })
      await expect(tokenOf(hub.url, 'gral-hospital', bySecret(secret))).rejects.toThrow()
      secret = second
    })

    it('is out with the very next request once suspended, whatever its token says', async () => {
      const token = await tokenOf(hub.url, 'gral-hospital', bySecret(secret))
      expect((await get(token)).status).toBe(200)
      expect(await command('node', 'suspend', 'gral-hospital')).toMatchObject({ code: 0 })
      expect((await get(token)).status).toBe(401)
      await expect(tokenOf(hub.url, 'gral-hospital', bySecret(secret))).rejects.toThrow()
      expect(await command('node', 'reinstate', 'gral-hospital')).toMatchObject({ code: 0 })
      // What was issued before a suspension stays void.
      expect((await get(token)).status).toBe(401)
      expect((await get(await tokenOf(hub.url, 'gral-hospital', bySecret(secret)))).status).toBe(200)
    })

    it('keeps its tokens when the hub is started again', async () => {
      const token = await tokenOf(hub.url, 'gral-hospital', bySecret(secret))
      const port = new URL(hub.url).port
      await hub.kill('SIGTERM')
      hub = await startHubProcess(folder.path, runtime, { PORT: port })
      await untilReady(hub)
      expect((await get(token)).status).toBe(200)
    })

    it('signs tokens with a new key once that is rotated, and takes those signed before', async () => {
      const before = await tokenOf(hub.url, 'gral-hospital', bySecret(secret))
      expect(await command('keys', 'rotate')).toMatchObject({ code: 0 })
      const after = await tokenOf(hub.url, 'gral-hospital', bySecret(secret))
      const kidOf = (token: string) =>
        JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
      expect(kidOf(after)).not.toBe(kidOf(before))
      for (const token of [before, after]) expect((await get(token)).status).toBe(200)
    })

    it('is gone for good once retired, and nothing of it was logged', async () => {
      expect(await command('node', 'retire', 'gral-hospital')).toMatchObject({ code: 0 })
      expect(await command('node', 'reinstate', 'gral-hospital')).toMatchObject({ code: 1 })
      expect(hub.log()).not.toMatch(/gral-hospital|ESPGNU777ORG|WARNING: (?!Unsupported runtime)/)
      expect(hub.log()).toContain('/oidc/token')
    })
  })
}

connect('node')
connect('deno')

describe('the README on connecting a node', () => {
  const folder = temporaryFolder()
  let hub: RunningHub
  beforeAll(async () => {
    const register = ['person', 'register', 'ESPGNU777ORG', '--password-stdin', '--data-dir', folder.path]
    await runCommand(register, 'gnusolidario')
    hub = await startHubProcess(folder.path)
    await untilReady(hub)
  })
  afterAll(async () => {
    await hub.kill('SIGTERM')
    folder.remove()
  })

  it('has commands that work as printed, one after the other', async () => {
    const script = readmeBlocks('Connect a node', 'sh')
      .join('\n')
      .replaceAll('http://127.0.0.1:8080', hub.url)
    const { stdout } = await promisify(execFile)(
      'bash',
      ['--norc', '-euc', script.replaceAll('curl ', 'curl -sS ')],
      {
        cwd: root,
        env: { ...process.env, DATA_DIR: folder.path },
      },
    )
    expect(stdout).toContain('"summary":"Visit"')
    expect(stdout).toContain('"status":401')
  })

  it('shows the program that is tested here', () => {
    const [program = ''] = readmeBlocks('Connect a node', 'ts')
    expect(program.replace("const hub = 'http://127.0.0.1:8080'\n", '')).toBe(excerptOf(import.meta.url))
  })
})
