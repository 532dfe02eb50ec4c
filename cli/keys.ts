import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import * as E from '#fp/Either'
import { changeMasterKey } from '../auth/change-master-key.ts'
import { renewableSecrets } from '../auth/hub-secrets.ts'
import { type FormerKeys, rotateSigningKey } from '../auth/signing-keys.ts'
import type { Config } from '../config.ts'
import type { AddCommand, ExitCode, WithConfig } from './command.ts'
import { complain, say } from './operator.ts'
import { withCore } from './with-core.ts'

/** A hub looks once a second whether keys were rotated. */
const lookMilliseconds = 1_100

const rotate = (config: Config, formerKeys: FormerKeys): Promise<ExitCode> =>
  withCore(config, 'writes', async core => {
    const rotated = await rotateSigningKey(core.auth, formerKeys)
    if (E.isLeft(rotated)) return complain(1, 'The store of credentials cannot be written now. Try again.')
    const running = await core.auth.announced()
    if (E.isRight(running) && running.right.length > 0) await pause(lookMilliseconds)
    return say(
      `Access tokens are signed with ${rotated.right.kid} from now on; those signed before ${formerKeys === 'end' ? 'are refused' : 'stay good until they expire'}.`,
    )
  })

const renew = (config: Config): Promise<ExitCode> =>
  withCore(config, 'writes', async ({ auth }) => {
    const renewed = await auth.renewSecrets(renewableSecrets)
    if (E.isLeft(renewed)) return complain(1, 'The store of credentials cannot be written now. Try again.')
    return say(
      'The hub’s own secrets are new. Restart every process of the hub: until then it goes on with the old ones. Then each subscription needs its new secret: POST /subscriptions/{id}/secret.',
    )
  })

/** So long a process may need from reading the master key to keeping what it wraps. */
const graceMilliseconds = 2_000

const rewrap = (config: Config): Promise<ExitCode> =>
  withCore(config, 'writes', async ({ auth, masterKeys }) => {
    const changed = await changeMasterKey(auth, masterKeys, () => pause(graceMilliseconds))
    if (E.isLeft(changed))
      return complain(
        1,
        changed.left._tag === 'AuthUnavailable'
          ? 'The store of keys cannot be written now. Run the same command again: it goes on where it was.'
          : `${masterKeys.file} cannot be used: it must be writable, and hold the key that wraps the keys of people.`,
      )
    const { keys, master } = changed.right
    return say(
      `${keys} keys of people are wrapped by the master key ${master} from now on; ${masterKeys.file} holds no other. Copies of the store of keys that are older need the master key of then.`,
    )
  })

/** `keys …`: the keys that sign access tokens, and the one that wraps the keys of people. */
export const keyCommands = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  const keys = program
    .command('keys')
    .description('the keys that sign access tokens and wrap the keys of people: rotate, renew, rewrap')
  command(keys, 'rotate', 'sign access tokens with a new key')
    .option('--end-former', 'refuse tokens that were signed before, at once: for a key that got out')
    .action(options =>
      withConfig(options, config => rotate(config, options.endFormer === true ? 'end' : 'expire')),
    )
  command(
    keys,
    'renew',
    'make the secrets anew that webhooks are signed with, and other secrets of the hub’s own',
  )
    .addHelpText(
      'after',
      '\nFor a store of credentials that got into others’ hands. Webhooks are signed with secrets that receivers do not know\nuntil their nodes have fetched the new ones. A write that is sent again with an Idempotency-Key of before is refused (422).',
    )
    .action(options => withConfig(options, renew))
  command(keys, 'rewrap', 'wrap the keys of people by a new master key')
    .addHelpText(
      'after',
      '\nThe hub may run meanwhile. Where several machines have the file, put the new key before the old one in each\nof them, a line each, and run this on one: it takes the first and drops the others from its own file.',
    )
    .action(options => withConfig(options, rewrap))
}
