import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import * as E from '#fp/Either'
import { errorSummary } from './api/http/error-summary.ts'
import { attemptWindowMilliseconds } from './auth/guesses.ts'
import type { Core } from './core.ts'
import type { ErasingOnCore } from './erasures.ts'
import { namedContents } from './projections/named-contents.ts'
import { projections } from './projections/read-models.ts'
import type { Company } from './read-side.ts'

const announceMilliseconds = 250
const refreshMilliseconds = 1_000
const sweepMilliseconds = 20_000
const sweepPauseMilliseconds = 20
const credentialsKeptMilliseconds = 3_600_000
const silenceMilliseconds = 10_000

/** Runs `work` again and again, with a pause, until the signal. What it throws is logged: the next time may do. */
const every = async (
  milliseconds: number,
  signal: AbortSignal,
  logger: Logger,
  work: () => Promise<unknown>,
): Promise<void> => {
  while (!signal.aborted) {
    try {
      await work()
    } catch (thrown) {
      logger.error(errorSummary(thrown), 'housekeeping failed; trying again')
    }
    await pause(milliseconds, undefined, { signal }).catch(() => undefined)
  }
}

/** Announces this process to others, sweeps what has expired, and refreshes the signing keys, until the signal. */
export const startHousekeeping = (
  core: Core,
  knownPosition: () => bigint,
  company: Company,
  refreshKeys: () => Promise<unknown>,
  erasing: Pick<ErasingOnCore, 'finishAll'>,
  logger: Logger,
  signal: AbortSignal,
): Promise<unknown> => {
  const { reads, auth, contents, standing, processName } = core
  let lastAnnouncement = { position: -1n, at: 0 }
  const announce = async () => {
    const position = knownPosition()
    if (position !== lastAnnouncement.position || Date.now() - lastAnnouncement.at > 3_000) {
      lastAnnouncement = { position, at: Date.now() }
      await auth.announce(processName, position)
    }
    const living = await auth.announced()
    if (E.isRight(living)) company.isAlone = living.right.length <= 1
  }
  const sweep = async () => {
    const models = projections.map(({ shape }) => shape)
    let more = true
    while (more && !signal.aborted) {
      const swept = await reads.sweep(models, 'idle for a minute')
      more = E.isRight(swept) && swept.right
      await pause(sweepPauseMilliseconds, undefined, { signal }).catch(() => undefined)
    }
    await auth.sweepExpired(attemptWindowMilliseconds)
    await contents.sweep()
    // Whoever does not follow the log does not know which credentials it names.
    if (standing.isLive() && standing.silentFor() < silenceMilliseconds)
      await auth.sweepCredentials(Date.now() - credentialsKeptMilliseconds, standing.holds)
  }
  const finishErasures = async () => {
    const { finished, failures } = await erasing.finishAll()
    if (finished > 0) logger.info({ finished }, 'erasures that were left undone are finished')
    for (const failure of failures)
      logger.warn({ failure: failure._tag }, 'an erasure is not finished yet; trying again')
  }
  return Promise.all([
    every(announceMilliseconds, signal, logger, announce),
    every(sweepMilliseconds, signal, logger, sweep),
    every(sweepMilliseconds, signal, logger, finishErasures),
    every(refreshMilliseconds, signal, logger, refreshKeys),
  ])
}

/** Says how many contents that documents name are missing, where the store of contents holds none at all. */
export const reportMissingContents = async (
  { contents, ports }: Core,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> => {
  const isEmpty = await contents.isEmpty()
  const named = E.isRight(isEmpty) && isEmpty.right ? await namedContents(ports.feed, signal) : 0
  if (named > 0)
    logger.warn(
      { missing: named },
      'the store of contents is empty, and documents name contents: put it back from a backup',
    )
}
