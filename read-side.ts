import type { Logger } from 'pino'
import { errorSummary } from './api/http/error-summary.ts'
import type { Core } from './core.ts'
import { earlierOf } from './domain/position.ts'
import type { Watched } from './metrics/metrics.ts'
import { lagsOf } from './metrics/read-model-lag.ts'
import { followCheckpoints } from './projections/follow-checkpoints.ts'
import type { LeasedWork } from './projections/leased-work.ts'
import { makeProgress, type Progress } from './projections/progress.ts'
import { startProjector } from './projections/projector.ts'
import { projections } from './projections/read-models.ts'
import { orThrow } from './start-failure.ts'

/** How read models are kept up to date: by this process, or by others whose progress it follows. */
export type Projecting = 'projects' | 'follows others'

/** Whether this process shares its stores with others; looked up by housekeeping. */
export interface Company {
  isAlone: boolean
}

export interface ReadSide extends LeasedWork {
  readonly progress: Progress
  /** The last position of the log when this process started. */
  readonly headAtStart: bigint
}

/** Keeps or follows the read models of a process, until the signal. */
export const startReadSide = async (
  core: Core,
  logger: Logger,
  projecting: Projecting,
  company: Readonly<Company>,
  signal: AbortSignal,
): Promise<ReadSide> => {
  const { reads, leases, ports, processName, sealedAt } = core
  const headAtStart = orThrow(await ports.feed.head())
  if (sealedAt !== undefined)
    logger.error(
      { sealedAt },
      'the log in DATA_DIR is sealed and takes no writes: run move to its end, or set EVENTSTORE_URL and MONGODB_URL to where it is now',
    )
  const shapes = projections.map(({ shape }) => shape)
  const progress = makeProgress(shapes.map(({ name }) => name))
  if (projecting === 'follows others')
    return {
      progress,
      headAtStart,
      stopped: () => undefined,
      ended: followCheckpoints(reads, shapes, progress, signal),
    }
  const projector = startProjector(
    {
      feed: ports.feed,
      reads,
      writer: reads,
      leases,
      holder: processName,
      mayWait: () => company.isAlone,
      projections,
      progress,
      report: failure => {
        const reason = 'reason' in failure ? { reason: failure.reason } : {}
        const cause = 'cause' in failure ? errorSummary(failure.cause) : {}
        logger.error({ failure: failure._tag, ...reason, ...cause }, 'the projector failed')
      },
    },
    signal,
  )
  return { progress, headAtStart, ...projector }
}

/** How far this process knows the log: its standing, and its read models. */
export const knownPositionOf =
  ({ standing }: Core, { progress }: ReadSide) =>
  (): bigint =>
    progress.positions().reduce((least, { position }) => earlierOf(least, position), standing.position())

/** What every process of a hub knows of its stores: for its metrics. */
export const watchedOf = (
  { config, standing, ports, logCommits }: Core,
  { progress }: ReadSide,
): Partial<Watched> => ({
  modelLags: () => lagsOf(ports.feed, progress.positions()),
  standingAge: () => standing.silentFor() / 1000,
  ...(config.eventStore === undefined ? { logCommits } : {}),
})
