import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { Config } from '../config.ts'
import { earlierOf } from '../domain/position.ts'
import { type Core, makeLogger, openCore } from '../main.ts'
import type { ExitCode } from './main.ts'
import { startProblem } from './serve.ts'

const patience = 5_000
const lookMilliseconds = 25

/** Waits until it `holds`, for 5 s; with `progress`, for 5 s after that was last another one. */
const until = async (holds: () => Promise<boolean>, progress: () => bigint = () => 0n): Promise<boolean> => {
  let seen = progress()
  let deadline = Date.now() + patience
  while (!(await holds())) {
    if (progress() !== seen) {
      seen = progress()
      deadline = Date.now() + patience
    }
    if (Date.now() > deadline) return false
    await pause(lookMilliseconds)
  }
  return true
}

/**
 * Whether every hub that runs on the same DATA_DIR knows the log as far as `position`; waits at most 5 s, or as long as
 * the last of them goes on.
 */
export const hubsHave = (
  core: Core,
  position: bigint,
  patient: 'at most 5 s' | 'while they go on' = 'at most 5 s',
): Promise<boolean> => {
  let least = 0n
  return until(
    async () => {
      const announced = await core.auth.announced()
      if (E.isLeft(announced)) return false
      least = announced.right.reduce(earlierOf, position)
      return least === position
    },
    patient === 'at most 5 s' ? undefined : () => least,
  )
}

/** Opens the stores for one command, with standing caught up, and closes them after it. */
export const withCore = async (
  config: Config,
  work: (core: Core) => Promise<ExitCode>,
): Promise<ExitCode> => {
  let core: Core
  try {
    core = await openCore(config, makeLogger('error'))
  } catch (error) {
    process.stderr.write(`${startProblem(config, error)}\n`)
    return 1
  }
  try {
    if (!(await until(async () => core.standing.isLive(), core.standing.position))) {
      process.stderr.write('The event log does not answer.\n')
      return 1
    }
    return await work(core)
  } finally {
    await core.close()
  }
}
