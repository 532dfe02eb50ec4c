import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import * as E from '#fp/Either'
import { sentenceOf } from '../api/http/problem.ts'
import type { Config } from '../config.ts'
import type { Core } from '../core.ts'
import { isLogFailure } from '../domain/log-failure.ts'
import type { AddCommand, ExitCode, WithConfig } from './command.ts'
import { untilEndRequested } from './end-request.ts'
import { addressProblem, reasonOf } from './migrate/connection.ts'
import { dryCore } from './migrate/dry-core.ts'
import { type Findings, makeFindings } from './migrate/findings.ts'
import { migrate, type Outcome } from './migrate/migrating.ts'
import {
  isOriginalUnavailable,
  type NotTheOriginal,
  type Original,
  type OriginalUnavailable,
  openOriginal,
} from './migrate/original.ts'
import { jsonOf, summaryOf } from './migrate/summary.ts'
import { tables } from './migrate/tables.ts'
import { contextOfMigration } from './migrate/untouched.ts'
import { readWordMap, type WordMap } from './migrate/word-map.ts'
import { complain } from './operator.ts'
import { hubsHave, withCore } from './with-core.ts'

interface MigrateOptions {
  readonly from?: string
  readonly map?: string
  readonly report?: string
  readonly dryRun?: boolean
  readonly json?: boolean
  readonly [setting: string]: unknown
}

interface Request {
  readonly from: string
  readonly words: WordMap
  /** The folder for lists of what was not taken, or otherwise, or differs. */
  readonly report: string
  readonly dry: boolean
  readonly json: boolean
}

const again = 'Run it again: what is in is not added twice.'

const originalProblem = (failure: OriginalUnavailable | NotTheOriginal): string =>
  failure._tag === 'NotTheOriginal'
    ? `The database that --from names is not the original’s: ${failure.detail}.`
    : `The database that --from names cannot be read: ${reasonOf(failure.cause)}.`

const hasDifferences = ({ taken, compared }: Outcome): boolean =>
  taken.some(({ notTaken }) => notTaken > 0) || compared.some(({ different }) => different > 0)

const say = (outcome: Outcome, findings: Findings, { dry, json }: Request): void => {
  const files = findings.close()
  if (json) {
    process.stdout.write(`${JSON.stringify(jsonOf(outcome, findings, files))}\n`)
    return
  }
  process.stdout.write(`${summaryOf(outcome, findings, dry)}\n`)
  if (files.length > 0)
    process.stdout.write(`\nListed row by row in:\n${files.map(file => `  ${file}\n`).join('')}`)
}

const bringOver = async (
  core: Core,
  original: Original,
  request: Request,
  signal: AbortSignal,
): Promise<ExitCode> => {
  const findings = makeFindings(request.report)
  const outcome = await migrate({
    core,
    items: request.dry ? dryCore(core) : core,
    dry: request.dry,
    original,
    by: contextOfMigration(),
    taking: { words: request.words, roleNames: core.policy.roleNames },
    findings,
    signal,
  })
  say(outcome, findings, request)
  const { stopped, position } = outcome
  if (stopped !== undefined)
    return complain(
      1,
      `Stopped at ${stopped.key} of ${stopped.table}: ${sentenceOf(stopped.failure)} ${again}`,
    )
  if (signal.aborted) return complain(1, `Interrupted. ${again}`)
  if (position !== undefined && !(await hubsHave(core, position, 'while they go on')))
    process.stderr.write('It is stored, but a running hub has not confirmed it.\n')
  return hasDifferences(outcome) ? 1 : 0
}

const run = async (config: Config, request: Request): Promise<ExitCode> => {
  const ending = new AbortController()
  void untilEndRequested().then(() => ending.abort())
  // Before the hub's stores: a wrong address leaves no trace of it.
  const opened = await openOriginal(request.from, tables)
  if (E.isLeft(opened)) return complain(1, originalProblem(opened.left))
  const original = opened.right
  try {
    return await withCore(config, request.dry ? 'reads' : 'writes', core =>
      bringOver(core, original, request, ending.signal),
    )
  } catch (thrown) {
    if (isOriginalUnavailable(thrown)) return complain(1, `${originalProblem(thrown)} ${again}`)
    if (isLogFailure(thrown)) return complain(1, `${sentenceOf(thrown)} ${again}`)
    throw thrown
  } finally {
    await original.close()
  }
}

/** A folder of its own for each run. */
const reportFolder = ({ dataDir }: Config, report: string | undefined): string =>
  report ?? join(dataDir, 'migrate', new Date().toISOString().replace(/[-:]|\.\d+/g, ''))

const lists = ['not-taken.ndjson', 'taken-otherwise.ndjson', 'differences.ndjson']

const reportProblems = (report: string | undefined): readonly string[] =>
  report !== undefined && lists.some(name => existsSync(join(report, name)))
    ? [`--report: ${report} holds the lists of another run: name another folder`]
    : []

/** `migrate`: what a database of the original holds, into this hub. */
export const migrateCommand = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  command(program, 'migrate', 'bring over what a database of the original Thalamus holds')
    .option('--from <url>', 'the database: postgresql://user@host:5432/federation')
    .option('--dry-run', 'only say what would come of it')
    .option('--map <file>', 'words for words outside a vocabulary: JSON, {"FIELD": {"WORD": "WORD"}}')
    .option('--report <folder>', 'where rows are listed (default DATA_DIR/migrate/TIME)')
    .option('--json', 'sum up as JSON')
    .addHelpText('after', help)
    .action((options: MigrateOptions) => {
      const { from = '', map, report, dryRun, json } = options
      const problems = [addressProblem(options.from), ...reportProblems(report)].filter(
        problem => problem !== undefined,
      )
      return withConfig(
        options,
        async config => {
          const words = readWordMap(map, tables, [...config.roles.keys()])
          return E.isLeft(words)
            ? complain(2, words.left.join('\n'))
            : run(config, {
                from,
                words: words.right,
                report: reportFolder(config, report),
                dry: dryRun === true,
                json: json === true,
              })
        },
        ofSettings => [...ofSettings, ...problems],
      )
    })
}

const help = `
The database is only read, in one transaction. What the address leaves out comes from PGHOST, PGUSER, PGPASSWORD,
PGPASSFILE or ~/.pgpass, and from the service that ?service= or PGSERVICE names; sslmode and sslrootcert are those of libpq.
A password in the address can be seen by everybody on this machine: better to have it in PGPASSWORD.

  npm run -s thalamus -- migrate --from postgresql://gnuhealth@db.example.org/federation --dry-run

Rows that do not fit are listed in not-taken.ndjson, which can be corrected and imported. A second run adds what is new.
The whole way, and the way back: docs/coming-over.md.`
