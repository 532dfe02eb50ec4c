import { describe, expect, it } from 'vitest'
import type { Grant } from '../../auth/access-table.ts'
import { makePolicy } from '../../auth/policy.ts'

const policy = makePolicy(new Map())
const isOpen = (grant: Grant, ...scopes: readonly string[]) =>
  policy.permits({ kind: 'node', id: 'lab', scopes }, grant, undefined)

describe('a grant that needs two scopes', () => {
  const grant: Grant = { people: 'nobody', scopes: ['history:read', 'pols:read'] }

  it('is open to a node that holds both', () => {
    expect(isOpen(grant, 'history:read', 'pols:read')).toBe(true)
    expect(isOpen(grant, 'pols:read', 'feed:read', 'history:read')).toBe(true)
  })
  it('is closed to a node that holds one of them, or none', () => {
    expect(isOpen(grant, 'history:read')).toBe(false)
    expect(isOpen(grant, 'pols:read', 'people:read')).toBe(false)
    expect(isOpen(grant)).toBe(false)
  })
})

describe('a grant without scopes', () => {
  it('is closed to every node', () => {
    expect(isOpen({ people: 'everybody' }, 'people:read')).toBe(false)
  })
})
