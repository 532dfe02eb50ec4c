import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'undici'
import { z } from 'zod'
import type { MeasuredServer } from './load.ts'
import type { Cost } from './measure.ts'

/** A node and one connection of it. */
export interface Caller {
  readonly id: string
  readonly token: string
}

/** Messages of a sender that its recipient has not acknowledged: beyond them the sender waits. */
const mostWaiting = 32
const waitSeconds = 5

const inboxPage = z.object({ messages: z.array(z.object({ id: z.string() })) })

const callsOf = (hub: MeasuredServer, { token }: Caller) => {
  const client = new Client(hub.url)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  let calls = 0
  return {
    calls: () => calls,
    call: async (method: 'GET' | 'POST', path: string, expected: number, body?: object): Promise<string> => {
      calls += 1
      const answer = await client.request({
        method,
        path,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await answer.body.text()
      if (answer.statusCode !== expected)
        throw new Error(`${method} ${path} was answered ${answer.statusCode}: ${text}`)
      return text
    },
    close: () => client.close(),
  }
}

export interface Exchanged extends Cost {
  /** Messages that were acknowledged; the operations are requests. */
  readonly messages: number
}

const costOn = async (hub: MeasuredServer, work: () => Promise<number>): Promise<Cost> => {
  const [before, start] = [await hub.used(), performance.now()]
  const operations = await work()
  const milliseconds = performance.now() - start
  const after = await hub.used()
  return { operations, milliseconds, cpuMilliseconds: after.cpuMilliseconds - before.cpuMilliseconds }
}

/** Each sender sends to the recipient of its number as fast as it is answered; that one polls, and acknowledges what it gets. */
export const exchange = async (
  hub: MeasuredServer,
  senders: readonly Caller[],
  recipients: readonly Caller[],
  seconds: number,
): Promise<Exchanged> => {
  let messages = 0
  const pair = async (sender: Caller, recipient: Caller): Promise<number> => {
    const [sending, receiving] = [callsOf(hub, sender), callsOf(hub, recipient)]
    let [sent, acknowledged] = [0, 0]
    let isOver = false
    const send = async () => {
      const until = performance.now() + seconds * 1000
      while (performance.now() < until) {
        while (sent - acknowledged >= mostWaiting) await pause(1)
        const body = {
          test: 'CBC',
          patient: 'ESPGNU777ORG',
          n: sent,
          notes: 'Blood count, fasting. '.repeat(10),
        }
        await sending.call('POST', '/messages', 201, { to: [recipient.id], type: 'order', body })
        sent += 1
      }
      isOver = true
    }
    const receive = async () => {
      while (!isOver || acknowledged < sent) {
        const text = await receiving.call('GET', `/messages?wait=${isOver ? 0 : waitSeconds}`, 200)
        const ids = inboxPage.parse(JSON.parse(text)).messages.map(({ id }) => id)
        if (ids.length === 0) continue
        await receiving.call('POST', '/messages/acks', 200, { ids })
        acknowledged += ids.length
      }
    }
    await Promise.all([send(), receive()])
    messages += acknowledged
    await Promise.all([sending.close(), receiving.close()])
    return sending.calls() + receiving.calls()
  }
  const cost = await costOn(hub, async () => {
    const calls = await Promise.all(senders.map((sender, n) => pair(sender, recipients[n] ?? sender)))
    return calls.reduce((all, some) => all + some, 0)
  })
  return { ...cost, messages }
}

/** The bare limit: as many connections, each with the same small GET over and over. */
export const repeatGet = (
  hub: MeasuredServer,
  callers: readonly Caller[],
  path: string,
  seconds: number,
): Promise<Cost> =>
  costOn(hub, async () => {
    const until = performance.now() + seconds * 1000
    const all = callers.map(async caller => {
      const { call, calls, close } = callsOf(hub, caller)
      while (performance.now() < until) await call('GET', path, 200)
      await close()
      return calls()
    })
    return (await Promise.all(all)).reduce((sum, calls) => sum + calls, 0)
  })
