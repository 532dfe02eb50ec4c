import { isUtf8 } from 'node:buffer'
import { buffer } from 'node:stream/consumers'
import type { Command } from 'commander'
import type { Either } from '#fp/Either'
import { passwordProblem } from '../auth/password-hash.ts'
import type { PersonFailure } from '../auth/people.ts'
import type { Outcome } from '../commands/handle.ts'
import type { Config } from '../config.ts'
import type { Core } from '../core.ts'
import { parseAccount } from '../domain/identifiers.ts'
import type { ItemState } from '../domain/item.ts'
import { invalidFields } from '../domain/item-body.ts'
import { people } from '../domain/people.ts'
import type { AddCommand, ExitCode, WithConfig } from './command.ts'
import { complain, contextOfOperator, registerPerson, runWrite, say } from './operator.ts'

const writeTo = (id: string) => ({ identity: { id }, conditional: false, context: contextOfOperator() })

/** Runs one write of the operator's to a person, and says what came of it. */
const run = (
  config: Config,
  id: string,
  write: (core: Core, account: string) => Promise<Either<PersonFailure, Outcome<ItemState>>>,
  done: (account: string, outcome: Outcome<ItemState>) => ExitCode,
): Promise<ExitCode> => {
  const account = parseAccount(id)
  return account === undefined
    ? Promise.resolve(complain(2, `ID must be ${people.idRule}.`))
    : runWrite(
        config,
        core => write(core, account),
        outcome => done(account, outcome),
      )
}

/** Standard input without its final newline: a password that no process list and no shell history shows. Undefined where it is not UTF-8. */
const passwordFromInput = async (): Promise<string | undefined> => {
  const bytes = await buffer(process.stdin)
  return isUtf8(bytes) ? bytes.toString('utf8').replace(/\r?\n$/, '') : undefined
}

const rolesOf = (list: string): readonly string[] =>
  list
    .split(',')
    .map(role => role.trim())
    .filter(role => role !== '')

const setAccess = (config: Config, id: string, active: boolean): Promise<ExitCode> =>
  run(
    config,
    id,
    (core, account) =>
      core.people.changeAccess(writeTo(account), { _tag: 'SetActive', active, preconditions: {} }),
    account => say(`${account} is ${active ? 'active' : 'inactive'}.`),
  )

interface RegisterOptions {
  readonly name?: string
  readonly lastname?: string
  readonly roles?: string
  readonly passwordStdin?: boolean
}

const needPassword = 'Give the password on standard input, with --password-stdin.'

const register = async (config: Config, id: string, options: RegisterOptions): Promise<ExitCode> => {
  if (options.passwordStdin !== true) return complain(2, needPassword)
  const password = await passwordFromInput()
  if (password === undefined) return complain(2, 'The password must be in UTF-8.')
  const problem = passwordProblem(password)
  if (problem !== undefined) return complain(2, `The password ${problem.detail}.`)
  const roles = options.roles === undefined ? {} : { roles: rolesOf(options.roles) }
  const names = {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.lastname === undefined ? {} : { lastname: options.lastname }),
  }
  const body = { ...names, ...roles }
  const wrong = invalidFields(people, body)[0]
  if (wrong !== undefined && 'pointer' in wrong)
    return complain(2, `--${wrong.pointer.slice(1)} ${wrong.detail}.`)
  return run(
    config,
    id,
    (core, account) => registerPerson(core, account, body, password, contextOfOperator()),
    (account, { added }) =>
      added
        ? say(`${account} is registered and can log in.`)
        : complain(1, `${account} is registered already; nothing was changed.`),
  )
}

const setPassword = async (config: Config, id: string, options: RegisterOptions): Promise<ExitCode> => {
  if (options.passwordStdin !== true) return complain(2, needPassword)
  const password = await passwordFromInput()
  if (password === undefined) return complain(2, 'The password must be in UTF-8.')
  const problem = passwordProblem(password)
  if (problem !== undefined) return complain(2, `The password ${problem.detail}.`)
  return run(
    config,
    id,
    (core, account) => core.people.setPassword(writeTo(account), password, {}),
    account => say(`The password of ${account} is set.`),
  )
}

const assignRoles = (config: Config, id: string, list: string): Promise<ExitCode> =>
  run(
    config,
    id,
    (core, account) =>
      core.people.changeAccess(writeTo(account), {
        _tag: 'AssignRoles',
        roles: rolesOf(list),
        knownRoles: core.policy.roleNames,
        preconditions: {},
      }),
    account => say(`${account} has the roles: ${rolesOf(list).join(', ') || 'none'}.`),
  )

/** `person …`: what an operator needs before there is a root, and when root has lost the key. */
export const personCommands = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  const person = program.command('person').description('people who log in: register, password, roles, active')

  command(person, 'register <ID>', 'register a person who can log in')
    .option('--name <text>', 'first name')
    .option('--lastname <text>', 'last name')
    .option('--roles <list>', 'roles, with commas between them (default end_user)')
    .option('--password-stdin', 'read the password from standard input')
    .addHelpText(
      'after',
      '\nThe first root of a hub:\n  printf %s "$PASSWORD" | npm run -s thalamus -- person register ESPGNU777ORG --roles root --password-stdin',
    )
    .action((id: string, options) => withConfig(options, config => register(config, id, options)))

  command(person, 'password <ID>', 'set a person’s password')
    .option('--password-stdin', 'read the password from standard input')
    .action((id: string, options) => withConfig(options, config => setPassword(config, id, options)))

  command(person, 'roles <ID> <roles>', 'give a person these roles instead, with commas between them').action(
    (id: string, list: string, options) => withConfig(options, config => assignRoles(config, id, list)),
  )

  command(person, 'activate <ID>', 'let a person log in again').action((id: string, options) =>
    withConfig(options, config => setAccess(config, id, true)),
  )

  command(person, 'deactivate <ID>', 'keep a person from logging in, at once').action((id: string, options) =>
    withConfig(options, config => setAccess(config, id, false)),
  )
}
