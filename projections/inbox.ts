import { type JsonObject, jsonText } from '../domain/json.ts'
import { type Envelope, messageEvents, parseEnvelope } from '../domain/message-shapes.ts'
import { messageEventTypes } from '../domain/messages.ts'
import { keyOfStream } from '../domain/resource.ts'
import { projection } from './projection.ts'
import type { Document, ModelShape } from './read-store.ts'

/** The recipient, of a message that can be given; null while the bytes of its body are awaited. */
export const waitingField = 'waiting'
/** The position of the event that brought it to its recipients. */
export const arrivedField = 'arrived'
/** When it expires (`Instant`). */
export const expiresField = 'expires'

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

/** A message as it waits for a recipient. */
export interface WaitingMessage {
  readonly envelope: Envelope
  /** Whether the recipient was given it before. */
  readonly isDelivered: boolean
}

/** No client id holds a colon. */
export const inboxKey = (recipient: string, message: string): string => `${recipient}:${message}`

export const parseWaiting = (text: string): WaitingMessage | undefined => {
  const data: JsonObject = JSON.parse(text)
  const envelope = parseEnvelope(data)
  return envelope === undefined ? undefined : { envelope, isDelivered: data.delivered === true }
}

const waitingText = ({ envelope, isDelivered }: WaitingMessage): string =>
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
      message: WaitingMessage,
      arrived: bigint | null,
    ): Document => ({
      key,
      revision,
      position,
      text: waitingText(message),
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
      const message = parseWaiting(before.text)
      if (message === undefined) return []
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
