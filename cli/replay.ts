import type { Command } from 'commander'
import * as E from '#fp/Either'
import type { Config } from '../config.ts'
import type { AddCommand, ExitCode, WithConfig } from './command.ts'
import { untilEndRequested } from './end-request.ts'
import { credentialOptions, withSecret } from './hub/credential-options.ts'
import { complain } from './operator.ts'
import { standardError } from './progress.ts'
import { type Fold, loadFold } from './replay/fold.ts'
import { boundsIn } from './replay/on-store.ts'
import type { Surroundings } from './replay/produce.ts'
import { replayHub, replayStore } from './replay/replaying.ts'
import { type ReplayOptions, type ReplayRequest, replayRequestOf } from './replay/request.ts'
import { withCore } from './with-core.ts'

const surroundings = (): Surroundings => {
  const ending = new AbortController()
  void untilEndRequested().then(() => ending.abort())
  return {
    stdout: process.stdout,
    terminal: standardError,
    signal: ending.signal,
    complain: sentence => process.stderr.write(`${sentence}\n`),
    words: process.argv.slice(2),
  }
}

interface Prepared {
  readonly request: ReplayRequest
  readonly fold: Fold | undefined
}

/** Reads the options and loads the fold; gives everything that is wrong with either. */
const prepare = async (options: ReplayOptions): Promise<E.Either<readonly string[], Prepared>> => {
  const request = replayRequestOf(options, process.env)
  const fold = options.reduce === undefined ? E.right(undefined) : await loadFold(options.reduce)
  const problems = [...(E.isLeft(request) ? request.left : []), ...(E.isLeft(fold) ? [fold.left] : [])]
  return E.isLeft(request) || E.isLeft(fold)
    ? E.left(problems)
    : E.right({ request: request.right, fold: fold.right })
}

const refuse = (config: Config, options: ReplayOptions, problems: readonly string[]): Promise<ExitCode> =>
  withCore(config, 'reads', async core => {
    const bounds = await boundsIn(core, { after: options.after, to: options.to })
    const all = [...problems, ...(E.isLeft(bounds) ? bounds.left.problems : [])]
    return complain(2, all.join('\n'))
  })

const replay = async (config: Config, { request, fold }: Prepared): Promise<ExitCode> =>
  request.hub === undefined
    ? withCore(config, 'reads', core => replayStore(core, request, fold, surroundings()))
    : replayHub(await withSecret(request.hub), request, fold, surroundings())

/** `replay`: the event history, in commit order. */
export const replayCommand = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  const added = command(program, 'replay', 'write the event history, or run a fold over it')
    .option('--after <position>', 'begin behind this position')
    .option('--to <position>', 'end with this position')
    .option('--types <types>', 'only events of these types, comma-separated')
    .option('--since <time>', 'only what was recorded at this time (RFC 3339) or later')
    .option('--until <time>', 'only what was recorded before this time')
    .option('--stream <stream>', 'only one stream, such as person-ESPGNU777ORG')
    .option('--format <format>', 'ndjson or csv (default ndjson)')
    .option('--out <file>', 'write to a file, or go on with one')
    .option('--reduce <file>', 'run the fold that this TypeScript file exports, and print its result')
    .option('--url <url>', 'read the feed of a running hub instead of the store')
  credentialOptions(added)
    .addHelpText('after', help)
    .action(async (options: ReplayOptions & Readonly<Record<string, unknown>>) => {
      const prepared = await prepare(options)
      const problems = E.isLeft(prepared) ? prepared.left : []
      // What is wrong with positions only the log can tell: then all is told together.
      const asksLog = options.url === undefined && (options.after !== undefined || options.to !== undefined)
      return withConfig(
        options,
        config => (E.isLeft(prepared) ? refuse(config, options, problems) : replay(config, prepared.right)),
        ofSettings => [...ofSettings, ...(asksLog && ofSettings.length === 0 ? [] : problems)],
      )
    })
}

const help = `
Each event is a line of JSON as the feed shows it, or of CSV. It holds every event about a person, page, other item,
node or access, up to where the log ends when it begins; the hub's notes on its own log are left out.

  npm run -s thalamus -- replay --types PageWritten,PageAmended --since 2026-01-01 --format csv --out pages.csv

The same command with the same --out goes on behind the last whole line of the file. FILE.replay beside it says what it
was begun with. Who replays the store is recorded, as an entry of the audit.

A fold is a TypeScript file that exports initial, apply(state, event) and perhaps result(state): docs/analysts.md.`
