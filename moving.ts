import * as E from '#fp/Either'
import type { Config } from './config.ts'
import { openMove } from './engines.ts'
import { fail, orThrow, startFailureOf } from './start-failure.ts'
import type { MoveFailure } from './stores/moving/failure.ts'
import { type Moved, type MoveOptions, type MoveStep, move } from './stores/moving/move.ts'

export type { MoveFailure, MoveStep }

/** Moves what is in DATA_DIR to the engines that the settings name. Throws a `StartFailure` where they cannot be opened. */
export const moveToEngines = async (
  config: Config,
  options: MoveOptions,
): Promise<E.Either<MoveFailure, Moved>> => {
  process.umask(0o077)
  const moving = await openMove(config).catch(thrown => fail(startFailureOf(config, thrown)))
  if (moving === undefined) return E.left({ _tag: 'NothingToMove' })
  try {
    orThrow(await moving.source.keys.open())
    return await move(moving.source, moving.target, options)
  } finally {
    await moving.close()
  }
}
