import { z } from 'zod'
import * as E from '#fp/Either'
import { type Json, type JsonObject, member } from '../domain/json.ts'
import { evolveNode, nodeEventTypes } from '../domain/nodes.ts'
import { keyOfStream } from '../domain/resource.ts'
import type { EventFeed } from './event-feed.ts'
import { projection } from './projection.ts'
import type { ModelShape, ReadModels } from './read-store.ts'
import type { ReadUnavailable } from './read-unavailable.ts'
import { readWhole, type Whole } from './read-whole.ts'

/** The nodes of the federation, by client id: what `/nodes` answers, and what standing starts from. */
export const nodes: ModelShape = { name: 'nodes', version: 2, fields: {}, indexes: [] }

/** A node with the revision of its stream that it was read at. */
export interface NodeAt {
  readonly revision: number
  readonly item: JsonObject
}

const isItem = z.custom<JsonObject>(value => typeof value === 'object' && value !== null)
const shape: z.ZodType<NodeAt> = z.object({ revision: z.int(), item: isItem })

export const parseNodeText = (text: string): NodeAt => shape.parse(JSON.parse(text) satisfies Json)

export const nodesProjection = projection({
  shape: nodes,
  events: nodeEventTypes,
  needs: ({ stream, revision }) => (revision > 0 ? [keyOfStream(stream)] : []),
  apply: ({ event, stream, revision, position }, document) => {
    const key = keyOfStream(stream)
    const before = revision === 0 ? undefined : document(key)
    if (before !== undefined && before.revision >= revision) return []
    const text = before?.text ?? undefined
    const item = evolveNode(text === undefined ? undefined : parseNodeText(text).item, event)
    return item === undefined || member(item, 'client_id') === undefined
      ? []
      : [{ key, revision, position, text: JSON.stringify({ revision, item }), fields: {} }]
  },
})

/** The node of this client id; undefined where there is none. */
export const readNode = async (
  reads: Pick<ReadModels, 'get'>,
  clientId: string,
): Promise<E.Either<ReadUnavailable, NodeAt | undefined>> => {
  const held = await reads.get(nodes, clientId)
  if (E.isLeft(held)) return held
  const text = held.right?.text
  return E.right(typeof text === 'string' ? parseNodeText(text) : undefined)
}

/** Every node, if the read model is of this very log and answers; else none, at the log's beginning. */
export const allNodes = (
  reads: Pick<ReadModels, 'checkpoint' | 'find'>,
  feed: Pick<EventFeed, 'eventIdAt'>,
): Promise<Whole<NodeAt>> => readWhole(reads, feed, nodes, parseNodeText)
