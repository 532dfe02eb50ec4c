import { hkdfSync } from 'node:crypto'
import { Webhook } from 'standardwebhooks'

/** The headers of Standard Webhooks 1.0 (https://www.standardwebhooks.com), symmetric signatures. */
export interface SignatureHeaders {
  readonly 'webhook-id': string
  /** Seconds since 1970. */
  readonly 'webhook-timestamp': string
  /** `v1,` and the HMAC-SHA-256 of id, timestamp and body in base64; one for each secret, with spaces between. */
  readonly 'webhook-signature': string
}

/**
 * Signs a body with each live secret (`whsec_` and base64): two while a secret is replaced, so that the receiver may
 * know either. The id stays the same when the same entry is sent again. Throws for a secret that is not base64.
 */
export const signatureHeaders = (
  secrets: readonly string[],
  id: string,
  timestamp: Date,
  body: string,
): SignatureHeaders => ({
  'webhook-id': id,
  'webhook-timestamp': String(Math.floor(timestamp.getTime() / 1_000)),
  'webhook-signature': secrets.map(secret => new Webhook(secret).sign(id, timestamp, body)).join(' '),
})

/**
 * The secret of a subscription, `whsec_` and base64 of 32 bytes: HKDF-SHA-256 (RFC 5869) of a key of the hub, of at
 * least 32 random bytes, without salt. The next version is another secret, and no secret has to be kept.
 */
export const webhookSecret = (key: Uint8Array, subscription: string, version: number): string => {
  const info = JSON.stringify(['webhook secret', subscription, version])
  return `whsec_${Buffer.from(hkdfSync('sha256', key, '', info, 32)).toString('base64')}`
}
