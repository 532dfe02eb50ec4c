import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import { keptMilliseconds } from '../commands/messages.ts'
import { messageStream } from '../domain/messages.ts'
import { sqliteRelayStore } from '../stores/sqlite/relay-store.ts'
import { eventOf, openWriter } from './seed.ts'

const atOnce = 2_000
const bytes = Buffer.from(JSON.stringify({ test: 'CBC', notes: 'Blood count, fasting. '.repeat(10) }))

/** Messages that wait for a node, each with its body, as the hub would have kept them; `log` and `relay` are files. */
export const seedMessages = async (
  { log, relay }: { readonly log: string; readonly relay: string },
  to: string,
  count: number,
): Promise<void> => {
  const writer = await openWriter(log)
  const store = sqliteRelayStore(relay)
  const send = async () => {
    const id = randomUUID()
    // As after the first look at it: the hub does not look at all of them while it is measured.
    const kept = await store.bodies.keep(id, [bytes], bytes.length, Date.now() + keptMilliseconds)
    if (E.isLeft(kept)) throw new Error(kept.left._tag)
    const envelope = {
      id,
      from: 'sender-0',
      to: [to],
      type: 'order',
      contentType: 'application/json',
      sentAt: new Date().toISOString(),
      body: kept.right,
    }
    await writer.write(messageStream(id), 0, eventOf('MessageSent', envelope))
  }
  for (let n = 0; n < count; n += atOnce)
    await Promise.all(Array.from({ length: Math.min(atOnce, count - n) }, send))
  await writer.close()
  await store.close()
}
