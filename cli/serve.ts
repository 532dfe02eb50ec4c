import type { Config } from '../config.ts'
import { openCore } from '../core.ts'
import { makeLogger } from '../logger.ts'
import { type Hub, type Projector, type Running, startHub, startProjecting } from '../main.ts'
import { makeMetrics } from '../metrics/prometheus.ts'
import type { Projecting } from '../read-side.ts'
import { startFailureOf } from '../start-failure.ts'
import type { ExitCode } from './command.ts'
import { untilEndRequested } from './end-request.ts'
import { startProblem } from './start-problem.ts'

/** Starts what a command runs, until it is asked to end; what cannot start says why. */
const run = async <A extends Running>(
  config: Config,
  start: () => Promise<A>,
  started: (running: A) => string,
): Promise<ExitCode> => {
  const endRequest = untilEndRequested()
  let running: A
  try {
    running = await start()
  } catch (thrown) {
    process.stderr.write(`${startProblem(config, startFailureOf(config, thrown))}\n`)
    return 1
  }
  process.stdout.write(`${started(running)}\n`)
  await endRequest
  await running.close()
  return 0
}

/** Runs the hub until it is asked to end. */
export const serve = (config: Config, projecting: Projecting): Promise<ExitCode> => {
  const logger = makeLogger(config.logLevel)
  return run<Hub>(
    config,
    async () =>
      startHub(await openCore(config, logger, makeMetrics('a hub and its process')), logger, projecting),
    ({ url }) => `listening on ${url}`,
  )
}

/** Runs only the projector until it is asked to end. */
export const project = (config: Config): Promise<ExitCode> => {
  const logger = makeLogger(config.logLevel)
  return run<Projector>(
    config,
    async () => startProjecting(await openCore(config, logger, makeMetrics('a hub and its process')), logger),
    ({ metricsUrl }) => (metricsUrl === undefined ? 'projecting' : `projecting, metrics at ${metricsUrl}`),
  )
}
