import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { DomainEvent } from '../../domain/event.ts'
import type { JsonObject } from '../../domain/json.ts'
import { isMediaType } from '../../domain/media-type.ts'
import { type Envelope, type KeptBody, mostRecipients, newMessageShape } from '../../domain/message-shapes.ts'
import {
  isClosed,
  type MessageCommand,
  type MessageState,
  messageDecider,
  statesAt,
} from '../../domain/messages.ts'
import { invalidPartsOf } from '../../domain/resource.ts'

const body: KeptBody = { id: 'b1', size: 2, sha256: 'aa' }
const sentAt = '2026-01-01T00:00:00.000Z'
const announced: Envelope = {
  id: 'm1',
  from: 'hospital',
  to: ['lab', 'clinic'],
  type: 'scan',
  sentAt,
  content: true,
}
const { content: _, ...envelope } = { ...announced, type: 'order', contentType: 'application/json', body }
const expires = '2026-01-02T00:00:00'

const send = (sent: Envelope): MessageCommand => ({ _tag: 'Send', envelope: sent })
const store = (more: Partial<Extract<MessageCommand, { _tag: 'StoreContent' }>> = {}): MessageCommand => ({
  _tag: 'StoreContent',
  sender: 'hospital',
  contentType: 'image/png',
  body,
  ...more,
})
const deliver = (recipient: string): MessageCommand => ({ _tag: 'Deliver', recipient })
const acknowledge = (recipient: string): MessageCommand => ({ _tag: 'Acknowledge', recipient })
const expire = (now: string): MessageCommand => ({ _tag: 'Expire', now })

const messageSent = (sent: Envelope = envelope): DomainEvent => ({ type: 'MessageSent', data: { ...sent } })
const contentStored: DomainEvent = {
  type: 'MessageContentStored',
  data: { to: ['lab', 'clinic'], contentType: 'image/png', body },
}
const delivered = (recipient: string): DomainEvent => ({ type: 'MessageDelivered', data: { recipient } })
const acknowledged = (recipient: string): DomainEvent => ({
  type: 'MessageAcknowledged',
  data: { recipient },
})
const expired = (...recipients: readonly string[]): DomainEvent => ({
  type: 'MessageExpired',
  data: { recipients },
})

const { initial, evolve } = messageDecider
const given = (...history: readonly DomainEvent[]): MessageState => history.reduce(evolve, initial)
const present = (...history: readonly DomainEvent[]) => {
  const state = given(...history)
  if (state.is === 'absent') throw new Error('there is no message')
  return state
}
const statesIn = (...history: readonly DomainEvent[]) => Object.fromEntries(present(...history).states)

const decide = (command: MessageCommand, ...history: readonly DomainEvent[]) =>
  messageDecider.decide(command, given(...history))
const events = (...expected: readonly DomainEvent[]) => E.right(expected)
const rejected = (tag: string) => E.left(expect.objectContaining({ _tag: tag }))

describe('Send', () => {
  it('is MessageSent, naming the body and never what it says', () => {
    expect(decide(send(envelope))).toEqual(events(messageSent()))
    expect(given(messageSent())).toMatchObject({ is: 'complete', envelope })
    expect(statesIn(messageSent())).toEqual({ lab: 'queued', clinic: 'queued' })
    expect(given(messageSent(announced))).toMatchObject({ is: 'incomplete', envelope: announced })
  })
  it('accepts a message to its own sender', () => {
    const toItself = { ...envelope, to: ['hospital'] }
    expect(decide(send(toItself))).toEqual(events(messageSent(toItself)))
  })
  it('rejects a message that was sent, and one that has expired when it is sent', () => {
    expect(decide(send(envelope), messageSent())).toEqual(rejected('ExistsWithOtherContent'))
    for (const past of ['2025-12-31T23:59:59', '2026-01-01T00:00:00'])
      expect(decide(send({ ...envelope, expires: past }))).toEqual(rejected('Invalid'))
    for (const future of ['2026-01-01T00:00:00.0001', '2026-01-01T00:00:01'])
      expect(decide(send({ ...envelope, expires: future }))).toMatchObject({ _tag: 'Right' })
  })
})

describe('StoreContent', () => {
  it('is MessageContentStored: from now on the message is complete', () => {
    expect(decide(store(), messageSent(announced))).toEqual(events(contentStored))
    expect(given(messageSent(announced), contentStored)).toMatchObject({
      is: 'complete',
      envelope: { ...announced, contentType: 'image/png', body },
    })
  })
  it('accepts the same bytes again without a new event, wherever they are kept', () => {
    const again = store({ body: { ...body, id: 'b2' } })
    expect(decide(again, messageSent(announced), contentStored)).toEqual(events())
  })
  it('rejects other bytes, or another type, once there are some', () => {
    for (const other of [{ body: { ...body, sha256: 'bb' } }, { contentType: 'image/jpeg' }])
      expect(decide(store(other), messageSent(announced), contentStored)).toEqual(
        rejected('ExistsWithOtherContent'),
      )
  })
  it('rejects whoever did not send it, a message with a body, and one that never was', () => {
    expect(decide(store({ sender: 'lab' }), messageSent(announced))).toEqual(rejected('FieldNotAllowed'))
    expect(decide(store({ sender: 'morgue' }), messageSent(announced))).toEqual(rejected('NeverWas'))
    expect(decide(store(), messageSent())).toEqual(rejected('WrongState'))
    expect(decide(store())).toEqual(rejected('NeverWas'))
  })
})

describe('Deliver', () => {
  it('is MessageDelivered, of this recipient', () => {
    expect(decide(deliver('lab'), messageSent())).toEqual(events(delivered('lab')))
    expect(statesIn(messageSent(), delivered('lab'))).toEqual({ lab: 'delivered', clinic: 'queued' })
  })
  it.each([
    ['was delivered', [messageSent(), delivered('lab')]],
    ['was acknowledged', [messageSent(), acknowledged('lab')]],
    ['has expired', [messageSent(), expired('lab', 'clinic')]],
    ['has not got its content', [messageSent(announced)]],
    ['is for others', [messageSent({ ...envelope, to: ['clinic'] })]],
  ])('accepts a message that %s without a new event', (_, history) => {
    expect(decide(deliver('lab'), ...history)).toEqual(events())
  })
  it('rejects a message that never was', () => {
    expect(decide(deliver('lab'))).toEqual(rejected('NeverWas'))
  })
})

describe('Acknowledge', () => {
  it.each([
    ['was delivered', [messageSent(), delivered('lab')]],
    ['was not recorded as delivered', [messageSent()]],
    ['has expired in the meantime', [messageSent(), delivered('lab'), expired('lab', 'clinic')]],
  ])('is MessageAcknowledged where it %s', (_, history) => {
    expect(decide(acknowledge('lab'), ...history)).toEqual(events(acknowledged('lab')))
    expect(statesIn(...history, acknowledged('lab'))).toMatchObject({ lab: 'acknowledged' })
  })
  it('accepts what was acknowledged without a new event', () => {
    expect(decide(acknowledge('lab'), messageSent(), acknowledged('lab'))).toEqual(events())
  })
  it('rejects its sender, who is told so, and everybody else, who is not', () => {
    expect(decide(acknowledge('hospital'), messageSent())).toEqual(rejected('FieldNotAllowed'))
    expect(decide(acknowledge('morgue'), messageSent())).toEqual(rejected('NeverWas'))
    expect(decide(acknowledge('lab'))).toEqual(rejected('NeverWas'))
  })
  it('rejects a recipient that was given nothing, because the content is not there', () => {
    expect(decide(acknowledge('lab'), messageSent(announced))).toEqual(rejected('NeverWas'))
  })
})

describe('Expire', () => {
  const mortal = messageSent({ ...envelope, expires })
  const later = '2026-01-02T00:00:00.001Z'

  it('is MessageExpired for those who have not acknowledged it', () => {
    expect(decide(expire(later), mortal)).toEqual(events(expired('lab', 'clinic')))
    expect(decide(expire(later), mortal, acknowledged('lab'))).toEqual(events(expired('clinic')))
    expect(statesIn(mortal, acknowledged('lab'), expired('clinic'))).toEqual({
      lab: 'acknowledged',
      clinic: 'expired',
    })
  })
  it.each([
    ['that never expires', later, [messageSent()]],
    ['whose time has not come', '2026-01-01T23:59:59.999Z', [mortal]],
    ['that has expired', later, [mortal, expired('lab', 'clinic')]],
    ['that all have acknowledged', later, [mortal, acknowledged('lab'), acknowledged('clinic')]],
  ])('accepts a message %s without a new event', (_, now, history) => {
    expect(decide(expire(now), ...history)).toEqual(events())
  })
  it('rejects a message that never was', () => {
    expect(decide(expire(later))).toEqual(rejected('NeverWas'))
  })
})

describe('the history of a message', () => {
  it('is folded whatever else is in it, and in whatever order facts were recorded', () => {
    const state = given(messageSent())
    expect(evolve(state, { type: 'SomethingElse', data: {} })).toBe(state)
    expect(given(delivered('lab'))).toEqual(initial)
    expect(given(messageSent({ ...envelope, from: 5 as unknown as string }))).toEqual(initial)
    expect(given(messageSent(), messageSent({ ...envelope, from: 'other' }))).toEqual(state)
    expect(statesIn(messageSent(), acknowledged('lab'), delivered('lab'))).toMatchObject({
      lab: 'acknowledged',
    })
  })
  it('is about nobody', () => {
    expect(messageDecider.subject(given(messageSent()))).toBeUndefined()
  })
})

describe('a message', () => {
  it('is closed when each recipient has acknowledged it or it has expired for them', () => {
    expect(isClosed(present(messageSent()))).toBe(false)
    expect(isClosed(present(messageSent(), acknowledged('lab'), delivered('clinic')))).toBe(false)
    expect(isClosed(present(messageSent(), acknowledged('lab'), acknowledged('clinic')))).toBe(true)
    expect(isClosed(present(messageSent(), acknowledged('lab'), expired('clinic')))).toBe(true)
  })

  it('has expired when its time has come, also where nobody has recorded that', () => {
    const state = present(messageSent({ ...envelope, expires }), acknowledged('lab'), delivered('clinic'))
    const at = (now: string) => Object.fromEntries(statesAt(state, now))
    expect(at('2026-01-01T23:59:59.999Z')).toEqual({ lab: 'acknowledged', clinic: 'delivered' })
    expect(at('2026-01-02T00:00:00.000Z')).toEqual({ lab: 'acknowledged', clinic: 'expired' })
    expect(statesAt(present(messageSent()), '9999-01-01T00:00:00Z')).toEqual(present(messageSent()).states)
  })
})

describe('a new message', () => {
  const least: JsonObject = { to: ['lab'], type: 'order', body: null }
  const pointers = (more: JsonObject) =>
    invalidPartsOf(newMessageShape, { ...least, ...more }).map(part => 'pointer' in part && part.pointer)

  it.each<[string, JsonObject]>([
    ['with the least it must have', {}],
    ['to as many as may be', { to: Array.from({ length: mostRecipients }, (_, n) => `n${n}`) }],
    [
      'with nulls where something may be left out',
      { subject: null, contentType: null, expires: null, replyTo: null },
    ],
    ['with all there is', { subject: 'x', contentType: 'text/plain', expires: '2030-01-01', replyTo: 'm0' }],
  ])('is good %s', (_, more) => {
    expect(pointers(more)).toEqual([])
  })

  it.each<[string, JsonObject, string]>([
    ['nobody', { to: [] }, '/to'],
    ['more than it may be for', { to: Array.from({ length: mostRecipients + 1 }, () => 'n') }, '/to'],
    ['somebody without a name', { to: [5] }, '/to/0'],
    ['no kind of message', { type: ' ' }, '/type'],
    ['a long type', { type: 'x'.repeat(201) }, '/type'],
    ['a long subject', { subject: 'x'.repeat(501) }, '/subject'],
    ['no media type', { contentType: 'json' }, '/contentType'],
    ['no time', { expires: 'soon' }, '/expires'],
    ['no message it replies to', { replyTo: 'a b' }, '/replyTo'],
    ['content that is not announced by true', { content: false }, '/content'],
  ])('is refused for %s', (_, more, pointer) => {
    expect(pointers(more)).toContain(pointer)
  })

  it('has a body or content, not both and not none', () => {
    const { body: _body, ...without } = least
    expect(invalidPartsOf(newMessageShape, without)).toMatchObject([{ pointer: '/body' }])
    expect(invalidPartsOf(newMessageShape, { ...without, content: true })).toEqual([])
    expect(pointers({ content: true })).toEqual(['/body'])
  })
})

describe('a media type', () => {
  it.each(['a/b', 'application/fhir+json', 'text/plain; charset=utf-8', 'a/b;c="d \\" e" ; f=g', 'a/b;'])(
    'may be %s',
    text => {
      expect(isMediaType(text)).toBe(true)
    },
  )
  it.each(['', 'a', 'a/', '/b', 'a/b/c', 'a b/c', 'a/b; c', 'a/b; c="d', 'a/b\r\nX: y', 'ä/b', 'a/b;c=d e'])(
    'is not %j',
    text => {
      expect(isMediaType(text)).toBe(false)
    },
  )
  it('has at most 255 characters, and is told apart from others in no time', () => {
    expect(isMediaType(`a/${'b'.repeat(253)}`)).toBe(true)
    expect(isMediaType(`a/${'b'.repeat(254)}`)).toBe(false)
    const began = performance.now()
    expect(isMediaType(`a/b${'\t; \t'.repeat(60)}=`)).toBe(false)
    expect(performance.now() - began).toBeLessThan(100)
  })
})
