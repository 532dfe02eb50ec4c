import { feedEventTypes } from '../../domain/catalogue.ts'
import type { NewEvent, RecordedEvent } from '../../domain/event.ts'
import { formatPosition } from '../../domain/position.ts'
import type { Subscription } from '../../domain/subscriptions.ts'
import { makeSharedFollower } from '../../projections/shared-follower.ts'
import { type DeliveryDependencies, deliverSubscription } from '../../relay/deliver-subscription.ts'
import {
  type DeadLetter,
  type Failing,
  type Progress,
  parseDeadLetter,
  parseFailing,
  parseProgress,
} from '../../relay/delivery-records.ts'
import type { PostOutcome } from '../../relay/post-outcome.ts'
import type { DeliveryEnd } from '../../relay/receiver.ts'
import type { Replay } from '../../relay/replays.ts'
import { openLog } from '../../stores/codec.ts'
import { memoryDeliveryStore } from '../../stores/memory/delivery-store.ts'
import { memoryLog } from '../../stores/memory/event-log.ts'
import { right } from './either.ts'
import { eventOf, personRegistered } from './events.ts'
import { testKeys } from './keys.ts'

/** When the events of tests are recorded. */
export const start = Date.parse('2026-01-02T03:04:05.000Z')
export const second = 1_000
export const hour = 3_600_000
export const day = 24 * hour

/** Everything that can go on without the clock has gone on. */
const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** A clock that goes only when it is told to, from one sleeper's waking to the next. */
export const makeClock = () => {
  let now = start
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()
  const next = (): number | undefined =>
    sleepers.size === 0 ? undefined : Math.min(...[...sleepers].map(({ at }) => at))
  const goTo = async (time: number): Promise<void> => {
    now = Math.max(now, time)
    for (const sleeper of [...sleepers]) if (sleeper.at <= now) sleeper.wake()
    await settled()
  }
  return {
    now: () => now,
    sleepers: () => sleepers.size,
    sleep: (milliseconds: number, signal: AbortSignal): Promise<void> =>
      new Promise(resolve => {
        const wake = () => {
          sleepers.delete(sleeper)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        const sleeper = { at: now + milliseconds, wake }
        sleepers.add(sleeper)
        signal.addEventListener('abort', wake)
        if (signal.aborted) wake()
      }),
    settled,
    /** So many milliseconds pass at once, as for a process that was not running. */
    leap: (milliseconds: number): Promise<void> => goTo(now + milliseconds),
    /** So many milliseconds pass. */
    pass: async (milliseconds: number): Promise<void> => {
      await settled()
      const until = now + milliseconds
      for (let at = next(); at !== undefined && at <= until; at = next()) await goTo(at)
      await goTo(until)
    },
    /** Time passes until it is so; fails where nothing can change any more, or after so many milliseconds. */
    until: async (isSo: () => boolean, milliseconds = 30 * day): Promise<void> => {
      const latest = now + milliseconds
      await settled()
      while (!isSo()) {
        const at = next()
        if (at === undefined || at > latest)
          throw new Error(`it never came to pass, at ${new Date(now).toISOString()}`)
        await goTo(at)
      }
    },
  }
}
export type Clock = ReturnType<typeof makeClock>

export interface Post {
  readonly at: number
  readonly id: string
  readonly stream: string
  readonly revision: number
  readonly taken: boolean
}

export const taken: PostOutcome = { is: 'answered', status: 204 }
export const answered = (status: number): PostOutcome => ({ is: 'answered', status })

type Answer = (entry: {
  readonly stream: string
  readonly revision: number
}) => PostOutcome | Promise<PostOutcome>

export const subscriptionOf = (more: Partial<Subscription> = {}): Subscription => ({
  id: 's1',
  node: 'registry',
  url: 'https://registry.example.org/hook',
  types: null,
  resources: ['people'],
  person: null,
  from: '',
  status: 'active',
  secretVersion: 0,
  ...more,
})

/** A log, a store and a receiver in memory, and processes that deliver from one to the other. */
export const openDelivering = async () => {
  const clock = makeClock()
  const { log, feed, identity } = await right(openLog(memoryLog(), testKeys))
  const follower = makeSharedFollower(feed, feedEventTypes)
  const store = memoryDeliveryStore()
  const posts: Post[] = []
  const under = { now: 0, most: 0 }
  let answer: Answer = () => taken
  const lengths = new Map<string, number>()

  const append = async (stream: string, event?: NewEvent): Promise<RecordedEvent> => {
    const revision = lengths.get(stream) ?? 0
    const recordedAt = new Date(clock.now()).toISOString()
    const made =
      event ??
      (revision === 0
        ? personRegistered(stream)
        : eventOf('PersonChanged', { name: `${revision}` }, { subject: stream }))
    const dated = { ...made, metadata: { ...made.metadata, recordedAt } }
    const expected = revision === 0 ? 'no-stream' : revision - 1
    const [recorded] = await right(log.append(`person-${stream}`, expected, [dated]))
    if (recorded === undefined) throw new Error('nothing was recorded')
    lengths.set(stream, revision + 1)
    return recorded
  }

  const send: DeliveryDependencies['send'] = async (_, id, body, signal) => {
    const { stream, revision } = JSON.parse(body) as { stream: string; revision: number }
    under.now += 1
    under.most = Math.max(under.most, under.now)
    const cut = Promise.withResolvers<PostOutcome>()
    const stop = () => cut.resolve({ is: 'failed', reason: 'stopped' })
    signal.addEventListener('abort', stop)
    const outcome = await Promise.race([answer({ stream, revision }), cut.promise])
    signal.removeEventListener('abort', stop)
    under.now -= 1
    const isTaken = outcome.is === 'answered' && outcome.status < 300
    posts.push({ at: clock.now(), id, stream, revision, taken: isTaken })
    return outcome
  }

  const dependencies: DeliveryDependencies = {
    identity,
    log,
    follow: follower.follow,
    positionOf: feed.positionOf,
    deliveries: store,
    send,
    lacking: () => undefined,
    asksFor: ({ types, resources }, { event, stream }) =>
      stream.startsWith('person-') &&
      resources.includes('people') &&
      (types === null || types.includes(event.type)),
    now: clock.now,
    random: () => 0,
    sleep: clock.sleep,
  }

  let tokens = 0
  /** A process that has taken the subscription over. */
  const begin = (
    options: {
      readonly token?: number
      readonly subscription?: Partial<Subscription>
      readonly replays?: readonly Replay[]
      readonly changed?: Partial<DeliveryDependencies>
    } = {},
  ) => {
    const token = options.token ?? tokens + 1
    tokens = Math.max(tokens, token)
    const ending = new AbortController()
    let end: DeliveryEnd | undefined
    let failure: unknown
    let isDead = false
    /** What a process that is no more asked for is never answered. */
    const alive =
      <A extends readonly unknown[], B>(work: (...asked: A) => Promise<B>) =>
      async (...asked: A): Promise<B> => {
        if (isDead) await new Promise(() => {})
        const done = await work(...asked)
        if (isDead) await new Promise(() => {})
        return done
      }
    const all = { ...dependencies, ...options.changed }
    const done = deliverSubscription(
      {
        ...all,
        log: { read: alive(all.log.read) },
        deliveries: {
          ...all.deliveries,
          claim: alive(all.deliveries.claim),
          save: alive(all.deliveries.save),
        },
        send: alive(all.send),
        sleep: alive(all.sleep),
      },
      {
        subscription: subscriptionOf(options.subscription),
        token,
        from: 0n,
        replays: async after => (options.replays ?? []).filter(({ revision }) => revision > after),
      },
      ending.signal,
    ).then(
      ended => {
        end = ended
      },
      (thrown: unknown) => {
        failure = thrown
      },
    )
    return {
      token,
      end: () => end,
      failure: () => failure,
      isOver: () => end !== undefined || failure !== undefined,
      /** It ends in order. */
      stop: async (): Promise<void> => {
        ending.abort()
        await clock.until(() => end !== undefined || failure !== undefined)
        await done
      },
      /** It is gone from one moment to the next; what it had posted may have arrived. */
      crash: (): void => {
        isDead = true
        ending.abort()
      },
    }
  }

  const recordsOf = async () => right(store.claim('s1', tokens))
  return {
    clock,
    log,
    feed,
    store,
    identity,
    posts,
    append,
    begin,
    dependencies,
    /** How many posts are under way, and were at the most. */
    under,
    answer: (next: Answer) => {
      answer = next
    },
    lengths: (): ReadonlyMap<string, number> => lengths,
    taken: () => posts.filter(post => post.taken).map(({ stream, revision }) => `${stream} ${revision}`),
    progress: async (): Promise<Progress | undefined> => {
      const text = (await right(store.progressOf(['s1']))).get('s1')
      return text === undefined ? undefined : parseProgress(text)
    },
    failing: async (): Promise<readonly Failing[]> =>
      (await recordsOf()).flatMap(({ kind, text }) => (kind === 'failing' ? [parseFailing(text)] : [])),
    deadLetters: async (): Promise<readonly DeadLetter[]> =>
      (await right(store.deadLetters('s1', '', 10_000))).map(({ text }) => parseDeadLetter(text)),
    positionAt: (number: bigint) => formatPosition(identity, number),
  }
}
export type Delivering = Awaited<ReturnType<typeof openDelivering>>
