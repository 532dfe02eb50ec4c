import type { RequestListener } from 'node:http'
import type { Logger } from 'pino'
import * as E from '#fp/Either'
import { type App, makeApp } from './api/app.ts'
import { errorSummary } from './api/http/error-summary.ts'
import { inTurns } from './api/http/in-turns.ts'
import { makeMemoryBudget } from './api/http/memory-budget.ts'
import { isAmong, limitConnections, makeRequestRates } from './api/http/network-limits.ts'
import { answerProtocolErrors } from './api/http/protocol-errors.ts'
import { makeServer } from './api/http/server.ts'
import { makeWorkPlaces } from './api/http/work-places.ts'
import { makeHealth } from './api/open/health.ts'
import { accessTokens } from './auth/access-tokens.ts'
import { makeAuthenticate } from './auth/authenticate.ts'
import { clientSecrets } from './auth/client-secrets.ts'
import type { Erasing } from './auth/erasure.ts'
import { makeGuesses } from './auth/guesses.ts'
import { type IdentityProvider, makeIdentityProvider } from './auth/identity-provider.ts'
import { renewCertificate } from './certificate-renewal.ts'
import { contentWriter } from './commands/content.ts'
import { readItem, wasHandled } from './commands/items.ts'
import type { Config } from './config.ts'
import type { Core } from './core.ts'
import { arrivalEventTypes } from './domain/messages.ts'
import { closeServer, listen, urlOf } from './listening.ts'
import { observedGuesses } from './metrics/observed-work.ts'
import { makeSharedFollower } from './projections/shared-follower.ts'
import type { ReadSide } from './read-side.ts'
import type { Webhooks } from './relay/webhooks.ts'
import { orThrow } from './start-failure.ts'

/** Requests of a network without valid credentials. */
const anonymousRate = { burst: 3_000, perSecond: 300 }
/** The share of the memory for bodies and answers that one caller may hold. */
const sharesOfMemory = 8
/** The share of the places at work, and for streams, that one caller may have. */
const sharesOfWork = 4
const sharesOfStreams = 8
/** A request that finds all places at work taken waits so long for one; a stream does not wait. */
const patience = { work: 5_000, streams: 0 }

/** Until the hub can say more: what is asked while it is being put together. */
const notYet: RequestListener = (_request, response) => {
  response.writeHead(503, { 'Retry-After': '1', 'Content-Length': '0' }).end()
}

/** A server that refuses every request until it is told what to answer. */
export interface Serving {
  /** Where it listens. */
  readonly url: string
  readonly answerBy: (app: App) => void
  /** Requests that have arrived and are not begun. */
  readonly waiting: () => number
  /** Ends when every request under way is answered, or after ten seconds. */
  readonly close: () => Promise<void>
  /** Aborted when it begins to close: nobody is to wait any longer. */
  readonly closing: AbortSignal
}

/** What is to be answered however much there is to do. */
const urgentPaths = ['/livez', '/readyz', '/metrics']

/** Listens, within the limits of the settings. Throws a `StartFailure` where the port cannot be used. */
export const startServing = async (config: Config, logger: Logger): Promise<Serving> => {
  const closing = new AbortController()
  let app: App = { listener: notYet, allowAt: () => undefined }
  const paced = inTurns(
    (request, response) => app.listener(request, response),
    ({ url = '' }) => urgentPaths.includes(url.split('?')[0] ?? ''),
  )
  const server = makeServer(config.tls, paced.listener)
  server.on('connection', paced.accepted)
  limitConnections(server, {
    total: config.mostConnections,
    perNetwork: config.mostConnectionsPerNetwork,
    isProxy: isAmong(config.trustedProxies),
  })
  answerProtocolErrors(server, logger, path => app.allowAt(path))
  const port = await listen(server, config.host, config.port, 'PORT')
  if (config.tls !== undefined) void renewCertificate(server, config.tls, logger, closing.signal)
  return {
    url: urlOf(config.tls === undefined ? 'http' : 'https', config.host, port),
    answerBy: next => {
      app = next
    },
    waiting: paced.waiting,
    closing: closing.signal,
    close: () => {
      closing.abort()
      return closeServer(server)
    },
  }
}

/** The hub's answers, and the provider that issues its tokens. */
export const makeAnswers = async (
  core: Core,
  readSide: ReadSide,
  erasing: Erasing,
  publicUrl: string,
  webhooks: Webhooks,
  { closing, waiting }: Pick<Serving, 'closing' | 'waiting'>,
  logger: Logger,
): Promise<{ readonly app: App; readonly identityProvider: IdentityProvider }> => {
  const { config, metrics, ports, reads, auth, passwords, standing } = core
  const { feed, identity } = ports
  const { progress, headAtStart } = readSide
  const secrets = clientSecrets(auth)
  const identityProvider = orThrow(
    await makeIdentityProvider({
      publicUrl,
      tokenSeconds: config.tokenSeconds,
      store: auth,
      secrets,
      standing,
      cookieKey: orThrow(await auth.secret('cookies')),
      issued: metrics.tokenIssued,
      report: error => logger.error(errorSummary(error), 'the OpenID Connect provider failed'),
    }),
  )
  const guesses = observedGuesses(makeGuesses(auth), metrics)
  const budget = makeMemoryBudget({
    total: config.mostRequestMemory,
    share: config.mostRequestMemory / sharesOfMemory,
  })
  const { mostRequests, mostStreams } = config
  const work = makeWorkPlaces({
    total: mostRequests,
    share: Math.floor(mostRequests / sharesOfWork),
    patience: patience.work,
  })
  metrics.watch({
    memoryHeld: budget.held,
    requestsAtWork: work.taken,
    requestsWaiting: () => waiting() + work.waiting(),
  })
  const noteSeen = (clientId: string) => {
    void auth.noteSeen(clientId, Date.now()).then(noted => {
      if (E.isLeft(noted)) logger.warn(errorSummary(noted.left.cause), 'last seen was not noted')
    })
  }
  const app = makeApp({
    ...core,
    authenticate: makeAuthenticate({
      standing,
      passwords,
      guesses,
      tokens: accessTokens(identityProvider, auth, publicUrl),
      noteSeen,
    }),
    guesses,
    identityProvider,
    erasing,
    knowsSecret: (clientId, secret) => {
      const node = standing.node(clientId)
      return node !== undefined && secrets.isRemembered(node, secret)
    },
    lastSeen: auth.lastSeen,
    claims: auth,
    wasHandled: wasHandled(ports.log),
    readItem: readItem(ports.log),
    writeContent: contentWriter(ports.log, core.writeItem, core.contents),
    mostContentBytes: config.mostContentBytes,
    readModels: reads,
    progress,
    logIdentity: identity,
    positionOf: feed.positionOf,
    logHead: feed.head,
    feed,
    webhooks,
    arrivals: makeSharedFollower(feed, arrivalEventTypes),
    closing,
    fingerprintKey: orThrow(await auth.secret('idempotency')),
    formKey: orThrow(await auth.secret('forms')),
    health: makeHealth({ feed, reads, auth, progress, standing, projector: readSide, headAtStart }),
    publicUrl,
    logger,
    corsOrigins: config.corsOrigins,
    allowPrivateWebhooks: config.allowPrivateWebhooks,
    legacyLists: config.legacyLists,
    trustedProxies: config.trustedProxies,
    load: {
      budget,
      work,
      waiting: makeWorkPlaces({
        total: mostStreams,
        share: Math.floor(mostStreams / sharesOfStreams),
        patience: patience.streams,
      }),
      metrics,
    },
    metricsToken: config.metricsToken,
    requestRates: makeRequestRates(anonymousRate),
    isSecure: config.tls !== undefined,
  })
  return { app, identityProvider }
}
