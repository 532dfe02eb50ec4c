import { z } from 'zod'
import type { StoredEvent, StoredNewEvent } from '../stored.ts'

type JsonValue = Record<string, unknown> | unknown[]

const isContainer = (value: unknown): value is JsonValue => typeof value === 'object' && value !== null

/**
 * The client takes and gives values, not texts. A JSON object or array that comes back from it letter by letter is
 * stored as such; any other text (other spellings, or no JSON at all) as the JSON string that holds it.
 */
const jsonOf = (text: string): JsonValue | string => {
  try {
    const value: unknown = JSON.parse(text)
    return isContainer(value) && JSON.stringify(value) === text ? value : text
  } catch {
    return text
  }
}

const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8')
  return value === undefined ? '' : JSON.stringify(value)
}

/** An event as the client sends it. */
export const sentEvent = ({ id, type, data, metadata }: StoredNewEvent) => ({
  id,
  type,
  contentType: 'application/json' as const,
  data: jsonOf(data),
  metadata: jsonOf(metadata),
})

/** Bytes that an append of these events takes on the server, or a few more. */
export const sizeOf = (events: readonly StoredNewEvent[]): number =>
  events.reduce(
    (sum, { type, data, metadata }) =>
      sum +
      2 * type.length +
      Buffer.byteLength(JSON.stringify(jsonOf(data))) +
      Buffer.byteLength(JSON.stringify(jsonOf(metadata))),
    0,
  )

const shape = z.object({
  event: z.object({
    streamId: z.string(),
    id: z.string(),
    revision: z.bigint(),
    type: z.string(),
    position: z.object({ commit: z.bigint() }),
    data: z.unknown(),
    metadata: z.unknown(),
  }),
})

/** Any event of the server; its stream's name is the server's. Throws where there is none. */
export const parseRecord = (item: unknown): StoredEvent => {
  const { streamId, id, revision, type, position, data, metadata } = shape.parse(item).event
  return {
    id,
    stream: streamId,
    revision: Number(revision),
    position: position.commit,
    type,
    data: textOf(data),
    metadata: textOf(metadata),
  }
}
