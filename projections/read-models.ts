import { catalogue } from '../domain/catalogue.ts'
import { accountsProjection } from './accounts.ts'
import { erasuresProjection } from './erasures.ts'
import { inboxProjection } from './inbox.ts'
import { itemsProjection } from './items.ts'
import { nodesProjection } from './nodes.ts'
import type { Projection } from './projection.ts'
import { subscriptionsProjection } from './subscriptions.ts'
import { versionsProjection } from './versions.ts'

/** Every read model of the hub. */
export const projections: readonly Projection[] = [
  ...catalogue.map(itemsProjection),
  versionsProjection,
  accountsProjection,
  erasuresProjection,
  nodesProjection,
  inboxProjection,
  subscriptionsProjection,
]
