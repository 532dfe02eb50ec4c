import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { Config } from '../config.ts'
import { type Core, makeLogger, openCore } from '../main.ts'
import type { ExitCode } from './main.ts'
import { startProblem } from './serve.ts'

const patience = 5_000
const lookMilliseconds = 25

const until = async (holds: () => Promise<boolean>): Promise<boolean> => {
  const deadline = Date.now() + patience
  while (!(await holds())) {
    if (Date.now() > deadline) return false
    await pause(lookMilliseconds)
  }
  return true
}

/** Whether every hub that runs on the same DATA_DIR knows the log as far as `position`; waits at most 5 s. */
export const hubsHave = (core: Core, position: bigint): Promise<boolean> =>
  until(async () => {
    const announced = await core.auth.announced()
    return E.isRight(announced) && announced.right.every(known => known >= position)
  })

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
    if (!(await until(async () => core.standing.isLive()))) {
      process.stderr.write('The event log does not answer.\n')
      return 1
    }
    return await work(core)
  } finally {
    await core.close()
  }
}
