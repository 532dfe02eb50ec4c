import { createHash } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import type { JsonObject } from '../../domain/json.ts'
import type { Client, Reply } from './client.ts'
import type { Delivery } from './sink.ts'

export interface Subscription {
  readonly id: string
  readonly status: string
  readonly secret: string
  readonly position: string
  readonly lag: number
  readonly failures: number
  readonly deadLetters: number
  readonly lastError: { readonly error: string } | null
}

export const subscriptionIn = ({ json }: Reply) => json as Subscription

export const subscriberScopes = ['subscriptions:write', 'people:read', 'pols:read']

export const subscribe = async (client: Client, wanted: JsonObject): Promise<Subscription> => {
  const reply = await client.post('/subscriptions', wanted)
  if (reply.status !== 201) throw new Error(`not subscribed: ${reply.text}`)
  return subscriptionIn(reply)
}

/** Whether the package of Standard Webhooks takes a delivery for genuine. */
export const isGenuine = (secret: string, { headers, body }: Delivery): boolean => {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>)
    return true
  } catch {
    return false
  }
}

/** What went wrong with the deliveries of a subscription; nothing where it was all as it is to be. */
export const wrongDeliveries = (secret: string, taken: readonly Delivery[]): readonly string[] => {
  const wrong: string[] = []
  const ids = new Map<string, string>()
  const last = new Map<string, number>()
  for (const delivery of taken) {
    const { id, entry, body } = delivery
    const { stream, revision } = entry
    const name = `${stream} ${revision}`
    if (!isGenuine(secret, delivery)) wrong.push(`${name} is not signed`)
    const first = ids.get(name)
    if (first === undefined) {
      // A double may come at any time: what counts is when an event came first.
      const next = (last.get(stream) ?? -1) + 1
      if (revision !== next) wrong.push(`${name} came before revision ${next}`)
      last.set(stream, revision)
      ids.set(name, `${id} ${body}`)
    } else if (first !== `${id} ${body}`) wrong.push(`${name} came again as something else`)
  }
  if (new Set([...ids.values()].map(text => text.split(' ')[0])).size !== ids.size)
    wrong.push('an id was used for several events')
  return wrong
}

/** A number from 0 to 1 that depends on nothing but these words. */
export const chance = (...words: readonly (string | number)[]): number =>
  createHash('sha256').update(words.join(' ')).digest().readUInt32BE() / 2 ** 32
