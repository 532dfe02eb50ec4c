import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { NewEvent, RecordedEvent } from '../../domain/event.ts'
import { inbox, inboxKey, inboxProjection, readExpired, readWaiting } from '../../projections/inbox.ts'
import type { ModelCheckpoint } from '../../projections/read-store.ts'
import { sqliteReadStore } from '../../stores/sqlite/read-store.ts'
import { right } from '../support/either.ts'
import { envelopeOf, eventOf, messageSent, personRegistered } from '../support/events.ts'
import { eventsOf } from '../support/feed.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type Opened, openAll, projectAll } from '../support/projecting.ts'

const body = { id: 'b2', size: 9, sha256: 'bb' }
const contentStored = (...to: readonly string[]) =>
  eventOf('MessageContentStored', { to, contentType: 'image/png', body })
const delivered = (recipient: string) => eventOf('MessageDelivered', { recipient })
const acknowledged = (recipient: string) => eventOf('MessageAcknowledged', { recipient })
const expired = (...recipients: readonly string[]) => eventOf('MessageExpired', { recipients })

/** A hub whose log holds these events: each with its message, in this order. */
const recorded = async (...history: readonly (readonly [string, NewEvent])[]): Promise<Opened> => {
  const hub = await openAll()
  const revisions = new Map<string, number>()
  for (const [id, event] of history) {
    const before = revisions.get(id)
    await right(hub.log.append(`message-${id}`, before ?? 'no-stream', [event]))
    revisions.set(id, (before ?? -1) + 1)
  }
  return hub
}
const projected = async (...history: readonly (readonly [string, NewEvent])[]): Promise<Opened> => {
  const hub = await recorded(...history)
  await projectAll(hub, [inboxProjection])
  return hub
}

const page = ({ store }: Opened, recipient = 'lab', after = 0n, limit = 100) =>
  right(readWaiting(store, recipient, after, { limit, mostBytes: 1e6 }))
const idsIn = async (hub: Opened, recipient?: string) =>
  (await page(hub, recipient)).messages.map(({ envelope: { id } }) => id)
const held = ({ store }: Opened, recipient: string, id: string) =>
  right(store.get(inbox, inboxKey(recipient, id)))

describe('the inbox', () => {
  it('has nothing that expired before a projector has begun it', async () => {
    const folder = temporaryFolder()
    const store = sqliteReadStore(join(folder.path, 'read.db'))
    expect(await right(readExpired(store, '2100-01-01T00:00:00Z', 10))).toEqual([])
    await store.close()
    folder.remove()
  })

  it('holds a message for each of its recipients, as it was sent', async () => {
    const hub = await projected(['m1', messageSent('m1', { to: ['lab', 'clinic'] })])
    for (const recipient of ['lab', 'clinic'])
      expect(await page(hub, recipient)).toMatchObject({
        messages: [{ envelope: envelopeOf('m1', { to: ['lab', 'clinic'] }), isDelivered: false }],
        more: false,
      })
    expect(await idsIn(hub, 'hospital')).toEqual([])
  })

  it('holds messages in the order in which they arrived', async () => {
    const hub = await projected(
      ['m2', messageSent('m2')],
      ['m3', messageSent('m3')],
      ['m1', messageSent('m1')],
    )
    expect(await idsIn(hub)).toEqual(['m2', 'm3', 'm1'])
  })

  it('notes that a message was delivered, and leaves it where it is', async () => {
    const hub = await projected(
      ['m1', messageSent('m1', { to: ['lab', 'clinic'] })],
      ['m2', messageSent('m2')],
      ['m1', delivered('lab')],
    )
    expect((await page(hub)).messages).toMatchObject([
      { envelope: { id: 'm1' }, isDelivered: true },
      { envelope: { id: 'm2' }, isDelivered: false },
    ])
    expect((await page(hub, 'clinic')).messages).toMatchObject([{ isDelivered: false }])
  })

  it('holds a message no more for whoever acknowledged it', async () => {
    const hub = await projected(
      ['m1', messageSent('m1', { to: ['lab', 'clinic'] })],
      ['m1', acknowledged('lab')],
    )
    expect(await idsIn(hub)).toEqual([])
    expect(await idsIn(hub, 'clinic')).toEqual(['m1'])
    expect(await held(hub, 'lab', 'm1')).toMatchObject({ text: null, revision: 1 })
  })

  it('holds a message no more for those for whom it has expired', async () => {
    const hub = await projected(
      ['m1', messageSent('m1', { to: ['lab', 'clinic', 'morgue'], expires: '2026-01-02T00:00:00' })],
      ['m1', expired('lab', 'clinic')],
    )
    expect([await idsIn(hub, 'lab'), await idsIn(hub, 'clinic'), await idsIn(hub, 'morgue')]).toEqual([
      [],
      [],
      ['m1'],
    ])
  })

  it('holds a message with content once that is stored, as what arrived then', async () => {
    const announced = messageSent('m1', { content: true })
    const before = await projected(['m1', announced], ['m2', messageSent('m2')])
    expect(await idsIn(before)).toEqual(['m2'])
    const hub = await projected(
      ['m1', announced],
      ['m2', messageSent('m2')],
      ['m1', contentStored('lab')],
      ['m3', messageSent('m3')],
    )
    expect(await idsIn(hub)).toEqual(['m2', 'm1', 'm3'])
    expect((await page(hub)).messages[1]?.envelope).toMatchObject({ contentType: 'image/png', body })
  })

  it('gives nobody content that comes when the message has expired', async () => {
    const hub = await projected(
      ['m1', messageSent('m1', { content: true, expires: '2026-01-02T00:00:00' })],
      ['m1', expired('lab')],
      ['m1', contentStored('lab')],
    )
    expect(await idsIn(hub)).toEqual([])
  })

  it('keeps what was acknowledged away, whatever comes later', async () => {
    const hub = await projected(
      ['m1', messageSent('m1')],
      ['m1', acknowledged('lab')],
      ['m1', delivered('lab')],
      ['m1', expired('lab')],
    )
    expect(await idsIn(hub)).toEqual([])
    expect(await held(hub, 'lab', 'm1')).toMatchObject({ text: null, revision: 1 })
  })

  it('is the same when every event comes again', async () => {
    const hub = await projected(
      ['m1', messageSent('m1', { to: ['lab', 'clinic'], content: true })],
      ['m2', messageSent('m2')],
      ['m1', contentStored('lab', 'clinic')],
      ['m2', delivered('lab')],
      ['m1', acknowledged('clinic')],
    )
    const generation = await right(hub.store.served(inbox))
    const documents = await right(hub.store.documentsAfter(generation, undefined, 100))
    const byKey = new Map(documents.map(document => [document.key, document]))
    expect(documents).toHaveLength(3)
    // A store keeps what it holds of a later position.
    for (const event of await eventsOf(hub.feed))
      for (const change of inboxProjection.apply(event, key => byKey.get(key), 0n)) {
        const before = byKey.get(change.key)
        if (before === undefined || change.position >= before.position) expect(change).toEqual(before)
      }
  })

  it('needs the documents of the recipients that an event names', async () => {
    const hub = await recorded(
      ['m1', messageSent('m1', { to: ['lab', 'clinic'], content: true })],
      ['m1', contentStored('lab', 'clinic')],
      ['m1', delivered('lab')],
      ['m1', expired('clinic')],
    )
    const events = (await eventsOf(hub.feed)).filter(({ stream }) => stream === 'message-m1')
    expect(events.map(inboxProjection.needs)).toEqual([
      [],
      ['lab:m1', 'clinic:m1'],
      ['lab:m1'],
      ['clinic:m1'],
    ])
  })

  it('takes no notice of other events', async () => {
    const { event, metadata } = personRegistered('ANA')
    const other: RecordedEvent = { event, metadata, id: 'e', stream: 'person-ANA', revision: 0, position: 1n }
    expect(inboxProjection.needs(other)).toEqual([])
    expect(inboxProjection.apply(other, () => undefined, 0n)).toEqual([])
  })
})

describe('a page of the inbox', () => {
  const three = () =>
    projected(['m1', messageSent('m1')], ['m2', messageSent('m2')], ['m3', messageSent('m3')])

  it('ends where it was told to, and goes on after that', async () => {
    const hub = await three()
    const first = await page(hub, 'lab', 0n, 2)
    expect(first).toMatchObject({
      messages: [{ envelope: { id: 'm1' } }, { envelope: { id: 'm2' } }],
      more: true,
    })
    const rest = await page(hub, 'lab', first.messages[1]?.arrived ?? 0n, 2)
    expect(rest).toMatchObject({ messages: [{ envelope: { id: 'm3' } }], more: false })
    expect((await page(hub, 'lab', rest.messages[0]?.arrived ?? 0n)).messages).toEqual([])
  })

  it('goes on after a place whose message is gone', async () => {
    const hub = await three()
    const [first] = (await page(hub)).messages
    await right(hub.log.append('message-m1', 0, [acknowledged('lab')]))
    await projectAll(hub, [inboxProjection])
    expect((await page(hub, 'lab', first?.arrived)).messages.map(({ envelope: { id } }) => id)).toEqual([
      'm2',
      'm3',
    ])
  })

  it('says how far the inbox has come, and holds nothing that arrived later', async () => {
    const hub = await three()
    const all = await page(hub)
    expect(all.upTo).toBe(await right(hub.feed.head()))
    // What a batch has written of which the checkpoint knows nothing yet: others of it may still come before.
    const upTo = all.messages[1]?.arrived ?? 0n
    const checkpoint: Opened['store']['checkpoint'] = async model =>
      E.map((reached: ModelCheckpoint) => ({ ...reached, position: upTo }))(await hub.store.checkpoint(model))
    const early = { ...hub, store: { ...hub.store, checkpoint } }
    expect(await idsIn(early)).toEqual(['m1', 'm2'])
    expect((await page(early)).upTo).toBe(upTo)
  })
})
