import { join } from 'node:path'
import type { Command } from 'commander'
import * as E from '#fp/Either'
import { errorSummary } from '../api/http/error-summary.ts'
import type { Config } from '../config.ts'
import { type MoveFailure, type MoveStep, moveToEngines } from '../moving.ts'
import { startFailureOf } from '../start-failure.ts'
import type { AddCommand, ExitCode, WithConfig } from './command.ts'
import { complain, say } from './operator.ts'
import { startProblem } from './start-problem.ts'

const showMilliseconds = 100

const stores = {
  'old events': 'The event log in DATA_DIR',
  'old credentials': 'The store of credentials in DATA_DIR',
  'old contents': 'The document content in DATA_DIR',
  'old bodies': 'The store of messages in DATA_DIR',
  'old deliveries': 'The store of deliveries in DATA_DIR',
  'new events': 'The event store (--to-events)',
  'new credentials': 'MongoDB (--to-reads)',
  'new contents': 'MongoDB (--to-reads)',
  'new bodies': 'MongoDB (--to-reads)',
  'new deliveries': 'MongoDB (--to-reads)',
} as const

const again = 'Run the same command again: it goes on where it was.'

const sentenceOf = ({ dataDir }: Config, failure: MoveFailure): string => {
  switch (failure._tag) {
    case 'NothingToMove':
      return `There is no hub in ${dataDir}: name its folder with --data-dir.`
    case 'StoreUnavailable': {
      const { cause } = errorSummary(failure.cause)
      const kind = cause === undefined || cause === 'Error' || cause === 'object' ? '' : ` (${cause})`
      return `${stores[failure.store]} cannot be used now${kind}. Check that it can be reached and knows this user. ${again}`
    }
    case 'EventDamaged':
      return `An event of the stream ${failure.stream} in ${dataDir} is damaged. Put the folder back from a backup.`
    case 'ContentDamaged':
      return `A document content in ${dataDir} (SHA-256 ${failure.sha256}) is damaged or gone. Put the folder back from a backup.`
    case 'BodyDamaged':
      return `The body of the message ${failure.message} in ${dataDir} is damaged. Put the folder back from a backup.`
    case 'TargetTaken':
      return failure.store === 'new events'
        ? 'The event store holds events under this STREAM_PREFIX that are not this hub’s: choose another --stream-prefix. Nothing was changed.'
        : 'The database beside the one that --to-reads names, NAME_auth, is another hub’s: name another database. Nothing was changed.'
    case 'MovedWithAnother':
      return 'The events are all moved, but the credentials went to another database than the one that --to-reads names. Nothing was changed.'
    case 'Overtaken':
      return 'The same move is run somewhere else, and was first. Let that run end; then run this again: it says whether all is moved.'
    case 'CopyDiffers':
      return `${stores[failure.store]} does not give back what was written to it. The new hub will not start on it. See that nobody else writes there, then begin again with another --stream-prefix and another database.`
  }
}

const showProgress = () => {
  let shownAt = 0
  let shown: MoveStep | undefined
  return (step: MoveStep, done: bigint, of: bigint | undefined): void => {
    const now = performance.now()
    const isLast = done === of
    if (!process.stderr.isTTY || (step === shown && !isLast && now - shownAt < showMilliseconds)) return
    process.stderr.write(
      `${shown === undefined || shown === step ? '\r' : '\n'}${step}: ${done}${of === undefined ? '' : ` of ${of}`}`,
    )
    shown = step
    shownAt = now
  }
}

const moveHub = async (config: Config): Promise<ExitCode> => {
  let moved: Awaited<ReturnType<typeof moveToEngines>>
  try {
    moved = await moveToEngines(config, { report: showProgress() })
  } catch (thrown) {
    return complain(1, startProblem(config, startFailureOf(config, thrown)))
  }
  if (process.stderr.isTTY) process.stderr.write('\n')
  if (E.isLeft(moved)) return complain(1, sentenceOf(config, moved.left))
  const { events, digest, wasMoved } = moved.right
  return say(
    `${wasMoved ? 'All was moved before' : 'All is moved'}: ${events} events (SHA-256 ${digest}), the credentials, document content, messages and deliveries. The log in ${config.dataDir} is sealed.
Start the hub with EVENTSTORE_URL and MONGODB_URL set to where it is now, MASTER_KEY_FILE=${config.masterKeyFile}, and the same PUBLIC_URL and STREAM_PREFIX.`,
  )
}

interface MoveCommandOptions {
  readonly toEvents?: string
  readonly toReads?: string
  readonly [setting: string]: unknown
}

/** Where the hub that is moved has its master key, unless it says otherwise. */
const masterKeyOfSource = ({ dataDir }: MoveCommandOptions): string =>
  process.env.MASTER_KEY_FILE || join(String(dataDir ?? (process.env.DATA_DIR || './data')), 'master.key')

/** `move`: the settings of the hub as it will be, given as targets. */
export const moveCommand = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  command(program, 'move', 'move the hub from DATA_DIR to EventStoreDB and MongoDB')
    .option('--to-events <url>', 'where events go: esdb://user:password@host:2113')
    .option('--to-reads <url>', 'where the rest goes: mongodb://user:password@host:27017/thalamus')
    .addHelpText('after', help)
    .action((options: MoveCommandOptions) => {
      const targets = [
        ['EVENTSTORE_URL', '--to-events', options.toEvents],
        ['MONGODB_URL', '--to-reads', options.toReads],
      ] as const
      return withConfig(
        {
          ...options,
          masterKeyFile: options.masterKeyFile ?? masterKeyOfSource(options),
          eventstoreUrl: options.toEvents,
          mongodbUrl: options.toReads,
        },
        moveHub,
        ofSettings => [
          ...targets.flatMap(([, option, url]) => (url ? [] : `${option}: must be given; see --help`)),
          ...ofSettings.map(problem =>
            targets.reduce(
              (text, [name, option, url]) =>
                url && text.startsWith(`${name}:`) ? text.replace(name, option) : text,
              problem,
            ),
          ),
        ],
      )
    })
}

const help = `
The hub may run meanwhile. Once nearly everything is there the log in DATA_DIR is sealed: from then on a hub on it
answers reads, and writes with 503. What is there is read back and compared at the end. Killed at any moment and
started again, it goes on where it was. Read models are not moved: the hub builds them anew.

  npm run -s thalamus -- move --data-dir ./data \\
    --to-events 'esdb://user:password@events.example.org:2113' \\
    --to-reads 'mongodb://user:password@reads.example.org:27017/thalamus'

The keys of people stay wrapped by the same master key, DATA_DIR/master.key if nothing else is said: keep the file.

Then start the hub with the same addresses as EVENTSTORE_URL and MONGODB_URL, the file as MASTER_KEY_FILE, and wait for GET /readyz to answer 200.`
