import { z } from 'zod'
import { boundedList } from './fields.ts'
import { scopes as everyScope, isScope } from './scopes.ts'

const clientId = z.string().meta({ pattern: '^[a-z0-9._-]{1,64}$' })
const name = z
  .string({ error: 'must be a text' })
  .refine(text => /\S/.test(text) && text.length <= 200, { error: 'must have 1 to 200 characters' })
  .meta({ pattern: '\\S', maxLength: 200 })
const scopes = boundedList(
  z
    .string({ error: 'must be a text' })
    .refine(isScope, { error: 'is no scope of this hub' })
    .meta({ enum: [...everyScope] }),
  200,
  'must be a list of scopes, such as ["people:read", "pols:write"]',
)
const institution = z
  .string({ error: 'must be the id of an institution' })
  .refine(text => /^[A-Za-z0-9._~:-]{1,128}$/.test(text), {
    error: 'must be the id of an institution: 1 to 128 of A–Z a–z 0–9 . _ ~ : -',
  })
  .meta({ pattern: '^[A-Za-z0-9._~:-]{1,128}$' })

const text = z.string({ error: 'must be a text' })
const shared = {
  kid: text.min(1, { error: 'must not be empty' }).max(200).optional(),
  use: z.literal('sig', { error: 'must be sig' }).optional(),
  key_ops: z
    .array(z.string())
    .refine(operations => operations.includes('verify'), { error: 'must hold verify, or be left out' })
    .meta({ contains: { const: 'verify' } })
    .optional(),
}
const signs = <const Algorithms extends readonly string[]>(algorithms: Algorithms) =>
  z.enum(algorithms, { error: `must be ${algorithms.join(' or ')}, or be left out` }).optional()
const never = z.never({ error: 'is a part of a private key: send the public key only' }).optional()
const isPublic = { d: never, p: never, q: never, dp: never, dq: never, qi: never, oth: never, k: never }

/** Public keys that can sign client assertions (RFC 7517): Ed25519, P-256, and RSA from 2048 bits on. */
const key = z.discriminatedUnion(
  'kty',
  [
    z.looseObject({
      ...shared,
      ...isPublic,
      kty: z.literal('OKP'),
      alg: signs(['EdDSA', 'Ed25519']),
      crv: z.literal('Ed25519'),
      x: text.length(43),
    }),
    z.looseObject({
      ...shared,
      ...isPublic,
      kty: z.literal('EC'),
      alg: signs(['ES256']),
      crv: z.literal('P-256'),
      x: text.length(43),
      y: text.length(43),
    }),
    z.looseObject({
      ...shared,
      ...isPublic,
      kty: z.literal('RSA'),
      alg: signs(['PS256', 'RS256']),
      e: text.max(8),
      n: text.min(342).max(1366),
    }),
  ],
  { error: 'must be a public key: kty OKP with Ed25519, EC with P-256, or RSA' },
)
const jwks = z.strictObject(
  {
    keys: boundedList(key, 10, 'must be a list of keys')
      .refine(keys => keys.length > 0, {
        error: 'must hold a key',
      })
      .meta({ minItems: 1 }),
  },
  { error: 'must be a JWK set: {"keys": […]}' },
)

/** What may be said when a node is enrolled, beside its `client_id`. */
export const enrollmentShape = z.strictObject({
  client_id: clientId.optional(),
  name,
  scopes,
  institution: institution.nullish(),
  jwks: jwks.nullish(),
})

/** A merge patch of a node. */
export const nodePatchShape = z.strictObject({
  client_id: clientId.optional(),
  name: name.optional(),
  scopes: scopes.optional(),
  institution: institution.nullish(),
  jwks: jwks.nullish(),
})
