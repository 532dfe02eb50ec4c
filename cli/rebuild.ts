import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import * as E from '#fp/Either'
import type { Config } from '../config.ts'
import type { Core } from '../core.ts'
import { formatPosition, type LogIdentity } from '../domain/position.ts'
import type { Compared } from '../projections/compare-with-served.ts'
import type { Projection } from '../projections/projection.ts'
import { projections } from '../projections/read-models.ts'
import { type Rebuilt, rebuild } from '../projections/rebuild.ts'
import { stillValid } from '../projections/versions.ts'
import type { AddCommand, ExitCode, WithConfig } from './command.ts'
import { complain, say } from './operator.ts'
import { makeProgress } from './progress.ts'
import { type StepProgress, stepProgress } from './step-progress.ts'
import { withCore } from './with-core.ts'

/** A hub looks once a second which generation is served. */
const switchMilliseconds = 1_100
const announceMilliseconds = 3_000
/** A hub looks four times a second who else is there. */
const noticeMilliseconds = 500
/** Longer than a batch takes: a hub that waits for the file gets its turn. */
export const pauseMilliseconds = 10

export const isTagged = (thrown: unknown): thrown is { readonly _tag: string } =>
  typeof thrown === 'object' && thrown !== null && '_tag' in thrown

const placeOf = (log: LogIdentity, { documents, position, changed }: Compared): string =>
  `${documents === 1 ? '1 document' : `${documents} documents`} at ${formatPosition(log, position)}${changed === 0 ? '' : `, and ${changed} that changed meanwhile`}`

/** What came of a read model, as a sentence. */
export const sentenceOf = (log: LogIdentity, { model, comparison, served }: Rebuilt): string => {
  const stays = served
    ? 'It is served now, as --force says.'
    : 'What was served stays; --force serves the new one.'
  switch (comparison.is) {
    case 'nothing served':
      return `${model}: built; nothing was served, so there is nothing to compare it with.`
    case 'of another log':
      return `${model}: built; what was served is of another log, and was not compared.`
    case 'not at rest':
      return `${model}: not compared, for too much of it changes at once. ${stays}`
    case 'equal':
      return `${model}: built, and equal to what was served: ${placeOf(log, comparison)}, SHA-256 ${comparison.digests.built}.`
    case 'different': {
      const { difference, digests } = comparison
      const parts = difference.parts.length === 0 ? '' : ` (${difference.parts.join(', ')})`
      const what = {
        different: `differs first in the document ${difference.key}${parts}`,
        missing: `has no document ${difference.key}, which is served`,
        unexpected: `has a document ${difference.key}, which is not served`,
      }[difference.is]
      return `${model}: built, but it ${what}: ${placeOf(log, comparison)}, SHA-256 ${digests.built}, of what was served ${digests.served}. ${stays}`
    }
  }
}

/** Tells hubs on the same files that another process writes, as long as the work lasts: their own transactions are short then. */
export const announced = async <A>(
  { auth, processName }: { readonly auth: Pick<Core['auth'], 'announce'>; readonly processName: string },
  hubRuns: boolean,
  work: () => Promise<A>,
): Promise<A> => {
  const announce = () => auth.announce(processName, stillValid)
  await announce()
  const announcing = setInterval(announce, announceMilliseconds)
  try {
    if (hubRuns) await pause(noticeMilliseconds)
    return await work()
  } finally {
    clearInterval(announcing)
    await auth.announce(processName, undefined)
  }
}

/** The comparison of each model is a step. */
export const comparingSteps =
  ({ report }: StepProgress) =>
  (model: string, documents: number): void =>
    report(`documents of ${model} compared`, documents)

const rebuildIn = async (core: Core, wanted: readonly Projection[], force: boolean): Promise<ExitCode> => {
  const { ports, reads } = core
  const head = await ports.feed.head()
  const processes = await core.auth.announced()
  if (E.isLeft(head) || E.isLeft(processes)) return complain(1, 'The stores do not answer.')
  const hubRuns = processes.right.length > 0
  const building = makeProgress(0n, head.right)
  const comparing = stepProgress()
  let rebuilt: readonly Rebuilt[]
  try {
    rebuilt = await announced(core, hubRuns, () =>
      rebuild({ feed: ports.feed, reads, writer: reads }, wanted, {
        signal: new AbortController().signal,
        pauseMilliseconds: hubRuns ? pauseMilliseconds : 0,
        force,
        report: building.show,
        reportCompared: comparingSteps(comparing),
      }),
    )
  } catch (thrown) {
    building.clear()
    comparing.clear()
    if (isTagged(thrown) && thrown._tag === 'Superseded')
      return complain(
        1,
        'The rebuild was superseded: a person was erased, or another rebuild was served. Run it again.',
      )
    return complain(1, `The rebuild failed: ${isTagged(thrown) ? thrown._tag : 'a bug'}.`)
  }
  building.clear()
  comparing.clear()
  if (hubRuns) await pause(switchMilliseconds)
  for (const one of rebuilt) {
    const sentence = sentenceOf(ports.identity, one)
    if (one.served) say(sentence)
    else complain(1, sentence)
  }
  return rebuilt.every(({ served }) => served) ? 0 : 1
}

/** `rebuild [NAME…]`: read models anew from the log, beside those that a running hub serves. */
const rebuildModels = (config: Config, names: readonly string[], force: boolean): Promise<ExitCode> => {
  const modelNames = projections.map(({ shape }) => shape.name)
  const unknown = names.filter(name => !modelNames.includes(name))
  if (unknown.length > 0)
    return Promise.resolve(
      complain(2, `There is no read model ${unknown.join(', ')}. There are: ${modelNames.join(', ')}.`),
    )
  const wanted = projections.filter(({ shape }) => names.length === 0 || names.includes(shape.name))
  return withCore(config, 'reads', core => rebuildIn(core, wanted, force))
}

export const rebuildCommand = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  command(
    program,
    'rebuild [names...]',
    'build read models anew from the log, while the hub serves the old ones',
  )
    .option('--force', 'serve a new one that differs from the old one, too')
    .addHelpText(
      'after',
      `
Without names it builds all of them: ${projections.map(({ shape }) => shape.name).join(', ')}.
Each is compared with the one that is served, at the same position of the log; one that differs is not served.`,
    )
    .action((names: string[], options) =>
      withConfig(options, config => rebuildModels(config, names, options.force === true)),
    )
}
