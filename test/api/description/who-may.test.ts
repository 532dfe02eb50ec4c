import { describe, expect, it } from 'vitest'
import { securityOf, whoMay } from '../../../api/description/who-may.ts'

describe('an operation that needs two scopes', () => {
  const grant = { people: 'nobody', scopes: ['history:read', 'pols:read'] } as const

  it('names both', () => {
    expect(whoMay(grant)).toBe('Nodes: with the scopes `history:read` and `pols:read`.')
  })
  it('needs both of one token', () => {
    expect(securityOf(grant)).toEqual([{ oauth2: ['history:read', 'pols:read'] }])
  })
})

describe('an operation of nodes that one of two scopes opens', () => {
  const grant = { people: 'nobody', anyScope: ['messages:send', 'messages:read'] } as const

  it('names both, and no people', () => {
    expect(whoMay(grant)).toBe('Nodes: with the scope `messages:send` or `messages:read`.')
  })
  it('needs one of them', () => {
    expect(securityOf(grant)).toEqual([{ oauth2: ['messages:send'] }, { oauth2: ['messages:read'] }])
  })
})

describe('an operation that no scope opens', () => {
  it('is for people only', () => {
    expect(whoMay({ people: 'everybody' })).toBe('People: every active one. Nodes may not.')
    expect(securityOf({ people: 'everybody' })).toEqual([{ basic: [] }])
  })
})
