import type { ModelCheckpoint } from '../projections/read-store.ts'

/** Where a read model stands that was just begun. */
export const startOfLog: ModelCheckpoint = { position: 0n, eventId: '', clock: 0n }
