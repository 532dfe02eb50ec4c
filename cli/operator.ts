import { randomUUID } from 'node:crypto'
import { userInfo } from 'node:os'
import * as E from '#fp/Either'
import { type Failure, sentenceOf } from '../api/http/problem.ts'
import type { PersonFailure } from '../auth/people.ts'
import type { CommandContext, Outcome } from '../commands/handle.ts'
import type { Config } from '../config.ts'
import type { Core } from '../core.ts'
import type { ItemState } from '../domain/item.ts'
import type { JsonObject } from '../domain/json.ts'
import { people } from '../domain/people.ts'
import type { Registrar } from '../domain/person-rules.ts'
import type { ExitCode } from './command.ts'
import { hubsHave, withCore } from './with-core.ts'

export const complain = (code: ExitCode, sentence: string): ExitCode => {
  process.stderr.write(`${sentence}\n`)
  return code
}

export const say = (sentence: string): ExitCode => {
  process.stdout.write(`${sentence}\n`)
  return 0
}

const operator = (): string => {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}

/** A command of whoever runs this machine. */
export const contextOfOperator = (): CommandContext => ({
  actor: { kind: 'operator', id: operator() },
  requestId: randomUUID(),
  commandId: randomUUID(),
})

/** Whoever runs this machine may set roles and passwords. */
export const registrarOf = ({ roleNames }: Core['policy']): Registrar => ({
  rights: { roles: true, password: true },
  knownRoles: roleNames,
})

/** Registers a person with a password in clear text. */
export const registerPerson = async (
  { acceptItem, policy }: Core,
  id: string,
  fields: JsonObject,
  password: string,
  context: CommandContext,
): Promise<E.Either<PersonFailure, Outcome<ItemState>>> => {
  const json = { ...fields, password }
  const sent = { json, bytes: Buffer.from(JSON.stringify(json)) }
  const sender = { ...registrarOf(policy), takesHashes: false }
  const accepted = acceptItem(people, { id }, { _tag: 'Create', sent }, sender)
  return E.isLeft(accepted) ? accepted : accepted.right({ preconditions: {}, context })
}

/** Runs one write of the operator's, waits until hubs on the same DATA_DIR have it, and says what came of it. */
export const runWrite = <Written extends Pick<Outcome<unknown>, 'position'>>(
  config: Config,
  write: (core: Core) => Promise<E.Either<Failure, Written>>,
  done: (outcome: Written) => ExitCode,
): Promise<ExitCode> =>
  withCore(config, 'writes', async core => {
    const outcome = await write(core)
    if (E.isLeft(outcome)) return complain(1, sentenceOf(outcome.left))
    const { position } = outcome.right
    if (position !== undefined && !(await hubsHave(core, position)))
      process.stderr.write('It is stored, but a running hub has not confirmed it within 5 s.\n')
    return done(outcome.right)
  })
