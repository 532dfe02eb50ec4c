import { Command, CommanderError, Option } from 'commander'
import * as E from '#fp/Either'
import { flagOf, readConfig, settings } from '../config.ts'
import { version } from '../core.ts'
import { backupCommands } from './backup.ts'
import { checkCommand } from './check.ts'
import type { AddCommand, ExitCode, WithConfig } from './command.ts'
import { showConfig } from './config.ts'
import { envFile } from './env-file.ts'
import { eraseCommand } from './erase.ts'
import { importFile } from './import.ts'
import { keyCommands } from './keys.ts'
import { migrateCommand } from './migrate.ts'
import { moveCommand } from './move.ts'
import { nodeCommands } from './node.ts'
import { personCommands } from './person.ts'
import { rebuildCommand } from './rebuild.ts'
import { receiveCommand } from './receive.ts'
import { replayCommand } from './replay.ts'
import { sendCommand } from './send.ts'

/** What answers requests takes most of a second to load: a command that does not serve does without. */
const serving = () => import('./serve.ts')

const program = new Command('thalamus')
  .description('The message and authentication server of a GNU Health Federation.')
  .version(version)
  .showHelpAfterError('(run with --help to see what there is)')
  .configureHelp({ sortSubcommands: false })

let exitCode: ExitCode = 0

const camelCase = (flag: string): string =>
  flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Reads the settings from environment and flags, runs the command with them, and keeps its exit code. */
const withConfig: WithConfig = async (options, run, allProblems = ofSettings => ofSettings) => {
  const flags = Object.fromEntries(
    settings.map(setting => {
      const value = options[camelCase(flagOf(setting))]
      return [setting.name, typeof value === 'string' ? value : undefined] as const
    }),
  )
  const path = options.envFile ?? process.env.ENV_FILE
  const file = path === undefined ? E.right({}) : envFile(String(path))
  const given = { flag: flags, environment: process.env, ...(E.isRight(file) ? { file: file.right } : {}) }
  const read = readConfig(given)
  const ofSettings = 'problems' in read ? read.problems : []
  const problems = allProblems(E.isLeft(file) ? [file.left, ...ofSettings] : ofSettings)
  if ('problems' in read || problems.length > 0) {
    process.stderr.write(`${problems.map(problem => `${problem}\n`).join('')}`)
    exitCode = 2
    return
  }
  exitCode = await run({ ...read.config, withoutCredentials: options.withoutCredentials === true }, given)
}

/** A command with a flag for every setting. */
const command: AddCommand = (parent, usage, description, serves) => {
  const added = parent.command(usage).description(description)
  for (const setting of settings) {
    const fallback = setting.fallback === undefined ? '' : ` (default ${setting.fallback})`
    const isHidden = serves === undefined && setting.isOfEveryCommand !== true
    added.addOption(
      new Option(
        `--${flagOf(setting)} <${setting.placeholder}>`,
        `${setting.meaning}; also ${setting.name}${fallback}`,
      ).hideHelp(isHidden),
    )
  }
  return added
    .option(
      '--env-file <file>',
      'read settings from lines NAME=value, after flags and the environment; also ENV_FILE',
    )
    .option('--without-credentials', 'start although the credentials that the log names are lost')
}

command(program, 'serve', 'run the hub', 'serves')
  .addHelpText('after', '\nThe first line on standard output says where it listens. End it with Ctrl-C.')
  .option('--no-projector', 'only answer requests: another process keeps the read models')
  .action(options =>
    withConfig(options, async config =>
      (await serving()).serve(config, options.projector === false ? 'follows others' : 'projects'),
    ),
  )

command(program, 'project', 'run only the projector: it keeps the read models for hubs without one', 'serves')
  .addHelpText('after', '\nOf several, one works at a time; the next takes over within seconds when it dies.')
  .action(options => withConfig(options, async config => (await serving()).project(config)))

command(program, 'config', 'show the settings in force, and where each comes from', 'serves')
  .option('--json', 'as JSON')
  .action(options => withConfig(options, async (_config, given) => showConfig(given, options.json === true)))

personCommands(program, command, withConfig)
nodeCommands(program, command, withConfig)
keyCommands(program, command, withConfig)

rebuildCommand(program, command, withConfig)
replayCommand(program, command, withConfig)
moveCommand(program, command, withConfig)
backupCommands(program, command, withConfig)
checkCommand(program, command, withConfig)
sendCommand(program, command, withConfig)
receiveCommand(program, command, withConfig)
eraseCommand(program, command, withConfig)

command(program, 'import <FILE>', 'add people, pages and the other items of a file, a line each')
  .option('--json', 'list what was refused, and sum up, as JSON')
  .addHelpText(
    'after',
    `
FILE holds a JSON object a line, in the order they are to go in; - is standard input:
  {"resource": "people", "id": "ESPGNU777ORG", "data": {"name": "Ana", "lastname": "Betz", "gender": "f"}}
  {"resource": "pols", "id": "ESPGNU777ORG/41b9662b", "data": {"page_date": "2021-05-06", "summary": "Visit"}}
The id is what follows the collection in the item's path. A person's password may be a bcrypt hash.
A line that is refused is listed with its number and why; the others go in. A second run adds nothing.`,
  )
  .action((file: string, options) =>
    withConfig(options, config => importFile(config, file, options.json === true)),
  )

migrateCommand(program, command, withConfig)

command(program, 'demo', 'run a hub with the original’s demo accounts and a few books of life', 'serves')
  .addHelpText('after', '\nIt takes a log without events only: name a new folder with --data-dir.')
  .action(options => withConfig(options, async config => (await import('./demo.ts')).demo(config)))

const exitOn = (error: unknown): void => {
  if (error instanceof CommanderError) {
    exitCode = error.exitCode === 0 ? 0 : 2
    return
  }
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  exitCode = 1
}

const overrideExit = (target: Command): void => {
  target.exitOverride()
  for (const child of target.commands) overrideExit(child)
}
overrideExit(program)

try {
  await program.parseAsync()
} catch (error) {
  exitOn(error)
}
process.exitCode = exitCode
