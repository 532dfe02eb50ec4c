import { expect, it } from 'vitest'
import { mostPositions } from '../../auth/erasure.ts'
import { signCertificate } from '../../auth/erasure-certificate.ts'
import { openSigningKeys } from '../../auth/signing-keys.ts'
import { formatPosition } from '../../domain/position.ts'
import { memoryAuthStore } from '../../stores/memory/auth-store.ts'
import { right } from '../support/either.ts'

it('a certificate with as many positions as there may be, of any length, is no larger than an append', async () => {
  const [key] = await right(openSigningKeys(memoryAuthStore()))
  if (key === undefined) throw new Error('no key')
  const longest = formatPosition({ id: 'a'.repeat(32), epoch: 9 }, 2n ** 63n - 1n)
  const certificate = await signCertificate(key, {
    hub: 'a'.repeat(32),
    account: 'A'.repeat(64),
    reason: 'r'.repeat(1_000),
    erasedBy: { kind: 'person', id: 'A'.repeat(64) },
    erasedAt: '2026-01-01T00:00:00.000Z',
    events: mostPositions,
    positions: Array.from({ length: mostPositions }, () => longest),
    inClear: 0,
    contents: 0,
    remains: [],
  })
  expect(certificate.length).toBeLessThan(1_000_000)
})
