import { isObject, type JsonObject } from '../../domain/json.ts'
import type { FeedEntry } from '../../projections/feed-entry.ts'

interface Counts {
  written: number
  corrected: number
}

interface State {
  readonly byNode: Record<string, Counts>
  /** The node that wrote each item last, by its stream: a correction says only what it changes. */
  readonly lastNode: Record<string, string>
}

export const initial: State = { byNode: {}, lastNode: {} }

const nodeIn = (data: JsonObject | undefined): string | undefined => {
  const info = data?.modification_info ?? data?.creation_info
  return isObject(info) && typeof info.node === 'string' ? info.node : undefined
}

export const apply = (state: State, { stream, revision, data, actor }: FeedEntry): State => {
  const node = actor.node ?? nodeIn(data) ?? state.lastNode[stream]
  if (node === undefined) return state
  state.lastNode[stream] = node
  state.byNode[node] ??= { written: 0, corrected: 0 }
  state.byNode[node][revision === 0 ? 'written' : 'corrected'] += 1
  return state
}

export const result = ({ byNode }: State) => byNode
