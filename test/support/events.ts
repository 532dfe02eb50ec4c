import { schemaVersionOf } from '../../domain/catalogue.ts'
import type { NewEvent } from '../../domain/event.ts'
import type { JsonObject } from '../../domain/json.ts'
import type { Envelope } from '../../domain/message-shapes.ts'

let made = 0

/** An event as a command would leave it; ids are deterministic within a file. */
export const eventOf = (
  type: string,
  data: JsonObject,
  more: Partial<NewEvent['metadata']> = {},
): NewEvent => {
  made += 1
  return {
    id: `00000000-0000-5000-8000-${String(made).padStart(12, '0')}`,
    event: { type, data },
    metadata: {
      commandId: `command-${made}`,
      actor: { kind: 'person', id: 'ITAPYT999HON' },
      requestId: `request-${made}`,
      schemaVersion: schemaVersionOf(type),
      recordedAt: '2026-01-02T03:04:05.000Z',
      ...more,
    },
  }
}

export const personRegistered = (id: string, more: JsonObject = {}): NewEvent =>
  eventOf('PersonRegistered', { ...more, id, active: true, roles: ['end_user'] }, { subject: id })

export const personChanged = (patch: JsonObject): NewEvent => eventOf('PersonChanged', patch)

export const pageWritten = (book: string, id: string, more: JsonObject = {}): NewEvent =>
  eventOf('PageWritten', { ...more, id, book }, { subject: book })

/** The envelope of a message of two bytes to a laboratory; with `content`, of one whose bytes follow. */
export const envelopeOf = (id: string, more: Partial<Envelope> = {}): Envelope => ({
  id,
  from: 'hospital',
  to: ['lab'],
  type: 'order',
  sentAt: '2026-01-01T00:00:00.000Z',
  ...(more.content === true ? {} : { body: { id: 'b1', size: 2, sha256: 'aa' } }),
  ...more,
})

export const messageSent = (id: string, more: Partial<Envelope> = {}): NewEvent =>
  eventOf('MessageSent', { ...envelopeOf(id, more) })
