import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { z } from 'zod'
import type { Cost } from './measure.ts'

const program = fileURLToPath(new URL('./server.ts', import.meta.url))
const started = z.object({ url: z.string() })
const used = z.object({ cpuMilliseconds: z.number(), logCommits: z.number(), turns: z.array(z.number()) })

export interface MeasuredServer {
  readonly url: string
  readonly pid: number
  readonly used: () => Promise<z.infer<typeof used>>
  /** Signs so many texts in that process, and then says what it has used. */
  readonly sign: (times: number) => Promise<z.infer<typeof used>>
  readonly stop: () => Promise<void>
}

const messageOf = async (child: ChildProcess, ended: Promise<never>): Promise<unknown> =>
  (await Promise.race([once(child, 'message'), ended]))[0]

/** Starts `bench/server.ts` in a process of its own; its log goes to nowhere, but is written. */
export const startServer = async (...parameters: readonly string[]): Promise<MeasuredServer> => {
  const child = fork(program, parameters, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the measured server ended')))
  ended.catch(() => undefined)
  const { url } = started.parse(await messageOf(child, ended))
  const ask = async (question: 'used?' | { readonly sign: number }) => {
    const answer = messageOf(child, ended)
    child.send(question)
    return used.parse(await answer)
  }
  return {
    url,
    pid: child.pid ?? 0,
    used: () => ask('used?'),
    sign: times => ask({ sign: times }),
    stop: async () => {
      child.disconnect()
      await ended.catch(() => undefined)
    },
  }
}

export interface Requests {
  readonly connections: number
  readonly seconds: number
  readonly headers: Readonly<Record<string, string>>
  readonly method: 'GET' | 'POST'
  readonly expected: number
  readonly next: () => { readonly path: string; readonly body?: string }
}

export interface Load extends Cost {
  readonly logCommits: number
}

/** Sends requests as fast as they are answered, or so many a second, and asks the server what they cost it. */
export const load = async (server: MeasuredServer, requests: Requests, pace?: number): Promise<Load> => {
  const { connections, seconds, headers, method, expected, next } = requests
  const before = await server.used()
  const result = await autocannon({
    url: server.url,
    connections,
    duration: seconds,
    ...(pace === undefined ? {} : { overallRate: Math.round(pace) }),
    requests: [{ method, headers, setupRequest: request => ({ ...request, ...next() }) }],
  })
  const after = await server.used()
  const operations = result[`${Math.floor(expected / 100)}xx` as '2xx']
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} answers of another status, ${result.errors} errors`)
  return {
    operations,
    milliseconds: result.duration * 1000,
    cpuMilliseconds: after.cpuMilliseconds - before.cpuMilliseconds,
    logCommits: after.logCommits - before.logCommits,
  }
}
