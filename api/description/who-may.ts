import type { Grant } from '../../auth/access-table.ts'

const nodesWith = (scopes: readonly string[]): string => {
  const names = scopes.map(scope => `\`${scope}\``).join(' and ')
  return scopes.length === 0
    ? 'Nodes may not.'
    : `Nodes: with the scope${scopes.length === 1 ? '' : 's'} ${names}.`
}

/** Who may, in words. */
export const whoMay = ({ people, scopes }: Grant): string => {
  const nodes = nodesWith(scopes ?? [])
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
export const securityOf = ({ people, scopes }: Grant) => [
  ...(people === 'nobody' ? [] : [{ basic: [] }]),
  ...(scopes === undefined ? [] : [{ oauth2: scopes }]),
]
