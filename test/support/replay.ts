import { Writable } from 'node:stream'
import * as E from '#fp/Either'
import type { ExitCode } from '../../cli/command.ts'
import { loadFold } from '../../cli/replay/fold.ts'
import type { Surroundings } from '../../cli/replay/produce.ts'
import { replayStore } from '../../cli/replay/replaying.ts'
import { type ReplayOptions, type ReplayRequest, replayRequestOf } from '../../cli/replay/request.ts'
import { accessRecorder } from '../../commands/accesses.ts'
import { commandHandler } from '../../commands/handle.ts'
import { makeTurns } from '../../commands/turns.ts'
import type { NewEvent } from '../../domain/event.ts'
import { openLog } from '../../stores/codec.ts'
import { memoryAuthStore } from '../../stores/memory/auth-store.ts'
import { memoryLog } from '../../stores/memory/event-log.ts'
import { right } from './either.ts'
import { testKeys } from './keys.ts'

export interface ReplayEnd {
  readonly code: ExitCode
  readonly out: string
  readonly err: string
}

/** Runs something as `replay` does, with an output of its own. */
export const withOutput = async (
  words: readonly string[],
  work: (surroundings: Surroundings) => Promise<ExitCode>,
  more: Partial<Surroundings> = {},
): Promise<ReplayEnd> => {
  let [out, err] = ['', '']
  const stdout = new Writable({
    write: (chunk, _encoding, done) => {
      out += String(chunk)
      done()
    },
  })
  const code = await work({
    stdout,
    terminal: { isTerminal: false, write: () => {}, now: () => 0 },
    signal: new AbortController().signal,
    complain: sentence => {
      err += `${sentence}\n`
    },
    words: ['replay', ...words],
    ...more,
  })
  return { code, out, err }
}

export const requestOf = (options: ReplayOptions, environment = {}): ReplayRequest => {
  const request = replayRequestOf(options, environment)
  if (E.isLeft(request)) throw new Error(request.left.join('\n'))
  return request.right
}

/** A log in memory, with what `replay` needs beside it. */
export const openTestLog = async (sealedAt?: string) => {
  const ports = await right(openLog(memoryLog(), testKeys))
  const handle = commandHandler({ log: ports.log, turns: makeTurns(10), now: () => new Date('2026-03-01') })
  const core = {
    ports,
    recordAccess: accessRecorder(handle),
    sealedAt,
    auth: { ...memoryAuthStore(), close: async () => {} },
  }
  return {
    core,
    append: (stream: string, event: NewEvent, revision = 0) =>
      right(ports.log.append(stream, revision === 0 ? 'no-stream' : revision - 1, [event])),
    /** `replay` with these options. */
    replay: async (options: ReplayOptions = {}, more: Partial<Surroundings> = {}): Promise<ReplayEnd> => {
      const fold = options.reduce === undefined ? undefined : await right(loadFold(options.reduce))
      const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
      return withOutput(
        words,
        surroundings => replayStore(core, requestOf(options), fold, surroundings),
        more,
      )
    },
  }
}

/** The entries of NDJSON. */
export const entriesIn = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
