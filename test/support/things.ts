import type {
  Document,
  ModelCheckpoint,
  ModelShape,
  ReadModels,
  ReadModelWriter,
} from '../../projections/read-store.ts'

export type OpenReadStore = () => Promise<ReadModels & ReadModelWriter & { close: () => Promise<void> }>

/** A read model as tests of the stores need it: no resource of the hub's own. */
export const things: ModelShape = {
  name: 'things',
  version: 1,
  fields: { owner: 'text', at: 'text', flag: 'integer' },
  indexes: [{ fields: ['owner', 'at'], also: ['flag'] }],
}

/** A read model of versions, as tests of the stores need it. */
export const revisions: ModelShape = {
  name: 'revisions',
  version: 1,
  fields: { valid_from: 'integer', valid_to: 'integer', clock_from: 'integer', clock_to: 'integer' },
  validity: { from: 'valid_from', to: 'valid_to', clockFrom: 'clock_from', clockTo: 'clock_to' },
  indexes: [{ fields: ['valid_from'] }],
}

/** A version that is valid from one position and time until another; without the second it is open. */
export const revision = (
  key: string,
  [from, clockFrom]: readonly [bigint, bigint],
  [to, clockTo]: readonly [bigint, bigint | null] = [2n ** 63n - 1n, null],
): Document => ({
  key,
  revision: 0,
  position: from,
  text: JSON.stringify({ key }),
  fields: { valid_from: from, valid_to: to, clock_from: clockFrom, clock_to: clockTo },
})

export const thing = (key: string, position: bigint, more: Partial<Document> = {}): Document => ({
  key,
  revision: 0,
  position,
  text: JSON.stringify({ key }),
  fields: { owner: 'A', at: '2020', flag: null },
  ...more,
})

export const checkpointAt = (position: bigint): ModelCheckpoint => ({
  position,
  eventId: `e${position}`,
  clock: position,
})
