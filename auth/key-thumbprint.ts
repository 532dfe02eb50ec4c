import { hash } from 'node:crypto'

/** In the order of RFC 7638, section 3. */
const requiredMembers: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

/** The SHA-256 thumbprint of a public JWK, in base64url (RFC 7638; RFC 8037, appendix A.3). */
export const thumbprintOf = (jwk: Readonly<Record<string, unknown>>): string => {
  const required = (requiredMembers[String(jwk.kty)] ?? []).map(name => [name, jwk[name]])
  return hash('sha256', JSON.stringify(Object.fromEntries(required)), 'base64url')
}
