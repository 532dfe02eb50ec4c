import { z } from 'zod'
import * as E from '#fp/Either'
import { type KeptBody, keptBodyShape } from '../../domain/message-shapes.ts'
import { arrivalEventTypes } from '../../domain/messages.ts'
import type { MovableBodies } from '../message-bodies.ts'
import { parseText, type StoredLog } from '../stored.ts'
import { along, from, stop } from './failure.ts'

/** So many bodies are on their way at once. */
const mostTogether = 16

const { signal } = new AbortController()
const bearer = z.object({ body: keptBodyShape })

const copyBody = async (source: MovableBodies, target: MovableBodies, body: KeptBody): Promise<void> => {
  const isThere = () => from('new bodies', target.isWhole(body))
  if (await isThere()) return
  const original = await from('old bodies', source.find(body.id))
  // It was removed: nobody waits for its message any more.
  if (original === undefined) return
  const isGone = async () => (await from('old bodies', source.find(body.id))) === undefined
  if (!(await from('old bodies', source.isWhole(body)))) {
    if (await isGone()) return
    stop({ _tag: 'BodyDamaged', message: original.message })
  }
  const bytes = await from('old bodies', source.read(body))
  if (bytes === undefined) return
  const taken = await target.takeOver(original, bytes)
  if (E.isLeft(taken)) {
    const store = taken.left._tag === 'ContentUnavailable' ? 'new bodies' : 'old bodies'
    if (store === 'old bodies' && (await isGone())) return
    stop({ _tag: 'StoreUnavailable', store, cause: taken.left })
  }
  if (!(await isThere())) stop({ _tag: 'CopyDiffers', store: 'new bodies' })
}

/**
 * Copies the body of every message that an event after `after` names, unless it is there or was removed; each is read back.
 * It is due at the time at which it was when it was copied; put off since, it is looked at once more.
 */
export const copyBodies = async (
  log: StoredLog,
  source: MovableBodies,
  target: MovableBodies,
  after: bigint,
  report: (bodies: bigint) => void,
): Promise<void> => {
  let copied = 0n
  const types = arrivalEventTypes
  for await (const { events } of along('old events', log.follow(after, { signal, types, toHead: true }))) {
    const bodies = events.flatMap(({ data }) => bearer.safeParse(parseText(data)).data?.body ?? [])
    for (let n = 0; n < bodies.length; n += mostTogether) {
      const together = bodies.slice(n, n + mostTogether)
      await Promise.all(together.map(body => copyBody(source, target, body)))
      copied += BigInt(together.length)
      report(copied)
    }
  }
}
