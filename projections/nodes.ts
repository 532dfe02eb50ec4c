import { z } from 'zod'
import { type Json, type JsonObject, member } from '../domain/json.ts'
import { evolveNode, nodeEventTypes } from '../domain/nodes.ts'
import { keyOfStream } from '../domain/resource.ts'
import { projection } from './projection.ts'
import type { ModelShape } from './read-store.ts'

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
