import type { Logger } from 'pino'
import type { Erasing } from './auth/erasure.ts'
import type { Core } from './core.ts'
import { erasingOn } from './erasures.ts'
import { reportMissingContents, startHousekeeping } from './housekeeping.ts'
import { type MetricsListener, startMetricsListener } from './metrics-listener.ts'
import { type Company, knownPositionOf, type Projecting, startReadSide, watchedOf } from './read-side.ts'
import { openWebhooks, startRelay } from './relaying.ts'
import { makeAnswers, startServing } from './serving.ts'
import { orThrow, startFailureOf } from './start-failure.ts'

export interface Running {
  readonly close: () => Promise<void>
}

export interface Hub extends Running {
  /** Where it listens. */
  readonly url: string
}

export interface Projector extends Running {
  /** Where it gives its metrics, if it does. */
  readonly metricsUrl: string | undefined
}

/** What runs in a process, and how all of it ends: what was started last ends first. */
const makeRunning = (core: Core) => {
  const ending = new AbortController()
  const ended: Promise<unknown>[] = []
  return {
    signal: ending.signal,
    /** Waits for this when the process ends. */
    add: (work: Promise<unknown>) => {
      ended.push(work)
    },
    /** `last` runs when all work has ended, before the stores are closed. */
    close: async (last = async () => {}) => {
      ending.abort()
      await Promise.all(ended)
      await last()
      await core.auth.announce(core.processName, undefined)
      await core.close()
    },
  }
}

/** Runs the projector alone. Closing it closes the core. */
export const startProjecting = async (core: Core, logger: Logger): Promise<Projector> => {
  const { metricsPort } = core.config
  let listener: MetricsListener | undefined
  try {
    if (metricsPort !== undefined) listener = await startMetricsListener(core, metricsPort)
  } catch (thrown) {
    await core.close()
    throw thrown
  }
  const running = makeRunning(core)
  const company: Company = { isAlone: true }
  const noKeys = async () => undefined
  orThrow(await core.auth.announce(core.processName, 0n))
  const readSide = await startReadSide(core, logger, 'projects', company, running.signal)
  running.add(readSide.ended)
  core.metrics.watch(watchedOf(core, readSide))
  const webhooks = await openWebhooks(core)
  running.add(startRelay(core, webhooks, logger, running.signal))
  running.add(
    startHousekeeping(
      core,
      knownPositionOf(core, readSide),
      company,
      noKeys,
      erasingOn(core, readSide, running.signal),
      logger,
      running.signal,
    ),
  )
  return {
    metricsUrl: listener?.url,
    close: async () => {
      await listener?.close()
      await running.close(webhooks.close)
    },
  }
}

/** Forgets people on an open core, whether or not a hub runs on the same stores: the read models are kept up to date meanwhile. */
export const whileProjecting = async <A>(
  core: Core,
  logger: Logger,
  work: (erasing: Erasing) => Promise<A>,
): Promise<A> => {
  const ending = new AbortController()
  const readSide = await startReadSide(core, logger, 'projects', { isAlone: false }, ending.signal)
  try {
    return await work(erasingOn(core, readSide, ending.signal))
  } finally {
    ending.abort()
    await readSide.ended
  }
}

/** Runs the hub on an open core: projector, HTTP, and housekeeping. Closing it, or failing to start, closes the core. */
export const startHub = async (
  core: Core,
  logger: Logger,
  projecting: Projecting = 'projects',
): Promise<Hub> => {
  const { config, auth, processName } = core
  const running = makeRunning(core)
  const { signal, add } = running
  const company: Company = { isAlone: true }
  let stopServing = async () => {}
  let closeWebhooks = async () => {}
  const close = async () => {
    await stopServing()
    await running.close(closeWebhooks)
  }
  try {
    await core.passwords.measure()
    const serving = await startServing(config, logger)
    stopServing = serving.close
    orThrow(await auth.announce(processName, 0n))
    const readSide = await startReadSide(core, logger, projecting, company, signal)
    add(readSide.ended)
    core.metrics.watch(watchedOf(core, readSide))
    const webhooks = await openWebhooks(core)
    closeWebhooks = webhooks.close
    const erasing = erasingOn(core, readSide, signal)
    const { url } = serving
    const { app, identityProvider } = await makeAnswers(
      core,
      readSide,
      erasing,
      config.publicUrl ?? url,
      webhooks,
      serving,
      logger,
    )
    serving.answerBy(app)
    if (projecting === 'projects') add(startRelay(core, webhooks, logger, signal))
    add(reportMissingContents(core, logger, signal))
    add(
      startHousekeeping(
        core,
        knownPositionOf(core, readSide),
        company,
        identityProvider.refresh,
        erasing,
        logger,
        signal,
      ),
    )
    logger.info({ url }, 'the hub listens')
    return {
      url,
      close: async () => {
        await close()
        logger.info('the hub has stopped')
        logger.flush()
      },
    }
  } catch (thrown) {
    await close()
    throw startFailureOf(config, thrown)
  }
}
