import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { Config } from '../config.ts'
import { projections } from '../projections/read-models.ts'
import { rebuild } from '../projections/rebuild.ts'
import { stillValid } from '../projections/versions.ts'
import type { ExitCode } from './command.ts'
import { withCore } from './with-core.ts'

/** A hub looks once a second which generation is served. */
const switchMilliseconds = 1_100
const announceMilliseconds = 3_000
/** A hub looks four times a second who else is there. */
const noticeMilliseconds = 500
/** Longer than a batch takes: a hub that waits for the file gets its turn. */
const pauseMilliseconds = 10

/** Positions are numbers of events on one engine, and places in a file on another. */
const showProgress = (position: bigint, head: bigint): void => {
  if (process.stderr.isTTY && head > 0n) process.stderr.write(`\r${(100n * position) / head} %`)
}

const isTagged = (thrown: unknown): thrown is { readonly _tag: string } =>
  typeof thrown === 'object' && thrown !== null && '_tag' in thrown

/** `rebuild [NAME…]`: read models anew from the log, beside those that a running hub serves. */
export const rebuildModels = (config: Config, names: readonly string[]): Promise<ExitCode> => {
  const modelNames = projections.map(({ shape }) => shape.name)
  const unknown = names.filter(name => !modelNames.includes(name))
  if (unknown.length > 0) {
    process.stderr.write(
      `There is no read model ${unknown.join(', ')}. There are: ${modelNames.join(', ')}.\n`,
    )
    return Promise.resolve(2)
  }
  const wanted = projections.filter(({ shape }) => names.length === 0 || names.includes(shape.name))
  return withCore(config, 'reads', async core => {
    const head = await core.ports.feed.head()
    const announced = await core.auth.announced()
    if (E.isLeft(head) || E.isLeft(announced)) {
      process.stderr.write('The stores do not answer.\n')
      return 1
    }
    const hubRuns = announced.right.length > 0
    // A hub that knows of another writer keeps its own transactions short.
    const announce = () => core.auth.announce(core.processName, stillValid)
    await announce()
    const announcing = setInterval(announce, announceMilliseconds)
    if (hubRuns) await pause(noticeMilliseconds)
    try {
      await rebuild({ feed: core.ports.feed, writer: core.reads }, wanted, {
        signal: new AbortController().signal,
        pauseMilliseconds: hubRuns ? pauseMilliseconds : 0,
        report: position => showProgress(position, head.right),
      })
    } catch (thrown) {
      process.stderr.write(`The rebuild failed: ${isTagged(thrown) ? thrown._tag : 'a bug'}.\n`)
      return 1
    } finally {
      clearInterval(announcing)
      await core.auth.announce(core.processName, undefined)
    }
    if (process.stderr.isTTY) process.stderr.write('\n')
    if (hubRuns) await pause(switchMilliseconds)
    process.stdout.write(`Built anew: ${wanted.map(({ shape }) => shape.name).join(', ')}.\n`)
    return 0
  })
}
