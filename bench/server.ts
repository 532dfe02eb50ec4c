/**
 * A server to measure, in a process of its own: `hub DATA_DIR` or `bare`. It tells its parent where it listens, and
 * on request what it has used so far.
 */
import express from 'express'
import { z } from 'zod'
import { readConfig } from '../config.ts'
import { openCore } from '../core.ts'
import { makeLogger } from '../logger.ts'
import { startHub } from '../main.ts'
import { personOf } from './seed.ts'

export interface Used {
  readonly cpuMilliseconds: number
  readonly logCommits: number
  /** CPU milliseconds of the main thread from one look at its event loop to the next, since this was last said. */
  readonly turns: readonly number[]
}

const lookMilliseconds = 5
let turns: number[] = []

/** How long something waits for the event loop, in CPU time: what else the machine does meanwhile does not count. */
const watchTurns = (): void => {
  const cpu = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let before = cpu()
  setInterval(() => {
    const now = cpu()
    turns.push(now - before)
    before = now
  }, lookMilliseconds)
}

const tell = (message: unknown): void => {
  process.send?.(message)
}

const questions = z.union([z.literal('used?'), z.object({ sign: z.int() })])

/** Signs so many texts of a token's size with Ed25519, one after the other. */
const signMany = async (times: number): Promise<void> => {
  const pair = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])
  if (!('privateKey' in pair)) return
  const text = Buffer.alloc(500, 'x')
  for (let i = 0; i < times; i += 1) await crypto.subtle.sign('Ed25519', pair.privateKey, text)
}

const answerQuestions = (logCommits: () => number): void => {
  process.on('message', async message => {
    const question = questions.parse(message)
    if (question !== 'used?') await signMany(question.sign)
    const { user, system } = process.cpuUsage()
    tell({ cpuMilliseconds: (user + system) / 1000, logCommits: logCommits(), turns })
    turns = []
  })
  process.on('disconnect', () => process.exit(0))
}

const startBare = (): void => {
  const app = express()
  const person = JSON.stringify(personOf(0))
  app.get('/people/:id', (_request, response) => {
    response.type('json').send(person)
  })
  app.post('/pols/:person/:id', express.json({ type: () => true, limit: '1mb' }), (request, response) => {
    response.status(201).json(request.body)
  })
  const server = app.listen(0, '127.0.0.1', () => {
    const address = server.address()
    tell({ url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}` })
  })
  answerQuestions(() => 0)
}

const startOurs = async (dataDir: string): Promise<void> => {
  const read = readConfig({
    environment: {},
    flag: { DATA_DIR: dataDir, PORT: '0', TOKEN_TTL: '3600', ALLOW_PRIVATE_WEBHOOKS: 'on' },
  })
  if ('problems' in read) throw new Error(read.problems.join('\n'))
  const logger = makeLogger('info')
  const core = await openCore(read.config, logger)
  const hub = await startHub(core, logger)
  tell({ url: hub.url })
  answerQuestions(core.logCommits)
}

const [kind, dataDir] = process.argv.slice(2)
watchTurns()
if (kind === 'hub' && dataDir !== undefined) await startOurs(dataDir)
else if (kind === 'bare') startBare()
