import type { Grant } from '../../auth/access-table.ts'

const nodesWith = ({ scopes, anyScope }: Grant): string => {
  const all = (anyScope ?? scopes ?? []).map(name => `\`${name}\``)
  if (all.length === 0) return 'Nodes may not.'
  if (anyScope !== undefined) return `Nodes: with the scope ${all.join(' or ')}.`
  return `Nodes: with the scope${all.length === 1 ? '' : 's'} ${all.join(' and ')}.`
}

/** Who may, in words. */
export const whoMay = (grant: Grant): string => {
  const { people } = grant
  const nodes = nodesWith(grant)
  if (people === 'nobody') return nodes
  if (people === 'everybody') return `People: every active one. ${nodes}`
  const { endpoint, methods, reach, ownIsEverybodys } = people
  const roles = `a role that lists \`${endpoint}\` under ${methods.join(' or ')}`
  const far = {
    own: `${roles}; one that is not global reaches what is about its holder`,
    nowhere: `a global role that lists \`${endpoint}\` under ${methods.join(' or ')}`,
    anybody: `${roles}, global or not`,
  }[reach]
  return `People: ${ownIsEverybodys ? 'one’s own, everybody; another’s, ' : ''}${far}. ${nodes}`
}

/** Each entry is a way in; the scopes of one entry are all needed. */
export const securityOf = ({ people, scopes, anyScope }: Grant) => [
  ...(people === 'nobody' ? [] : [{ basic: [] }]),
  ...(scopes === undefined ? [] : [{ oauth2: scopes }]),
  ...(anyScope ?? []).map(scope => ({ oauth2: [scope] })),
]
