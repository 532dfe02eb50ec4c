import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Client, Reply } from '../../support/client.ts'
import { describeUnless } from '../../support/describe-unless.ts'
import { type Combination, embedded, isMixed, noEngines } from '../../support/engines.ts'
import { asRoot, type HubProcesses, startHubProcesses } from '../../support/hub-processes.ts'
import { bySecret, enroll, tokenOf, withToken } from '../../support/nodes.ts'
import type { RunningHub, Runtime } from '../../support/process.ts'

interface Message {
  readonly id: string
  readonly from: string
  readonly body: { readonly n: number } | null
  readonly content?: { readonly sha256: string }
  readonly states: Readonly<Record<string, string>>
}
const messageIn = ({ json }: Reply) => json as Message
const inboxIn = ({ json }: Reply) => json as { readonly messages: readonly Message[]; readonly next: string }

/** The way of the README: an order is sent, and taken from the inbox. */
const sendAndReceive = async (
  hub: string,
  hospitalToken: string,
  labToken: string,
  carryOut: (from: string, order: unknown) => Promise<void>,
) => {
  // As printed in the README.
  const request = async (token: string, path: string, body?: object) => {
    const answer = await fetch(`${hub}${path}`, {
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    })
    return JSON.parse(await answer.text())
  }

  // The hospital sends an order; the laboratory may be away.
  const order = { person: 'ESPGNU777ORG', test: 'blood count' }
  const { id } = await request(hospitalToken, '/messages', { to: ['lab'], type: 'order', body: order })

  // The laboratory waits for messages, and acknowledges what it has done: else it is given it again.
  const { messages } = await request(labToken, '/messages?wait=30')
  for (const message of messages) {
    await carryOut(message.from, message.body)
    await request(labToken, '/messages/acks', { ids: [message.id] })
  }

  // The hospital sees what has become of it: { lab: 'acknowledged' }.
  const { states } = await request(hospitalToken, `/messages/${id}`)
  // So far.
  return states
}

const scopes = ['messages:send', 'messages:read']
/**
 * All of them where that takes seconds: a server's part of it does not grow with them. Where each server is tested with
 * its like as well, as few as there can be with an image among them.
 */
const ordersOn = (runtime: Runtime, combination: Combination): number =>
  isMixed(combination) ? 35 : runtime === 'node' && combination === embedded ? 500 : 60
const names = ['hospital', 'clinic', 'practice']
const image = new TextEncoder().encode('an image '.repeat(30_000))

/** Runs `work` for each, some at a time. */
const eachOf = async <A>(all: readonly A[], work: (one: A) => Promise<unknown>): Promise<void> => {
  for (let at = 0; at < all.length; at += 16) await Promise.all(all.slice(at, at + 16).map(work))
}

/** A laboratory's weekend from outside: the same under every runtime, on all engines. */
export const weekend = (runtime: Runtime, combination: Combination) => {
  describeUnless(
    noEngines(combination),
    `a laboratory that is away, under ${runtime} on ${combination.join(' and ')}`,
    () => {
      let processes: HubProcesses
      let hub: RunningHub
      let lab: Client
      const tokens = new Map<string, string>()
      const sent = new Map<string, readonly string[]>()
      const orders = ordersOn(runtime, combination)
      const received: Message[] = []
      /** The last of its acknowledgements that the laboratory knows of. */
      let position: string | null = null
      const as = (name: string): Client => withToken(hub.url, tokens.get(name) ?? '')

      beforeAll(async () => {
        processes = await startHubProcesses({}, runtime, combination)
        hub = await processes.serve()
        for (const name of [...names, 'lab']) {
          const secret = await enroll(asRoot(hub), name, scopes)
          tokens.set(name, await tokenOf(hub.url, name, bySecret(secret)))
        }
        lab = as('lab')
      })
      afterAll(() => processes?.stop())

      /** Sends orders one after the other, every tenth of them twice, and one as an image. */
      const sendOrders = async (name: string, count: number): Promise<readonly string[]> => {
        const ids: string[] = []
        for (let n = 0; n < count; n += 1) {
          const isImage = name === 'clinic' && n === 11
          const order = { to: ['lab'], type: 'order', ...(isImage ? { content: true } : { body: { n } }) }
          const isTwice = n % 10 === 0
          const headers = isTwice ? { 'Idempotency-Key': `order-${n}` } : undefined
          const first = await as(name).post('/messages', order, headers)
          expect(first.status, first.text).toBe(201)
          const { id } = messageIn(first)
          if (isTwice) expect(messageIn(await as(name).post('/messages', order, headers)).id).toBe(id)
          if (isImage)
            expect((await as(name).send('PUT', `/messages/${id}/content`, { body: image })).status).toBe(201)
          ids.push(id)
        }
        return ids
      }

      const acknowledged = ({ headers }: Reply) => {
        position = headers.get('Thalamus-Position') ?? position
      }

      /** Takes pages one after the other, at most so many, until nothing waits; acknowledges each, or dies before. */
      const carryOut = async (pages: number, end: 'acknowledges' | 'dies'): Promise<readonly Message[]> => {
        const taken: Message[] = []
        let after = ''
        for (let n = 0; n < pages; n += 1) {
          const seen = position === null ? {} : { 'Thalamus-Min-Position': position }
          const page = inboxIn(await lab.get(`/messages?wait=1&limit=${orders / 5}${after}`, seen))
          if (page.messages.length === 0) return taken
          taken.push(...page.messages)
          after = `&after=${page.next}`
          if (end === 'dies') continue
          const [one, ...others] = page.messages.map(({ id }) => id)
          const ack = await lab.send('POST', `/messages/${one}/ack`)
          expect(ack.status).toBe(204)
          acknowledged(ack)
          const acks = await lab.post('/messages/acks', { ids: others })
          expect(acks.json).toEqual({ states: Object.fromEntries(others.map(id => [id, 'acknowledged'])) })
          acknowledged(acks)
        }
        return taken
      }

      it(`is sent ${orders} orders by three others at the same time, which wait for it`, async () => {
        const counts = names.map((_, i) => Math.ceil((orders - i) / names.length))
        const ids = await Promise.all(names.map((name, i) => sendOrders(name, counts[i] ?? 0)))
        for (const [i, name] of names.entries()) sent.set(name, ids[i] ?? [])
        expect(new Set(ids.flat()).size).toBe(orders)
        const [first] = sent.get('hospital') ?? []
        expect(messageIn(await as('hospital').get(`/messages/${first}`)).states).toEqual({ lab: 'queued' })
      })

      it('is given all of them in the order of each sender, and those it died with a second time', async () => {
        received.push(...(await carryOut(2, 'acknowledges')))
        const lost = (await carryOut(1, 'dies')).map(({ id }) => id)
        const rest = await carryOut(orders, 'acknowledges')
        expect(lost.length).toBeGreaterThan(0)
        expect(rest.slice(0, lost.length).map(({ id }) => id)).toEqual(lost)
        received.push(...rest)
        expect(received).toHaveLength(orders)
        for (const [name, ids] of sent)
          expect(received.filter(({ from }) => from === name).map(({ id }) => id)).toEqual(ids)
        for (const { from, id, body } of received)
          if (body !== null) expect(sent.get(from)?.[body.n]).toBe(id)
      })

      it('reads what came as content, as it was sent', async () => {
        const [message] = received.filter(({ content }) => content !== undefined)
        expect(message?.content?.sha256).toBe(createHash('sha256').update(image).digest('hex'))
        const content = await lab.get(`/messages/${message?.id}/content`)
        expect([content.status, content.text]).toEqual([200, 'an image '.repeat(30_000)])
      })

      it('has an empty inbox then, and its senders see that all was acknowledged', async () => {
        const seen = { 'Thalamus-Min-Position': position ?? '' }
        expect(inboxIn(await lab.get('/messages', seen)).messages).toEqual([])
        for (const [name, ids] of sent)
          await eachOf(ids, async id => {
            const message = messageIn(await as(name).get(`/messages/${id}`))
            expect(message.states).toEqual({ lab: 'acknowledged' })
          })
      })

      it('waits for the next order, and is sent it as the README shows', async () => {
        const { next } = inboxIn(await lab.get('/messages'))
        const waiting = lab.get(`/messages?wait=30&after=${next}`)
        const bodies: unknown[] = []
        const states = await sendAndReceive(
          hub.url,
          tokens.get('hospital') ?? '',
          tokens.get('lab') ?? '',
          async (from, order) => {
            bodies.push([from, order])
          },
        )
        expect(bodies).toEqual([['hospital', { person: 'ESPGNU777ORG', test: 'blood count' }]])
        expect(states).toEqual({ lab: 'acknowledged' })
        expect(inboxIn(await waiting).messages).toMatchObject([{ from: 'hospital', type: 'order' }])
      })
    },
  )
}
