import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { MeasuredServer } from './load.ts'
import { accountOf, pageOf } from './seed.ts'
import { rootHeaders } from './stores.ts'

const waitSeconds = 30
/** Until every poll waits. */
const settleMilliseconds = 100

const page = z.object({ events: z.array(z.unknown()), next: z.string() })

/** Milliseconds from the sending of a write to the answer of a long poll that waited for it. */
export interface WakeUps {
  readonly median: number
  readonly p99: number
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
  const write = async (n: number): Promise<string> => {
    const [account, id] = [accountOf(n), randomUUID()]
    const answer = await fetch(`${server.url}/pols/${account}/${id}`, {
      method: 'POST',
      headers: { ...rootHeaders, 'Content-Type': 'application/json', Prefer: 'respond-async' },
      body: JSON.stringify(pageOf(account, id, n)),
    })
    await answer.text()
    const position = answer.headers.get('thalamus-position')
    if (answer.status !== 201 || position === null) throw new Error(`a write was answered ${answer.status}`)
    return position
  }
  let after = await write(0)
  const times: number[] = []
  for (let n = 1; n <= writes; n += 1) {
    const polls = Array.from({ length: readers }, () => poll(server, after))
    await pause(settleMilliseconds)
    const sentAt = performance.now()
    const written = write(n)
    for (const { events, next, answeredAt } of await Promise.all(polls)) {
      if (events.length !== 1) throw new Error(`a poll gave ${events.length} events`)
      times.push(answeredAt - sentAt)
      after = next
    }
    await written
  }
  const sorted = times.sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return { median: at(0.5), p99: at(0.99) }
}
