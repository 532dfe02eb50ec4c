import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { EventLog } from '../../commands/event-log.ts'
import { type CommandContext, commandHandler } from '../../commands/handle.ts'
import type { MessageBodies } from '../../commands/message-bodies.ts'
import { keptMilliseconds, messages, type StoreMessageContent } from '../../commands/messages.ts'
import { makeTurns } from '../../commands/turns.ts'
import type { Envelope, KeptBody } from '../../domain/message-shapes.ts'
import type { MessageState } from '../../domain/messages.ts'
import { openLog } from '../../stores/codec.ts'
import { memoryLog } from '../../stores/memory/event-log.ts'
import { memoryMessageBodies } from '../../stores/memory/message-bodies.ts'
import { left, right } from '../support/either.ts'
import { eventOf } from '../support/events.ts'
import { eventsIn } from '../support/feed.ts'
import { testKeys } from '../support/keys.ts'

const [hour, day] = [3_600_000, 24 * 3_600_000]
const start = Date.UTC(2026, 0)

/** A hub's messages in memory, at a time that tests set; the standing of this process knows `lab` and `lab-2` alone. */
const open = async (disturb: (log: EventLog) => EventLog = log => log) => {
  const { log } = await right(openLog(memoryLog(), testKeys))
  const bodies = memoryMessageBodies()
  let clock = start
  const now = () => new Date(clock)
  const handle = commandHandler({ log: disturb(log), turns: makeTurns(100), now })
  const isRecipient = (clientId: string) => ['lab', 'lab-2'].includes(clientId)
  return {
    log,
    bodies,
    handle,
    messages: messages({ log: disturb(log), handle, bodies, isRecipient, now }),
    later: (milliseconds: number) => {
      clock += milliseconds
    },
    /** Ids of bodies that are there. */
    held: async () => (await right(bodies.due(Number.MAX_SAFE_INTEGER, 1_000))).map(({ id }) => id),
  }
}
type Opened = Awaited<ReturnType<typeof open>>

let commands = 0
const context = (more: Partial<CommandContext> = {}): CommandContext => {
  commands += 1
  return { actor: { kind: 'node', id: 'hospital' }, requestId: 'r', commandId: `c${commands}`, ...more }
}

const envelope = (id: string, more: Partial<Envelope> = {}) => ({
  id,
  from: 'hospital',
  to: ['lab'],
  type: 'order',
  sentAt: new Date(start).toISOString(),
  ...more,
})
const body = Buffer.from('{}')

const send = ({ messages }: Pick<Opened, 'messages'>, id: string, more: Partial<Envelope> = {}) =>
  messages.send({
    envelope: envelope(id, more),
    body: more.content === true ? undefined : body,
    context: context(),
  })
const bodyOf = (state: MessageState): KeptBody => {
  if (state.is === 'absent' || state.envelope.body === undefined) throw new Error('there is no body')
  return state.envelope.body
}
const sent = async (hub: Opened, id: string, more: Partial<Envelope> = {}): Promise<KeptBody> =>
  bodyOf((await right(send(hub, id, more))).state)

async function* bytesOf(text: string) {
  yield Buffer.from(text)
}
const store = (
  { messages }: Pick<Opened, 'messages'>,
  text: string,
  more: Partial<StoreMessageContent<never>> = {},
) =>
  messages.storeContent<never>({
    id: 'm1',
    sender: 'hospital',
    contentType: 'text/plain',
    bytes: bytesOf(text),
    limit: 100,
    arrived: () => E.right(context()),
    ...more,
  })

/** A log that writes nothing that is of this type. */
const withoutWriting =
  (type: string) =>
  (log: EventLog): EventLog => ({
    ...log,
    append: async (stream, expected, events) =>
      events.some(({ event }) => event.type === type)
        ? E.left({ _tag: 'LogUnavailable', cause: 'disk', outcomeUnknown: true })
        : log.append(stream, expected, events),
  })

describe('a message', () => {
  it('is sent with its body, whose bytes lie apart', async () => {
    const hub = await open()
    const kept = await sent(hub, 'm1')
    const [first] = await eventsIn(hub.log, 'message-m1')
    expect(first?.event).toEqual({ type: 'MessageSent', data: { ...envelope('m1'), body: kept } })
    const bytes = await right(hub.bodies.read(kept))
    expect(Buffer.concat(await Array.fromAsync(bytes ?? []))).toEqual(body)
  })

  it('finds a recipient that another process has enrolled a moment ago', async () => {
    const hub = await open()
    const enrolled = eventOf('NodeEnrolled', { client_id: 'clinic', name: 'Clinic', scopes: [] })
    await right(hub.log.append('node-clinic', 'no-stream', [enrolled]))
    await right(send(hub, 'm1', { to: ['lab', 'clinic'] }))
  })

  it('is refused to a node that is retired, or never was, and names each', async () => {
    const hub = await open()
    const enrolled = eventOf('NodeEnrolled', { client_id: 'old', name: 'Old', scopes: [] })
    await right(hub.log.append('node-old', 'no-stream', [enrolled, eventOf('NodeRetired', {})]))
    const refused = await left(send(hub, 'm1', { to: ['old', 'lab', 'never-was'] }))
    expect(refused).toMatchObject({
      _tag: 'Invalid',
      errors: [{ pointer: '/to/0' }, { pointer: '/to/2' }],
    })
    expect(await hub.held()).toEqual([])
  })

  it('looks for no node under a name that none can have', async () => {
    const streams: string[] = []
    const hub = await open(log => ({
      ...log,
      read: (stream, from) => {
        streams.push(stream)
        return log.read(stream, from)
      },
    }))
    expect(await left(send(hub, 'm1', { to: ['x'.repeat(5_000), 'A', '..'] }))).toMatchObject({
      errors: [{}, {}, {}],
    })
    expect(streams).toEqual(['message-m1'])
  })

  it('is kept nowhere where it is refused', async () => {
    const hub = await open()
    const expires = '2025-01-01T00:00:00'
    expect(await left(send(hub, 'm1', { expires }))).toMatchObject({ errors: [{ pointer: '/expires' }] })
    await sent(hub, 'm2')
    expect(await left(send(hub, 'm2'))).toMatchObject({ _tag: 'ExistsWithOtherContent' })
    expect(await hub.held()).toHaveLength(1)
  })

  it('leaves a body to be looked at later where it is unknown whether an event names it', async () => {
    const hub = await open(withoutWriting('MessageSent'))
    expect(await left(send(hub, 'm1'))).toMatchObject({ _tag: 'LogUnavailable' })
    expect(await right(hub.bodies.due(start + hour, 9))).toEqual([])
    expect(await right(hub.bodies.due(start + hour + 1, 9))).toMatchObject([{ message: 'm1' }])
  })

  it('never was under an id that none can have', async () => {
    const { messages } = await open()
    for (const id of ['', '..', 'a b', 'x'.repeat(129)]) {
      expect(await right(messages.read(id))).toMatchObject({ state: { is: 'absent' }, revision: -1 })
      expect(await left(messages.acknowledge(id, 'lab', context()))).toMatchObject({ _tag: 'NeverWas' })
    }
  })

  it('is delivered, acknowledged and expired once, however often that is said', async () => {
    const hub = await open()
    await sent(hub, 'm1', { to: ['lab'], expires: '2026-01-02T00:00:00' })
    for (const isNew of [true, false])
      expect((await right(hub.messages.deliver('m1', 'lab', context()))).added).toBe(isNew)
    expect((await right(hub.messages.expire('m1', context()))).added).toBe(false)
    hub.later(day)
    for (const isNew of [true, false])
      expect((await right(hub.messages.expire('m1', context()))).added).toBe(isNew)
    for (const isNew of [true, false])
      expect((await right(hub.messages.acknowledge('m1', 'lab', context()))).added).toBe(isNew)
  })

  it('is delivered to all its recipients at once', async () => {
    const hub = await open()
    await sent(hub, 'm1', { to: ['lab', 'lab-2'] })
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        right(hub.messages.deliver('m1', n % 2 === 0 ? 'lab' : 'lab-2', context())),
      ),
    )
    expect(all.filter(({ added }) => added)).toHaveLength(2)
  })
})

describe('the content of a message', () => {
  const announced = async (disturb?: (log: EventLog) => EventLog) => {
    const hub = await open(disturb)
    await right(send(hub, 'm1', { content: true }))
    return hub
  }

  it('is stored once; the same bytes again are not kept', async () => {
    const hub = await announced()
    const kept = bodyOf((await right(store(hub, 'bytes'))).state)
    expect((await right(store(hub, 'bytes'))).added).toBe(false)
    expect(await left(store(hub, 'other'))).toMatchObject({ _tag: 'ExistsWithOtherContent' })
    expect(await hub.held()).toEqual([kept.id])
  })

  it('is that of one sender where two send it at once', async () => {
    const hub = await announced()
    const outcomes = await Promise.all(['one', 'two', 'one'].map(text => store(hub, text)))
    const named = bodyOf((await right(hub.messages.read('m1'))).state)
    expect(outcomes.some(E.isRight)).toBe(true)
    expect(await hub.held()).toEqual([named.id])
  })

  it('is not read where it would be refused', async () => {
    const hub = await announced()
    let isRead = false
    async function* watched() {
      isRead = true
      yield Buffer.from('bytes')
    }
    for (const [more, tag] of [
      [{ sender: 'lab' }, 'FieldNotAllowed'],
      [{ sender: 'clinic' }, 'NeverWas'],
      [{ id: 'm2' }, 'NeverWas'],
    ] as const)
      expect(await left(store(hub, '', { ...more, bytes: watched() }))).toMatchObject({ _tag: tag })
    expect(isRead).toBe(false)
  })

  it.each([
    ['is too large', { limit: 4 }, 'ContentTooLarge'],
    ['is not what was announced', { arrived: () => E.left({ _tag: 'Digest' }) }, 'Digest'],
  ] as const)('is removed where it %s', async (_, more, tag) => {
    const hub = await announced()
    expect(await left(store(hub, 'bytes', more as object))).toMatchObject({ _tag: tag })
    expect(await hub.held()).toEqual([])
  })

  it('is left to be looked at later where it is unknown whether an event names it', async () => {
    const hub = await announced(withoutWriting('MessageContentStored'))
    expect(await left(store(hub, 'bytes'))).toMatchObject({ _tag: 'LogUnavailable' })
    expect(await hub.held()).toHaveLength(1)
    hub.later(hour + 1)
    await right(hub.messages.sweepBodies())
    expect(await hub.held()).toEqual([])
  })

  it('is kept once by a request that is sent again with its key', async () => {
    const hub = await announced()
    const keyed = { arrived: () => E.right(context({ commandId: 'k', fingerprint: 'f' })) }
    const first = await right(store(hub, 'bytes', keyed))
    expect(await right(store(hub, 'bytes', keyed))).toEqual(first)
    expect(await hub.held()).toEqual([bodyOf(first.state).id])
  })
})

describe('the sweep of bodies', () => {
  /** Sweeps until there is nothing more to look at. */
  const sweep = async ({ messages }: Opened): Promise<void> => {
    while (await right(messages.sweepBodies()));
  }

  it('removes after an hour what no event names', async () => {
    const hub = await open()
    const named = await sent(hub, 'm1')
    for (const message of ['m1', 'never-was']) await right(hub.bodies.keep(message, [body], 9, start + hour))
    hub.later(hour)
    await sweep(hub)
    expect(await hub.held()).toHaveLength(3)
    hub.later(1)
    await sweep(hub)
    expect(await hub.held()).toEqual([named.id])
  })

  it('keeps the body of a message for as long as somebody waits for it', async () => {
    const hub = await open()
    const kept = await sent(hub, 'm1')
    for (let days = 0; days < 400; days += 20) {
      hub.later(20 * day)
      await sweep(hub)
    }
    expect(await hub.held()).toEqual([kept.id])
  })

  it('removes it thirty days after the last recipient acknowledged it, not sooner', async () => {
    const hub = await open()
    await right(
      hub.log.append('node-clinic', 'no-stream', [
        eventOf('NodeEnrolled', { client_id: 'clinic', name: 'Clinic', scopes: [] }),
      ]),
    )
    await sent(hub, 'm1', { to: ['lab', 'clinic'] })
    await right(hub.messages.acknowledge('m1', 'lab', context()))
    hub.later(10 * day)
    await sweep(hub)
    await right(hub.messages.acknowledge('m1', 'clinic', context()))
    hub.later(keptMilliseconds - 1)
    await sweep(hub)
    expect(await hub.held()).toHaveLength(1)
    hub.later(2)
    await sweep(hub)
    expect(await hub.held()).toEqual([])
  })

  it.each([true, false])('removes it thirty days after it has expired (recorded: %s)', async isRecorded => {
    const hub = await open()
    await sent(hub, 'm1', { expires: '2026-01-05T00:00:00' })
    hub.later(4 * day)
    if (isRecorded) await right(hub.messages.expire('m1', context()))
    await sweep(hub)
    hub.later(keptMilliseconds - 1)
    await sweep(hub)
    expect(await hub.held()).toHaveLength(1)
    hub.later(2)
    await sweep(hub)
    expect(await hub.held()).toEqual([])
  })

  it('looks at a few at a time, and says whether there are more', async () => {
    const hub = await open()
    for (let n = 0; n < 201; n += 1) await right(hub.bodies.keep(`m${n}`, [body], 9, start))
    hub.later(1)
    expect(await right(hub.messages.sweepBodies())).toBe(true)
    expect(await hub.held()).toHaveLength(1)
    expect(await right(hub.messages.sweepBodies())).toBe(false)
    expect(await hub.held()).toEqual([])
  })

  it('is held up by no message that cannot be read, and keeps its body', async () => {
    const unreadable = {
      _tag: 'EventUnreadable',
      stream: 'message-m1',
      position: 1n,
      reason: 'damaged',
    } as const
    let isDamaged = false
    const hub = await open(log => ({
      ...log,
      read: async (stream, from) =>
        isDamaged && stream === 'message-m1' ? E.left(unreadable) : log.read(stream, from),
    }))
    const kept = await sent(hub, 'm1')
    await right(hub.bodies.keep('m2', [body], 9, start + hour))
    isDamaged = true
    hub.later(2 * hour)
    await sweep(hub)
    expect(await hub.held()).toEqual([kept.id])
  })

  it('stops where the log or the store is away, and removes nothing', async () => {
    let isAway = false
    const hub = await open(log => ({
      ...log,
      read: async (stream, from) =>
        isAway ? E.left({ _tag: 'LogUnavailable', cause: 'net' }) : log.read(stream, from),
    }))
    await right(hub.bodies.keep('m1', [body], 9, start))
    hub.later(1)
    isAway = true
    expect(await left(hub.messages.sweepBodies())).toMatchObject({ _tag: 'LogUnavailable' })
    expect(await hub.held()).toHaveLength(1)
    const away: MessageBodies = {
      ...hub.bodies,
      due: async () => E.left({ _tag: 'ContentUnavailable', cause: 'net' }),
    }
    const { log, handle } = hub
    const others = messages({ log, handle, bodies: away, isRecipient: () => true, now: () => new Date() })
    expect(await left(others.sweepBodies())).toMatchObject({ _tag: 'ContentUnavailable' })
  })
})
