import fc from 'fast-check'
import { describe, it } from 'vitest'
import * as E from '#fp/Either'
import type { DeliveryStore } from '../../relay/delivery-store.ts'
import type { PostOutcome } from '../../relay/post-outcome.ts'
import { answered, type Delivering, hour, openDelivering, second, taken } from '../support/delivering.ts'

const streams = ['A', 'B', 'C', 'D']

type Step =
  | { readonly do: 'record'; readonly stream: string }
  | { readonly do: 'pass'; readonly milliseconds: number }
  /** The process ends in order, and another begins. */
  | { readonly do: 'stop' }
  /** It is gone from one moment to the next, and another begins. */
  | { readonly do: 'crash' }
  /** Another begins, and the one before does not know yet. */
  | { readonly do: 'takeOver' }

const stepOf = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('record' as const), stream: fc.constantFrom(...streams) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      milliseconds: fc.constantFrom(0, 100, 400, 1_000, 5_000, 40_000, 900_000),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'stop' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'crash' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'takeOver' as const }) },
)

/** What the receiver and the store make of what they are asked, one after the other, and again from the first. */
const answerOf = fc.record({
  outcome: fc.constantFrom<PostOutcome>(
    taken,
    taken,
    taken,
    answered(500),
    { is: 'failed', reason: 'timed out' },
    { is: 'answered', status: 429, retryAfterMilliseconds: 3_000 },
  ),
  after: fc.constantFrom(0, 0, 10, 300, 9_000),
  /** It was received, whatever the hub has heard. */
  isReceived: fc.boolean(),
})
/** `in part`: as far as an engine without transactions has come. */
const saveOf = fc.constantFrom('done', 'done', 'done', 'done', 'not done', 'done but unheard', 'in part')

const inTurn = <A>(all: readonly A[]) => {
  let n = 0
  return (): A => {
    const one = all[n % all.length]
    n += 1
    return one as A
  }
}

/** What is wrong with what a receiver was posted; undefined where nothing is. */
const wrongIn = (
  { lengths }: Delivering,
  received: readonly { readonly stream: string; readonly revision: number; readonly id: string }[],
  first: ReadonlyMap<string, string>,
): string | undefined => {
  const next = new Map<string, number>()
  const ids = new Map<string, string>()
  for (const { stream, revision, id } of received) {
    const reached = next.get(stream) ?? 0
    if (revision > reached) return `${stream} ${revision} came before ${reached}`
    if (revision === reached) next.set(stream, reached + 1)
    const known = ids.get(`${stream} ${revision}`)
    if (known !== undefined && known !== id) return `${stream} ${revision} has two ids`
    ids.set(`${stream} ${revision}`, id)
  }
  for (const [stream, length] of lengths())
    if (next.get(`person-${stream}`) !== length) return `${stream} ends at ${next.get(`person-${stream}`)}`
  for (const [event, id] of first) if (ids.get(event) !== id) return `${event} has not the id of its event`
  return undefined
}

const run = async (
  steps: readonly Step[],
  answers: readonly { outcome: PostOutcome; after: number; isReceived: boolean }[],
  saves: readonly string[],
): Promise<void> => {
  const all = await openDelivering()
  const { clock } = all
  const nextAnswer = inTurn(answers)
  const nextSave = inTurn(saves)
  let isCalm = false
  const ids = new Map<string, string>()
  const received: { stream: string; revision: number; id: string }[] = []

  const send: Delivering['dependencies']['send'] = async (_, id, body, signal) => {
    const { stream, revision } = JSON.parse(body) as { stream: string; revision: number }
    const { outcome, after, isReceived } = isCalm
      ? { outcome: taken, after: 0, isReceived: true }
      : nextAnswer()
    const isTaken = outcome === taken
    const arrival = { stream, revision, id }
    if (isTaken && isReceived) received.push(arrival)
    if (after > 0) await clock.sleep(after, signal)
    if (signal.aborted) return { is: 'failed', reason: 'stopped' }
    if (isTaken && !isReceived) received.push(arrival)
    return outcome
  }
  const save: DeliveryStore['save'] = async (subscription, token, changes) => {
    const how = isCalm ? 'done' : nextSave()
    const part = { put: changes.put.slice(0, Math.ceil(changes.put.length / 2)), remove: [] }
    const asked = how === 'in part' ? part : changes
    const done = how === 'not done' ? undefined : await all.store.save(subscription, token, asked)
    return done !== undefined && (how === 'done' || E.isLeft(done))
      ? done
      : E.left({ _tag: 'ReadUnavailable', cause: new Error('away') })
  }
  const begin = (token?: number) =>
    all.begin({
      ...(token === undefined ? {} : { token }),
      changed: { send, deliveries: { ...all.store, save } },
    })

  let process = begin()
  /** As whoever supervises it does: a failure begins it again, under the same token. */
  const revive = () => {
    if (process.failure() !== undefined) process = begin(process.token)
  }
  for (const step of steps) {
    revive()
    switch (step.do) {
      case 'record': {
        const { stream, revision, id } = await all.append(step.stream)
        ids.set(`${stream} ${revision}`, id)
        await clock.settled()
        break
      }
      case 'pass':
        await clock.pass(step.milliseconds)
        break
      case 'stop':
        await process.stop()
        process = begin()
        break
      case 'crash':
        process.crash()
        process = begin()
        break
      case 'takeOver':
        process = begin()
        break
    }
  }
  isCalm = true
  await clock.pass(second)
  revive()
  await clock.pass(3 * hour)
  revive()
  await clock.pass(3 * hour)
  await process.stop()
  const wrong = wrongIn(all, received, ids)
  if (wrong !== undefined) throw new Error(wrong)
  const failing = await all.failing()
  if (failing.length > 0) throw new Error(`${failing.length} streams fail still`)
  const head = await all.feed.head()
  if (E.isLeft(head) || (await all.progress())?.position !== all.positionAt(head.right))
    throw new Error('the position is not at the head')
}

describe('whatever fails, stops, crashes or goes on too long', () => {
  it('every event is received, in the order of its stream, and what is doubled has the same id', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(stepOf, { minLength: 5, maxLength: 60 }),
        fc.array(answerOf, { minLength: 1, maxLength: 30 }),
        fc.array(saveOf, { minLength: 1, maxLength: 10 }),
        run,
      ),
      { numRuns: 100 },
    )
  })
})
