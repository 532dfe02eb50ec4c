import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, type Client, clientOf } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type RunningHub, runCommand, startHubProcess, untilReady } from '../support/process.ts'

const script = fileURLToPath(new URL('../support/erase-killed.ts', import.meta.url))
const folder = temporaryFolder()
const steps = ['fact', 'key', 'contents', 'read models', 'certificate']
const places = steps.flatMap(step => ['before', 'after'].map(when => ({ step, when })))
const accountAt = (place: number) => `KILLED${place}`
const wordOf = (account: string) => `Quetzalcoatl-${account}-`

let hub: RunningHub
let root: Client
const serve = async () => {
  hub = await startHubProcess(folder.path)
  await untilReady(hub)
  root = clientOf(hub.url, basic('ROOT', 'freedom'))
}

const filesWith = (word: string): readonly string[] =>
  readdirSync(folder.path, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter(file => {
      const bytes = readFileSync(file)
      return bytes.includes(word) || bytes.includes(word.toLowerCase())
    })

const eventsOf = async (account: string) =>
  ((await root.get(`/people/${account}/history`)).json as readonly { readonly event: string }[]).map(
    ({ event }) => event,
  )

describe('an erasure that is killed with kill -9', () => {
  beforeAll(async () => {
    const register = ['person', 'register', 'ROOT', '--roles', 'root', '--password-stdin']
    await runCommand([...register, '--data-dir', folder.path], 'freedom')
    await serve()
    for (const [place] of places.entries()) {
      const account = accountAt(place)
      const word = wordOf(account)
      await root.post(`/people/${account}`, { name: word, active: false })
      await root.post(`/pols/${account}/p`, { summary: word })
      await root.patch(`/pols/${account}/p`, { summary: `${word} again` })
      await root.post(`/personal-documents/${account}`, { person: account, description: word })
      await root.send('PUT', `/personal-documents/${account}/content`, {
        body: Buffer.from(word.repeat(999)),
      })
    }
    await hub.kill('SIGTERM')
    for (const [place, { step, when }] of places.entries()) {
      const parameters = [script, folder.path, accountAt(place), step, when]
      const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'ignore', 'inherit'] })
      const [code, signal] = await once(child, 'exit')
      expect([step, when, code, signal]).toEqual([step, when, null, 'SIGKILL'])
    }
    await serve()
  }, 240_000)
  afterAll(async () => {
    await hub.kill('SIGTERM')
    folder.remove()
  })

  it.each(places.map((place, n) => ({ ...place, n })))(
    '$when the step "$step" is finished by the next start, or never began',
    async ({ n }) => {
      const account = accountAt(n)
      if (n === 0) {
        expect((await root.get(`/people/${account}`)).json).toMatchObject({ name: wordOf(account) })
        return
      }
      // The hub says when it has: by an event.
      while (!(await eventsOf(account)).includes('PersonErasureCertified')) await pause(50)
      const erased = { type: 'urn:thalamus:problem:erased' }
      for (const path of [
        `/people/${account}`,
        `/pols/${account}/p`,
        `/personal-documents/${account}/content`,
      ])
        expect((await root.get(path)).json).toMatchObject(erased)
      expect(filesWith(wordOf(account))).toEqual([])
      const again = await root.post(`/people/${account}/erasure`, { reason: 'again' })
      expect([again.status, again.json]).toMatchObject([200, { reason: 'Request', events: 5, contents: 1 }])
      expect((await eventsOf(account)).filter(event => event.startsWith('PersonErasure'))).toHaveLength(1)
    },
  )
})
