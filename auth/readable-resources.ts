import { catalogue } from '../domain/catalogue.ts'
import { accessTable, itemPath } from './access-table.ts'
import type { Policy, Principal } from './policy.ts'

/** The resources whose events somebody may be shown: those of which they may read every item. */
export const readableResources = (policy: Policy, principal: Principal): readonly string[] =>
  catalogue
    .filter(
      resource => policy.reach(principal, accessTable.get(itemPath(resource))?.grants.GET) === 'everything',
    )
    .map(({ name }) => name)
