import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { Config } from '../config.ts'
import { type Core, openCore } from '../core.ts'
import { earlierOf } from '../domain/position.ts'
import { makeLogger } from '../logger.ts'
import { startFailureOf } from '../start-failure.ts'
import type { ExitCode } from './command.ts'
import { startProblem } from './start-problem.ts'

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
  core: Pick<Core, 'auth'>,
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

const sealedSentence = ({ dataDir }: Config, sealedAt: string): string =>
  `The log in ${dataDir} is sealed since ${sealedAt}, for it was moved: nothing can be written here. Set EVENTSTORE_URL and MONGODB_URL to where the hub is now, or run \`move\` again until it says that all is moved.`

/**
 * Opens the stores for one command, with standing caught up, and closes them after it. One that writes what is part of the
 * hub is refused where the log is sealed.
 */
export const withCore = async (
  config: Config,
  does: 'reads' | 'writes',
  work: (core: Core) => Promise<ExitCode>,
): Promise<ExitCode> => {
  let core: Core
  try {
    core = await openCore(config, makeLogger('warn'))
  } catch (thrown) {
    process.stderr.write(`${startProblem(config, startFailureOf(config, thrown))}\n`)
    return 1
  }
  try {
    if (does === 'writes' && core.sealedAt !== undefined) {
      process.stderr.write(`${sealedSentence(config, core.sealedAt)}\n`)
      return 1
    }
    if (!(await until(async () => core.standing.isLive(), core.standing.position))) {
      process.stderr.write('The event log does not answer.\n')
      return 1
    }
    return await work(core)
  } finally {
    await core.close()
  }
}
