import { chmodSync, mkdirSync } from 'node:fs'
import type { RequestListener, Server } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import pino, { type Logger } from 'pino'
import * as E from '#fp/Either'
import { makeApp } from './api/app.ts'
import { errorSummary } from './api/http/error-summary.ts'
import { makeMemoryBudget } from './api/http/memory-budget.ts'
import { isAmong, limitConnections, makeRequestRates } from './api/http/network-limits.ts'
import { type AllowAt, answerProtocolErrors } from './api/http/protocol-errors.ts'
import { makeServer } from './api/http/server.ts'
import { makeHealth } from './api/open/health.ts'
import { accessTokens } from './auth/access-tokens.ts'
import type { AuthStore } from './auth/auth-store.ts'
import { makeAuthenticate } from './auth/authenticate.ts'
import { clientSecrets } from './auth/client-secrets.ts'
import { attemptWindowMilliseconds, makeGuesses } from './auth/guesses.ts'
import { makeIdentityProvider } from './auth/identity-provider.ts'
import { namesCredentials } from './auth/named-credentials.ts'
import { type NodeUseCases, nodeUseCases } from './auth/nodes.ts'
import { makePasswords, type Passwords } from './auth/passwords.ts'
import { type PeopleUseCases, peopleUseCases } from './auth/people.ts'
import { makePolicy, type Policy } from './auth/policy.ts'
import { makeSlowWork } from './auth/slow-work.ts'
import { type FollowedStanding, makeStanding, type StandingStart } from './auth/standing.ts'
import { contentWriter } from './commands/content.ts'
import type { ContentStore } from './commands/content-store.ts'
import { commandHandler } from './commands/handle.ts'
import { itemWriter, readItem, type WriteItem, wasHandled } from './commands/items.ts'
import { makeTurns } from './commands/turns.ts'
import type { Config } from './config.ts'
import { people as peopleOfTheFederation } from './domain/people.ts'
import { earlierOf } from './domain/position.ts'
import { openMove, openStores, type Stores } from './engines.ts'
import manifest from './package.json' with { type: 'json' }
import { accounts, parseAccountText } from './projections/accounts.ts'
import type { EventFeed } from './projections/event-feed.ts'
import { followCheckpoints } from './projections/follow-checkpoints.ts'
import { namedContents } from './projections/named-contents.ts'
import { nodes, parseNodeText } from './projections/nodes.ts'
import { makeProgress, type Progress } from './projections/progress.ts'
import { type Projector, startProjector } from './projections/projector.ts'
import { projections } from './projections/read-models.ts'
import type { ReadModels } from './projections/read-store.ts'
import { readWhole } from './projections/read-whole.ts'
import { portFailureOf, type StartFailure, startFailureOf } from './start-failure.ts'
import { type LogPorts, openLog } from './stores/codec.ts'
import type { MoveFailure } from './stores/moving/failure.ts'
import { type Moved, type MoveOptions, type MoveStep, move } from './stores/moving/move.ts'
import { processName } from './stores/process-name.ts'

/** The release that runs. */
export const { version } = manifest

const announceMilliseconds = 250
const refreshMilliseconds = 1_000
const sweepMilliseconds = 20_000
const sweepPauseMilliseconds = 20
const credentialsKeptMilliseconds = 3_600_000
const closeMilliseconds = 10_000
const silenceMilliseconds = 10_000
/** Requests of a network without valid credentials. */
const anonymousRate = { burst: 3_000, perSecond: 300 }
/** The share of the memory for bodies and answers that one caller may hold. */
const sharesOfMemory = 8

/** What every command of the hub works with: the stores, the write side, and who may. */
export interface Core {
  readonly config: Config
  readonly ports: LogPorts
  readonly reads: Stores['reads']
  readonly auth: AuthStore
  readonly contents: ContentStore
  readonly policy: Policy
  readonly passwords: Passwords
  readonly standing: FollowedStanding
  readonly people: PeopleUseCases
  readonly nodes: NodeUseCases
  readonly writeItem: WriteItem
  /** When the log was moved to another engine (ISO 8601), if it was: it takes no writes. */
  readonly sealedAt: string | undefined
  /** What this process is called among those on the same stores. */
  readonly processName: string
  /** Transactions of the event log so far: for the benchmark. */
  readonly logCommits: () => number
  /** Ends standing and closes the stores, in reverse. */
  readonly close: () => Promise<void>
}

/** The structured log: one JSON object a line, on standard error. */
export const makeLogger = (level: Config['logLevel']): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: false }),
  )

const fail = (failure: StartFailure): never => {
  throw failure
}

const orThrow = <A>(either: E.Either<StartFailure, A>): A =>
  E.isRight(either) ? either.right : fail(either.left)

/** What the read models know of people and nodes, and the position both have come to. */
const standingStart = async (reads: ReadModels, feed: EventFeed): Promise<StandingStart> => {
  const [people, federation] = [await readWhole(reads, feed, accounts), await readWhole(reads, feed, nodes)]
  return {
    position: earlierOf(people.position, federation.position),
    accounts: new Map([...people.texts].map(([key, text]) => [key, parseAccountText(text)])),
    nodes: new Map([...federation.texts].map(([key, text]) => [key, parseNodeText(text)])),
  }
}

/** Opens the stores and builds the write side on them. Throws a `StartFailure`, and closes the stores again. */
export const openCore = async (config: Config, logger: Logger): Promise<Core> => {
  logger.info({ version }, 'thalamus starts')
  try {
    process.umask(0o077)
    mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
    chmodSync(config.dataDir, 0o700)
    const stores = await openStores(config, (file, keptAs) =>
      logger.warn(
        { file, keptAs },
        'a damaged file of read models was set aside: it is built anew from the log',
      ),
    )
    try {
      return await coreOn(stores, config, logger)
    } catch (error) {
      await closeStores(stores)
      throw error
    }
  } catch (thrown) {
    throw startFailureOf(config, thrown)
  }
}

const closeStores = async ({ reads, contents, auth, events }: Stores): Promise<void> => {
  await reads.close()
  await contents.close()
  await auth.close()
  await events.close()
}

const coreOn = async (stores: Stores, config: Config, logger: Logger): Promise<Core> => {
  const { events, auth, contents, reads } = stores
  const ports = orThrow(await openLog(events))
  const sealedAt = orThrow(await stores.sealedAt())
  const { log, feed, identity } = ports
  const isEmpty = !orThrow(await auth.hasCredentials())
  if (isEmpty && !config.withoutCredentials && orThrow(await namesCredentials(feed)))
    fail({ _tag: 'CredentialsMissing' })
  // Else this process would sweep the credentials of the other log: its own names none of them.
  if (orThrow(await auth.claim('log', identity.id)()) !== identity.id)
    fail({ _tag: 'CredentialsOfAnotherLog' })

  const standing = makeStanding(await standingStart(reads, feed))
  const ending = new AbortController()
  const followStanding = async () => {
    while (!ending.signal.aborted) {
      const ended = await standing
        .follow(feed, ending.signal)
        .catch((cause: unknown) => E.left({ _tag: 'Bug' as const, cause }))
      if (E.isRight(ended)) return
      const cause = 'cause' in ended.left ? errorSummary(ended.left.cause) : {}
      logger.error({ failure: ended.left._tag, ...cause }, 'standing cannot follow the log; trying again')
      await pause(1000, undefined, { signal: ending.signal }).catch(() => undefined)
    }
  }

  const turns = makeTurns(1000)
  const handle = commandHandler({ log, turns, now: () => new Date() })
  const writeItem = itemWriter(log, handle, (resource, { id }, state, revision) => {
    if (resource === peopleOfTheFederation) standing.personIs(id, state, revision)
  })
  const passwords = await makePasswords(auth, makeSlowWork(100))
  const people = peopleUseCases({ writeItem, readItem: readItem(log), passwords, standing, turns })
  const followed = followStanding()
  return {
    config,
    ports,
    reads,
    auth,
    contents,
    policy: makePolicy(config.roles),
    passwords,
    standing,
    people,
    nodes: nodeUseCases(handle, clientSecrets(auth), standing),
    writeItem,
    sealedAt,
    processName: processName(),
    logCommits: stores.commits,
    close: async () => {
      ending.abort()
      await followed
      await closeStores(stores)
    },
  }
}

export type { MoveFailure, MoveStep, StartFailure }
export { startFailureOf }

/** Moves what is in DATA_DIR to the engines that the settings name. Throws a `StartFailure` where they cannot be opened. */
export const moveToEngines = async (
  config: Config,
  options: MoveOptions,
): Promise<E.Either<MoveFailure, Moved>> => {
  process.umask(0o077)
  const moving = await openMove(config).catch(thrown => fail(startFailureOf(config, thrown)))
  if (moving === undefined) return E.left({ _tag: 'NothingToMove' })
  try {
    return await move(moving.source, moving.target, options)()
  } finally {
    await moving.close()
  }
}

export interface Hub {
  /** Where it listens. */
  readonly url: string
  readonly close: () => Promise<void>
}

const listen = (server: Server, { host, port }: Config): Promise<number> =>
  new Promise((resolve, reject) => {
    const refuse = (error: Error) => reject(portFailureOf(error))
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })

const closeServer = (server: Server): Promise<void> =>
  new Promise(resolve => {
    const force = setTimeout(() => server.closeAllConnections(), closeMilliseconds)
    server.close(() => {
      clearTimeout(force)
      resolve()
    })
    server.closeIdleConnections()
  })

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

const housekeeping = (
  core: Core,
  known: () => bigint,
  company: { isAlone: boolean },
  refreshKeys: () => Promise<unknown>,
  logger: Logger,
  signal: AbortSignal,
): Promise<unknown> => {
  const { reads, auth, contents, standing, processName } = core
  let said = { position: -1n, at: 0 }
  const announce = async () => {
    const position = known()
    if (position !== said.position || Date.now() - said.at > 3_000) {
      said = { position, at: Date.now() }
      await auth.announce(processName, position)()
    }
    const living = await auth.announced()
    if (E.isRight(living)) company.isAlone = living.right.length <= 1
  }
  const sweep = async () => {
    const models = projections.map(({ shape }) => shape)
    let more = true
    while (more && !signal.aborted) {
      const swept = await reads.sweep(models)()
      more = E.isRight(swept) && swept.right
      await pause(sweepPauseMilliseconds, undefined, { signal }).catch(() => undefined)
    }
    await auth.sweepExpired(attemptWindowMilliseconds)()
    await contents.sweep()
    // Whoever does not follow the log does not know which credentials it names.
    if (standing.isLive() && standing.silentFor() < silenceMilliseconds)
      await auth.sweepCredentials(Date.now() - credentialsKeptMilliseconds, standing.holds)()
  }
  return Promise.all([
    every(announceMilliseconds, signal, logger, announce),
    every(sweepMilliseconds, signal, logger, sweep),
    every(refreshMilliseconds, signal, logger, refreshKeys),
  ])
}

export interface Running {
  readonly close: () => Promise<void>
}

/** How read models are kept up to date: by this process, or by others whose progress it follows. */
export type Projecting = 'projects' | 'follows others'

/** The read side of a process, until the signal. */
const startReadSide = (
  core: Core,
  logger: Logger,
  projecting: Projecting,
  company: { readonly isAlone: boolean },
  signal: AbortSignal,
): Projector & { readonly progress: Progress } => {
  const { reads, ports, processName, sealedAt } = core
  if (sealedAt !== undefined)
    logger.error(
      { sealedAt },
      'the log in DATA_DIR is sealed and takes no writes: run move to its end, or set EVENTSTORE_URL and MONGODB_URL to where it is now',
    )
  const shapes = projections.map(({ shape }) => shape)
  const progress = makeProgress(shapes.map(({ name }) => name))
  if (projecting === 'follows others')
    return { progress, stopped: () => undefined, ended: followCheckpoints(reads, shapes, progress, signal) }
  const projector = startProjector(
    {
      feed: ports.feed,
      reads,
      writer: reads,
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
  return { progress, ...projector }
}

/** How far this process knows the log: its standing, and its read models. */
const knownBy = (core: Core, progress: Progress) => (): bigint =>
  progress.positions().reduce((least, { position }) => earlierOf(least, position), core.standing.position())

/** Runs the projector alone. Closing it closes the core. */
export const startProjecting = async (core: Core, logger: Logger): Promise<Running> => {
  const ending = new AbortController()
  const company = { isAlone: true }
  orThrow(await core.auth.announce(core.processName, 0n)())
  const readSide = startReadSide(core, logger, 'projects', company, ending.signal)
  const known = knownBy(core, readSide.progress)
  const housekept = housekeeping(core, known, company, async () => undefined, logger, ending.signal)
  return {
    close: async () => {
      ending.abort()
      await Promise.all([readSide.ended, housekept])
      await core.auth.announce(core.processName, undefined)()
      await core.close()
    },
  }
}

/** Says how many contents that documents name are missing, where the store of contents holds none at all. */
const reportMissingContents = async (
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

/** Until the hub can say more: what is asked while it is being put together. */
const notYet: RequestListener = (_request, response) => {
  response.writeHead(503, { 'Retry-After': '1', 'Content-Length': '0' }).end()
}

/** Runs the hub on an open core: projector, HTTP, and housekeeping. Closing it, or failing to start, closes the core. */
export const startHub = async (
  core: Core,
  logger: Logger,
  projecting: Projecting = 'projects',
): Promise<Hub> => {
  const { config, ports, reads, auth, passwords, standing } = core
  const { feed, identity } = ports
  const ending = new AbortController()
  const { signal } = ending
  const ended: Promise<unknown>[] = []
  const company = { isAlone: true }
  let handle = notYet
  let allowAt: AllowAt = () => undefined
  const server = makeServer(config.tls, (request, response) => handle(request, response))
  limitConnections(server, {
    total: config.mostConnections,
    perNetwork: config.mostConnectionsPerNetwork,
    isProxy: isAmong(config.trustedProxies),
  })
  answerProtocolErrors(server, logger, path => allowAt(path))

  const close = async () => {
    if (server.listening) await closeServer(server)
    ending.abort()
    await Promise.all(ended)
    await auth.announce(core.processName, undefined)()
    await core.close()
  }

  const put = async (): Promise<string> => {
    const headAtStart = orThrow(await feed.head())
    const port = await listen(server, config)
    const host = config.host.includes(':') ? `[${config.host}]` : config.host
    const url = `${config.tls === undefined ? 'http' : 'https'}://${host}:${port}`
    const publicUrl = config.publicUrl ?? url

    orThrow(await auth.announce(core.processName, 0n)())
    const readSide = startReadSide(core, logger, projecting, company, signal)
    const { progress } = readSide
    ended.push(readSide.ended)

    const secrets = clientSecrets(auth)
    const identityProvider = orThrow(
      await makeIdentityProvider({
        publicUrl,
        tokenSeconds: config.tokenSeconds,
        store: auth,
        secrets,
        standing,
        cookieKey: orThrow(await auth.secret('cookies')()),
        report: error => logger.error(errorSummary(error), 'the OpenID Connect provider failed'),
      })(),
    )
    const guesses = makeGuesses(auth)
    const noteSeen = (clientId: string) => {
      auth
        .noteSeen(clientId, Date.now())()
        .then(noted => {
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
      fingerprintKey: orThrow(await auth.secret('idempotency')()),
      formKey: orThrow(await auth.secret('forms')()),
      health: makeHealth({ feed, reads, auth, progress, standing, projector: readSide, headAtStart }),
      publicUrl,
      logger,
      corsOrigins: config.corsOrigins,
      legacyLists: config.legacyLists,
      trustedProxies: config.trustedProxies,
      budget: makeMemoryBudget({
        total: config.mostRequestMemory,
        share: config.mostRequestMemory / sharesOfMemory,
      }),
      requestRates: makeRequestRates(anonymousRate),
      isSecure: config.tls !== undefined,
    })
    ended.push(reportMissingContents(core, logger, signal))
    handle = app.listener
    allowAt = app.allowAt
    ended.push(housekeeping(core, knownBy(core, progress), company, identityProvider.refresh, logger, signal))
    return url
  }

  try {
    const url = await put()
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
