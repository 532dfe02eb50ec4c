import { Agent, request } from 'node:http'
import bcrypt from 'bcrypt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, type Client, clientOf } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type RunningHub, runCommand, startHubProcess, untilReady } from '../support/process.ts'

const folder = temporaryFolder()
const root = 'ARGBUE111FAV'
const password = 'gnusolidario'
const victims = Array.from({ length: 40 }, (_, i) => `ESPVIC${100 + i}ORG`)
const newcomers = Array.from({ length: 6 }, (_, i) => `ESPNEW${100 + i}ORG`)

let hub: RunningHub
let asRoot: Client

beforeAll(async () => {
  await runCommand(
    ['person', 'register', root, '--roles', 'root', '--password-stdin', '--data-dir', folder.path],
    password,
  )
  const hash = await bcrypt.hash(password, 12)
  hub = await startHubProcess(folder.path, 'node', { LOG_LEVEL: 'error' })
  await untilReady(hub)
  asRoot = clientOf(hub.url, basic(root, password))
  for (const id of [...victims, ...newcomers])
    expect((await asRoot.post(`/people/${id}`, { password: hash })).status).toBe(201)
})
afterAll(async () => {
  await hub.kill('SIGTERM')
  folder.remove()
})

/** Tries wrong passwords from an address of its own, at one account after the other. */
const guesserAt = (localAddress: string) => {
  const agent = new Agent({ keepAlive: true })
  let tried = 0
  return {
    guess: () =>
      new Promise<number | undefined>((resolve, reject) => {
        tried += 1
        const authorization = basic(victims[tried % victims.length] ?? '', `wrong-${tried}`)
        request(`${hub.url}/login`, { agent, localAddress, headers: { authorization } }, response => {
          response.resume().on('end', () => resolve(response.statusCode))
        })
          .on('error', reject)
          .end()
      }),
    end: () => agent.destroy(),
  }
}

/** Guesses from each address with eight attempts under way, which are as many as wait without being refused. */
const startGuessing = (addresses: readonly string[]) => {
  const statuses: (number | undefined)[] = []
  let isOver = false
  const guessers = addresses.map(guesserAt)
  const guessing = guessers.flatMap(({ guess }) =>
    Array.from({ length: 8 }, async () => {
      while (!isOver) statuses.push(await guess())
    }),
  )
  return {
    /** The status of a request, and how many guesses were answered before it was. */
    during: async (work: () => Promise<{ readonly status: number }>) => {
      const before = statuses.length
      const { status } = await work()
      return { status, guesses: statuses.length - before }
    },
    end: async () => {
      isOver = true
      await Promise.all(guessing)
      for (const { end } of guessers) end()
      return statuses
    },
  }
}

const firstLogin = (account = '') => clientOf(hub.url, basic(account, password)).get('/login')

describe('while others guess at accounts with imported cost-12 hashes', () => {
  it('from four addresses as fast as they may, a first login and a new password wait for few of them', async () => {
    const guessing = startGuessing(['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'])
    const answers = []
    for (const [i, newcomer] of newcomers.slice(0, 3).entries()) {
      answers.push(await guessing.during(() => firstLogin(newcomer)))
      answers.push(
        await guessing.during(() => asRoot.post(`/password/${victims[i]}`, { password: 'a new one' })),
      )
    }
    const guessed = await guessing.end()
    expect(answers.map(({ status }) => status)).toEqual([200, 204, 200, 204, 200, 204])
    expect(Math.max(...answers.map(({ guesses }) => guesses))).toBeLessThan(24)
    expect([...new Set(guessed)]).toEqual([401])
  })

  it('with 110 attempts at once from one address, the first logins of everybody else work', async () => {
    const guesser = guesserAt('127.0.0.6')
    const guesses = Promise.all(Array.from({ length: 110 }, () => guesser.guess()))
    const answers = await Promise.all(newcomers.slice(3).map(firstLogin))
    const statuses = await guesses
    guesser.end()
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(new Set(statuses)).toEqual(new Set([401, 503]))
    expect(statuses.filter(status => status === 401).length).toBeLessThan(30)
  })
})
