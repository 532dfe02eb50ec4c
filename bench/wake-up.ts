import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { MeasuredServer } from './load.ts'
import { type Latency, latencyOf } from './measure.ts'
import { accountOf, pageOf } from './seed.ts'
import { rootHeaders } from './stores.ts'

const waitSeconds = 30
/** Until every poll waits. */
const settleMilliseconds = 100

const page = z.object({ events: z.array(z.unknown()), next: z.string() })

/** From the sending of a write to the answers of the long polls that waited for it, and to its own. */
export interface WakeUps {
  readonly polls: Latency
  readonly answers: Latency
}

const poll = async ({ url }: MeasuredServer, after: string) => {
  const answer = await fetch(`${url}/feed?after=${after}&wait=${waitSeconds}`, { headers: rootHeaders })
  const { events, next } = page.parse(await answer.json())
  return { events, next, answeredAt: performance.now() }
}

/** Each write is waited for by so many readers. */
export const measureWakeUps = async (
  server: MeasuredServer,
  readers: number,
  writes: number,
): Promise<WakeUps> => {
  const write = async (n: number) => {
    const [account, id] = [accountOf(n), randomUUID()]
    const answer = await fetch(`${server.url}/pols/${account}/${id}`, {
      method: 'POST',
      headers: { ...rootHeaders, 'Content-Type': 'application/json', Prefer: 'respond-async' },
      body: JSON.stringify(pageOf(account, id, n)),
    })
    await answer.text()
    const position = answer.headers.get('thalamus-position')
    if (answer.status !== 201 || position === null) throw new Error(`a write was answered ${answer.status}`)
    return { position, answeredAt: performance.now() }
  }
  let after = (await write(0)).position
  const polled: number[] = []
  const answered: number[] = []
  for (let n = 1; n <= writes; n += 1) {
    const polls = Array.from({ length: readers }, () => poll(server, after))
    await pause(settleMilliseconds)
    const sentAt = performance.now()
    const written = write(n)
    for (const { events, next, answeredAt } of await Promise.all(polls)) {
      if (events.length !== 1) throw new Error(`a poll gave ${events.length} events`)
      polled.push(answeredAt - sentAt)
      after = next
    }
    answered.push((await written).answeredAt - sentAt)
  }
  return { polls: latencyOf(polled), answers: latencyOf(answered) }
}
