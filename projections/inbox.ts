import * as E from '#fp/Either'
import { type JsonObject, jsonText } from '../domain/json.ts'
import { type Envelope, messageEvents, parseEnvelope } from '../domain/message-shapes.ts'
import { messageEventTypes } from '../domain/messages.ts'
import { keyOfStream } from '../domain/resource.ts'
import { projection } from './projection.ts'
import type { Document, DocumentPage, ModelShape, ReadModels } from './read-store.ts'
import type { ReadUnavailable } from './read-unavailable.ts'

/** The recipient, of a message that can be given; null while the bytes of its body are awaited. */
const waitingField = 'waiting'
/** The position of the event that brought it to its recipients. */
const arrivedField = 'arrived'
/** When it expires (`Instant`). */
const expiresField = 'expires'

/**
 * What waits for each recipient: a document for each message and recipient until the recipient acknowledges it or the message
 * expires; then a tombstone, which no index holds.
 */
export const inbox: ModelShape = {
  name: 'inbox',
  version: 1,
  fields: { [waitingField]: 'text', [arrivedField]: 'integer', [expiresField]: 'text' },
  indexes: [
    { fields: [waitingField, arrivedField], where: waitingField },
    { fields: [expiresField], where: expiresField },
  ],
}

/** A message that a recipient has not acknowledged. */
interface HeldMessage {
  readonly envelope: Envelope
  /** Whether the recipient was given it before. */
  readonly isDelivered: boolean
}

/** No client id holds a colon. */
export const inboxKey = (recipient: string, message: string): string => `${recipient}:${message}`

const parseHeld = (text: string): HeldMessage => {
  const data: JsonObject = JSON.parse(text)
  const envelope = parseEnvelope(data)
  if (envelope === undefined) throw new Error('the inbox holds what is no message')
  return { envelope, isDelivered: data.delivered === true }
}

const heldText = ({ envelope, isDelivered }: HeldMessage): string =>
  jsonText({ ...envelope, delivered: isDelivered })

const recipientsIn = (type: string, data: JsonObject): readonly string[] => {
  const names = type === 'MessageExpired' ? data.recipients : (data.to ?? [data.recipient ?? ''])
  return Array.isArray(names) ? names.map(String) : []
}

export const inboxProjection = projection({
  shape: inbox,
  events: messageEventTypes,
  needs: ({ event, stream, revision }) =>
    revision === 0
      ? []
      : recipientsIn(event.type, event.data).map(recipient => inboxKey(recipient, keyOfStream(stream))),
  apply: ({ event, stream, revision, position }, document) => {
    const { type, data } = event
    const id = keyOfStream(stream)

    const documentOf = (
      key: string,
      recipient: string,
      message: HeldMessage,
      arrived: bigint | null,
    ): Document => ({
      key,
      revision,
      position,
      text: heldText(message),
      fields: {
        [waitingField]: arrived === null ? null : recipient,
        [arrivedField]: arrived,
        [expiresField]: message.envelope.expires ?? null,
      },
    })

    return recipientsIn(type, data).flatMap((recipient): readonly Document[] => {
      const key = inboxKey(recipient, id)
      if (type === 'MessageSent') {
        const envelope = parseEnvelope(data)
        if (envelope === undefined) return []
        return [
          documentOf(
            key,
            recipient,
            { envelope, isDelivered: false },
            envelope.body === undefined ? null : position,
          ),
        ]
      }
      const before = document(key)
      if (before === undefined || before.position >= position || before.text === null) return []
      const message = parseHeld(before.text)
      const arrived = before.fields[arrivedField]
      switch (type) {
        case 'MessageContentStored': {
          const { contentType, body } = messageEvents.MessageContentStored.parse(data)
          return [
            documentOf(
              key,
              recipient,
              { ...message, envelope: { ...message.envelope, contentType, body } },
              position,
            ),
          ]
        }
        case 'MessageDelivered':
          return [
            documentOf(
              key,
              recipient,
              { ...message, isDelivered: true },
              typeof arrived === 'bigint' ? arrived : null,
            ),
          ]
        case 'MessageAcknowledged':
        case 'MessageExpired':
          return [{ key, revision, position, text: null, fields: {} }]
      }
      return []
    })
  },
})

/** A message as it waits for a recipient. */
export interface WaitingMessage extends HeldMessage {
  /** Its place in the inbox. */
  readonly arrived: bigint
}

export interface WaitingPage {
  readonly messages: readonly WaitingMessage[]
  /** More wait after these. */
  readonly more: boolean
  /** How far the inbox has come: what arrived later is not among them. */
  readonly upTo: bigint
}

/**
 * What waits for a recipient after a place, the oldest first. The checkpoint is read before: what a batch that is half
 * written has brought is not there yet, for others of it may come before.
 */
export const readWaiting = async (
  reads: Pick<ReadModels, 'checkpoint' | 'find'>,
  recipient: string,
  after: bigint,
  { limit, mostBytes }: { readonly limit: number; readonly mostBytes: number },
): Promise<E.Either<ReadUnavailable, WaitingPage>> => {
  const checkpoint = await reads.checkpoint(inbox)
  if (E.isLeft(checkpoint)) return checkpoint
  const upTo = checkpoint.right.position
  const page = await reads.find(inbox, {
    equals: { [waitingField]: recipient },
    ranges: [{ field: arrivedField, from: after + 1n, until: upTo + 1n }],
    orderedBy: arrivedField,
    descending: false,
    limit,
    mostBytes,
  })
  return E.map(({ documents, more }: DocumentPage) => ({
    messages: documents.flatMap(({ text, orderedBy }) =>
      typeof orderedBy === 'bigint' ? [{ ...parseHeld(text), arrived: orderedBy }] : [],
    ),
    more,
    upTo,
  }))(page)
}

const mostExpiredBytes = 8 * 1024 * 1024

/**
 * The ids of messages that somebody has not acknowledged and that had expired by a time in UTC (`Instant`); none where the
 * projector has not begun the read model yet.
 */
export const readExpired = async (
  reads: Pick<ReadModels, 'checkpoint' | 'find'>,
  now: string,
  limit: number,
): Promise<E.Either<ReadUnavailable, readonly string[]>> => {
  const checkpoint = await reads.checkpoint(inbox)
  if (E.isLeft(checkpoint)) return checkpoint
  if (checkpoint.right.position === 0n) return E.right([])
  const page = await reads.find(inbox, {
    equals: {},
    ranges: [{ field: expiresField, until: now }],
    orderedBy: expiresField,
    descending: false,
    limit,
    mostBytes: mostExpiredBytes,
  })
  return E.map(({ documents }: DocumentPage) => [
    ...new Set(documents.map(({ text }) => parseHeld(text).envelope.id)),
  ])(page)
}

/** What waits for a node. */
export interface InboxState {
  /** Messages; as many as were to be counted at most where there are more. */
  readonly size: number
  /** When the one that waits longest was sent (ISO 8601); null where none waits. */
  readonly oldest: string | null
}

/** How much waits for a recipient, as far as one counts. */
export const readInboxState = async (
  reads: Pick<ReadModels, 'checkpoint' | 'find' | 'count'>,
  recipient: string,
  mostCounted: number,
): Promise<E.Either<ReadUnavailable, InboxState>> => {
  const [size, first] = await Promise.all([
    reads.count(inbox, { [waitingField]: recipient }, mostCounted),
    readWaiting(reads, recipient, 0n, { limit: 1, mostBytes: 0 }),
  ])
  if (E.isLeft(size)) return size
  return E.map(({ messages }: WaitingPage) => ({
    size: size.right,
    oldest: messages[0]?.envelope.sentAt ?? null,
  }))(first)
}
