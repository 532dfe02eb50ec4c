import type { Document, ModelShape, ReadModels, ReadModelWriter } from '../../projections/read-store.ts'

export type OpenReadStore = () => Promise<ReadModels & ReadModelWriter & { close: () => Promise<void> }>

/** A read model as tests of the stores need it: no resource of the hub's own. */
export const things: ModelShape = {
  name: 'things',
  version: 1,
  fields: { owner: 'text', at: 'text', flag: 'integer' },
  indexes: [{ fields: ['owner', 'at'], also: ['flag'] }],
}

export const thing = (key: string, position: bigint, more: Partial<Document> = {}): Document => ({
  key,
  revision: 0,
  position,
  text: JSON.stringify({ key }),
  fields: { owner: 'A', at: '2020', flag: null },
  ...more,
})

export const checkpointAt = (position: bigint) => ({ position, eventId: `e${position}` })
