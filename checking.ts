import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as E from '#fp/Either'
import type { AuthUnavailable } from './auth/auth-store.ts'
import { makeLiveCredentials } from './auth/live-credentials.ts'
import type { ContentName } from './commands/content-store.ts'
import { makeOpenMessages } from './commands/open-messages.ts'
import { makeStreamOrder } from './commands/stream-order.ts'
import type { Config } from './config.ts'
import { catalogue } from './domain/catalogue.ts'
import { contentShape } from './domain/content.ts'
import type { RecordedEvent } from './domain/event.ts'
import { isLogFailure, type LogFailure } from './domain/log-failure.ts'
import { filesOf, integrityIn, openStores, type Stores } from './engines.ts'
import { projections } from './projections/read-models.ts'
import { kindOfStream, makeSampledStreams } from './projections/sampled-streams.ts'
import { fail, orThrow, startFailureOf } from './start-failure.ts'
import { type LogPorts, openLog } from './stores/codec.ts'
import { processName } from './stores/process-name.ts'

export interface CheckOptions {
  /** A sentence for each thing that is not as it should be. It names no person, and nothing that is kept. */
  readonly found: (finding: string) => void
  /** What is looked at now, and how much of it. */
  readonly report: (step: CheckStep, count: number) => void
  /** Streams of each kind whose documents are compared with the read models. */
  readonly sample: number | undefined
}

export type CheckStep = 'files' | 'events' | 'credentials' | 'bodies of messages'

/** The stores of a hub as they were looked at. */
export interface Looked {
  readonly ports: LogPorts
  readonly stores: Stores
  /** What this process is called among those on the same stores. */
  readonly processName: string
  /** The position up to which the log was read. */
  readonly head: bigint
  readonly events: number
  readonly contents: number
  readonly credentials: number
  readonly bodies: number
  /** Events that an earlier release wrote, without a checksum. */
  readonly withoutChecksum: number
  /** Whether every event could be read. */
  readonly isReadable: boolean
}

const contentTypes = new Set(catalogue.flatMap(({ contentFact }) => contentFact ?? []))

/** An event without what could name a person. */
const placeOf = ({ stream, position }: Pick<RecordedEvent, 'stream' | 'position'>): string =>
  `the event at position ${position} (${kindOfStream(stream)})`

const contentOfEvent = ({ event, metadata }: RecordedEvent): ContentName | undefined => {
  if (!contentTypes.has(event.type) || event.erased === true) return undefined
  const content = contentShape.safeParse(event.data).data
  return content && (metadata.subject === undefined ? content : { ...content, subject: metadata.subject })
}

/** What is wrong with the files themselves. Nothing is written: what is written to a damaged file may damage more of it. */
const lookAtFiles = (config: Config, { found, report }: CheckOptions): boolean => {
  let isWhole = true
  for (const [n, file] of filesOf(config).entries()) {
    report('files', n)
    for (const finding of integrityIn(config, file)) {
      isWhole = false
      found(`${file}: ${finding}`)
    }
  }
  return isWhole
}

/** Events from a position on, and what keeps some from being read; those are passed over. */
async function* eventsOf(
  { feed }: LogPorts,
  unreadable: (failure: LogFailure) => void,
): AsyncGenerator<RecordedEvent> {
  const { signal } = new AbortController()
  for (let after: bigint | undefined = 0n; after !== undefined; ) {
    const from: bigint = after
    after = undefined
    try {
      for await (const { events } of feed.follow(from, { signal, toHead: true })) yield* events
    } catch (thrown) {
      if (!isLogFailure(thrown)) throw thrown
      unreadable(thrown)
      if (thrown._tag === 'EventUnreadable') after = thrown.position
    }
  }
}

const unreadableSentence = (failure: LogFailure): string =>
  failure._tag === 'LogUnavailable'
    ? 'the event log could not be read to its end'
    : failure.reason === 'without its key'
      ? `${placeOf(failure)} cannot be read: the key of its person is not in the store of keys`
      : `${placeOf(failure)} is ${failure.reason}`

const throwing = <A>(either: E.Either<AuthUnavailable, A>): A =>
  E.isRight(either) ? either.right : fail(either.left)

/** Looks at all that the log names, and compares a sample of the read models where one is wanted. */
const look = async (
  stores: Stores,
  ports: LogPorts,
  { found, report, sample }: CheckOptions,
): Promise<Omit<Looked, 'ports' | 'stores' | 'processName'>> => {
  const { auth, contents, relay, reads } = stores
  const order = makeStreamOrder()
  const credentials = makeLiveCredentials()
  const messages = makeOpenMessages()
  const sampled = sample === undefined ? undefined : makeSampledStreams(sample, projections)
  const count = { events: 0, contents: 0, credentials: 0, bodies: 0 }
  let isReadable = true
  let head = 0n

  if (throwing(await auth.claimed('log')) !== ports.identity.id)
    found('the credentials are those of another log')

  const readable = eventsOf(ports, failure => {
    isReadable = false
    found(unreadableSentence(failure))
    if (failure._tag === 'EventUnreadable') order.lose(failure.stream)
  })
  for await (const recorded of readable) {
    head = recorded.position
    count.events += 1
    report('events', count.events)
    const broken = order.add(recorded)
    if (broken !== undefined) found(`${placeOf(recorded)} has ${broken}`)
    credentials.add(recorded)
    messages.add(recorded)
    sampled?.add(recorded)
    const content = contentOfEvent(recorded)
    if (content === undefined) continue
    count.contents += 1
    const verified = await contents.verify(content)
    if (E.isRight(verified) || verified.left._tag === 'ContentErased') continue
    found(
      `the content that ${placeOf(recorded)} names ${verified.left._tag === 'ContentDamaged' ? 'is damaged or not there' : 'cannot be read'}`,
    )
  }

  /** A hub that runs may have superseded it since. */
  const isStillLive = async (account: string, version: string): Promise<boolean> => {
    const stream = account.startsWith('node:') ? account.replace(':', '-') : `person-${account}`
    const now = makeLiveCredentials()
    for (let from: number | undefined = 0; from !== undefined; ) {
      const run = await ports.log.read(stream, from)
      if (E.isLeft(run)) return true
      run.right.events.forEach(now.add)
      from = run.right.more ? (run.right.events.at(-1)?.revision ?? 0) + 1 : undefined
    }
    return [...now.all()].some(([other, live]) => other === account && live === version)
  }
  for (const [account, version] of credentials.all()) {
    count.credentials += 1
    report('credentials', count.credentials)
    const kept = throwing(await auth.credential(account, version))
    if (kept === undefined && (await isStillLive(account, version)))
      found(
        account.startsWith('node:')
          ? 'a secret of a node that the log names is not in the store of credentials'
          : 'the password of a person that the log names is not in the store of credentials',
      )
  }

  for (const body of messages.bodies(new Date().toISOString())) {
    count.bodies += 1
    report('bodies of messages', count.bodies)
    const bytes = await relay.bodies.read(body)
    if (E.isLeft(bytes)) found('the body of a message that somebody waits for cannot be read')
    else if (bytes.right === undefined) found('the body of a message that somebody waits for is not there')
    else
      try {
        for await (const _ of bytes.right);
      } catch {
        found('the body of a message that somebody waits for is damaged')
      }
  }

  if (sampled !== undefined && isReadable) {
    const compared = orThrow(await sampled.compare({ reads, writer: reads }, head))
    for (const { model, differences } of compared)
      for (const { position, parts } of differences)
        found(
          `the read model ${model} differs from the log in a document of position ${position} (${parts.join(', ')})`,
        )
  }

  const withoutChecksum = orThrow(await stores.withoutChecksum())
  return { ...count, head, withoutChecksum, isReadable }
}

/** There is no hub in DATA_DIR. */
export interface NothingToCheck {
  readonly _tag: 'NothingToCheck'
}

/**
 * Looks whether all that a hub keeps is whole, also while it runs, and gives `work` its stores afterwards: undefined where the files
 * themselves are damaged, so that they were not opened. Throws a `StartFailure`.
 */
export const checkHub = async <A>(
  config: Config,
  options: CheckOptions,
  work: (looked: Looked) => Promise<A>,
): Promise<E.Either<NothingToCheck, A | undefined>> => {
  process.umask(0o077)
  const isThere = config.eventStore !== undefined || existsSync(join(config.dataDir, 'events.db'))
  if (!isThere) return E.left({ _tag: 'NothingToCheck' })
  if (!lookAtFiles(config, options)) return E.right(undefined)
  try {
    const stores = await openStores(config, () => undefined)
    try {
      orThrow(await stores.keys.open())
      const ports = orThrow(await openLog(stores.events, stores.keys))
      return E.right(
        await work({ ports, stores, processName: processName(), ...(await look(stores, ports, options)) }),
      )
    } finally {
      await stores.reads.close()
      await stores.relay.close()
      await stores.contents.close()
      await stores.auth.close()
      await stores.events.close()
    }
  } catch (thrown) {
    throw startFailureOf(config, thrown)
  }
}
