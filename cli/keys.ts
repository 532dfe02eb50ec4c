import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import * as E from '#fp/Either'
import { rotateSigningKey } from '../auth/signing-keys.ts'
import type { Config } from '../config.ts'
import type { AddCommand, ExitCode, WithConfig } from './command.ts'
import { complain, say } from './operator.ts'
import { withCore } from './with-core.ts'

/** A hub looks once a second whether keys were rotated. */
const lookMilliseconds = 1_100

const rotate = (config: Config): Promise<ExitCode> =>
  withCore(config, 'writes', async core => {
    const rotated = await rotateSigningKey(core.auth)
    if (E.isLeft(rotated)) return complain(1, 'The store of credentials cannot be written now. Try again.')
    const running = await core.auth.announced()
    if (E.isRight(running) && running.right.length > 0) await pause(lookMilliseconds)
    return say(
      `Access tokens are signed with ${rotated.right.kid} from now on; those signed before stay good until they expire.`,
    )
  })

/** `keys …`: the keys that sign access tokens. */
export const keyCommands = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  const keys = program.command('keys').description('the keys that sign access tokens')
  command(keys, 'rotate', 'sign access tokens with a new key').action(options => withConfig(options, rotate))
}
