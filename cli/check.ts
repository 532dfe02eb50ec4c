import type { Command } from 'commander'
import * as E from '#fp/Either'
import { checkHub, type Looked } from '../checking.ts'
import type { Config } from '../config.ts'
import { formatPosition } from '../domain/position.ts'
import type { Comparison } from '../projections/compare-with-served.ts'
import { projections } from '../projections/read-models.ts'
import { rebuild } from '../projections/rebuild.ts'
import { startFailureOf } from '../start-failure.ts'
import type { AddCommand, ExitCode, WithConfig } from './command.ts'
import { complain, say } from './operator.ts'
import { makeProgress, standardError } from './progress.ts'
import { announced, comparingSteps, isTagged, pauseMilliseconds } from './rebuild.ts'
import { startProblem } from './start-problem.ts'
import { stepProgress } from './step-progress.ts'

const findingOf = (model: string, comparison: Comparison): string | undefined => {
  switch (comparison.is) {
    case 'nothing served':
    case 'equal':
      return undefined
    case 'of another log':
      return `the read model ${model} was made of another log: a hub that runs builds it anew`
    case 'not at rest':
      return `the read model ${model} was not compared, for too much of it changes at once`
    case 'different':
      return `the read model ${model} differs from the log: \`rebuild ${model}\` says in which document`
  }
}

/** Builds every read model anew, compares it with the one served, and leaves that one. */
const compareModels = async (
  { ports, stores, processName }: Looked,
  found: (finding: string) => void,
): Promise<number | undefined> => {
  const { reads, auth } = stores
  const processes = await auth.announced()
  const hubRuns = E.isRight(processes) && processes.right.length > 0
  const head = await ports.feed.head()
  const building = makeProgress(
    0n,
    E.isRight(head) ? head.right : undefined,
    standardError,
    'events built from',
  )
  const comparing = stepProgress()
  try {
    const compared = await announced({ auth, processName }, hubRuns, () =>
      rebuild({ feed: ports.feed, reads, writer: reads }, projections, {
        signal: new AbortController().signal,
        pauseMilliseconds: hubRuns ? pauseMilliseconds : 0,
        force: false,
        onlyCompares: true,
        report: building.show,
        reportCompared: comparingSteps(comparing),
      }),
    )
    for (const { model, comparison } of compared) {
      const finding = findingOf(model, comparison)
      if (finding !== undefined) found(finding)
    }
    return compared.length
  } catch (thrown) {
    if (!isTagged(thrown)) throw thrown
    found(
      thrown._tag === 'Superseded'
        ? 'the read models were not compared, for a person was erased or a rebuild was served meanwhile: run the check again'
        : `the read models could not be compared (${thrown._tag})`,
    )
    return undefined
  } finally {
    building.clear()
    comparing.clear()
  }
}

/** What `check` says at the end; with `--json` on one line. */
interface Summary {
  readonly findings: readonly string[]
  readonly position?: string
  readonly events?: number
  readonly withoutChecksum?: number
  readonly contents?: number
  readonly credentials?: number
  readonly bodies?: number
}

const sentenceOf = ({ findings, ...looked }: Summary): string => {
  const { position, events, contents, credentials, bodies, withoutChecksum = 0 } = looked
  if (position === undefined)
    return 'Nothing else was looked at. Put a backup back: see "Put a backup back" in docs/operations/backup.md.'
  const all = `${events} events up to ${position}, ${contents} contents, ${credentials} credentials, ${bodies} bodies of messages`
  const old =
    withoutChecksum === 0
      ? ''
      : ` ${withoutChecksum} events are of an earlier release and have no checksum: of these only what they say was looked at.`
  return findings.length === 0
    ? `All is whole: ${all}.${old}`
    : `Looked at ${all}: ${findings.length} findings.${old}`
}

/** Each finding is a line of standard output as soon as it is found; sums up at the end. */
const check = async (config: Config, sample: number | undefined, json: boolean): Promise<ExitCode> => {
  const findings: string[] = []
  const progress = stepProgress()
  const found = (finding: string): void => {
    findings.push(finding)
    progress.clear()
    if (!json) say(finding)
  }
  let looked: E.Either<unknown, Summary | undefined>
  try {
    looked = await checkHub(config, { found, sample, report: progress.report }, async all => {
      progress.clear()
      const { events, contents, credentials, bodies, withoutChecksum, head } = all
      if (!all.isReadable) found('the read models were not compared, for the log cannot be read')
      else if (sample === undefined) await compareModels(all, found)
      const position = formatPosition(all.ports.identity, head)
      return { findings, position, events, withoutChecksum, contents, credentials, bodies }
    })
  } catch (thrown) {
    progress.clear()
    return complain(1, startProblem(config, startFailureOf(config, thrown)))
  }
  progress.clear()
  if (E.isLeft(looked))
    return complain(1, `There is no hub in ${config.dataDir}: name its folder with --data-dir.`)
  const summary = looked.right ?? { findings }
  say(json ? JSON.stringify(summary) : sentenceOf(summary))
  return findings.length === 0 ? 0 : 1
}

export const checkCommand = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  command(program, 'check', 'look whether all that the hub keeps is whole, also while it runs')
    .option(
      '--sample <N>',
      'compare the read models only in the documents of N streams of each kind, by chance',
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nEvery event, content, credential and body that the log names is looked at, and every read model is built anew and\ncompared with the one served. Each finding is a line; with any the exit code is 1. Nothing is mended.',
    )
    .action(options => {
      const { sample } = options
      const isNumber = sample === undefined || /^[1-9]\d{0,5}$/.test(String(sample))
      return withConfig(
        options,
        config => check(config, sample === undefined ? undefined : Number(sample), options.json === true),
        ofSettings => [...(isNumber ? [] : ['--sample: must be a number from 1 to 999999']), ...ofSettings],
      )
    })
}
