import { randomBytes } from 'node:crypto'
import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { signatureHeaders, webhookSecret } from '../../relay/webhook-signature.ts'

const key = randomBytes(32)
const [older, newer] = [webhookSecret(key, 'subscription', 1), webhookSecret(key, 'subscription', 2)]
const body = JSON.stringify({ type: 'PersonRegistered', name: 'Ana Betz, ñandú 🦤' })

const verify = (secret: string, text: string, headers: object): unknown =>
  new Webhook(secret).verify(text, { ...headers })

describe('the signature of a webhook', () => {
  const headers = signatureHeaders([older, newer], 'msg_1', new Date(), body)

  it.each([
    ['the older', older],
    ['the newer', newer],
  ])('is verified by a receiver that knows %s of two live secrets', (_, secret) => {
    expect(verify(secret, body, headers)).toEqual(JSON.parse(body))
  })

  it('is one signature when one secret is live', () => {
    const single = signatureHeaders([newer], 'msg_1', new Date(), body)
    expect(single['webhook-signature']).toMatch(/^v1,[\w+/]{43}=$/)
    expect(verify(newer, body, single)).toEqual(JSON.parse(body))
    expect(() => verify(older, body, single)).toThrow(WebhookVerificationError)
  })

  it.each([
    ['another body', `${body} `, headers],
    ['another id', body, { ...headers, 'webhook-id': 'msg_2' }],
    [
      'another time',
      body,
      { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) },
    ],
  ])('is not verified for %s', (_, text, given) => {
    expect(() => verify(newer, text, given)).toThrow('No matching signature found')
  })

  it('is not verified with another secret', () => {
    const other = webhookSecret(key, 'another subscription', 1)
    expect(() => verify(other, body, headers)).toThrow('No matching signature found')
  })

  it('is the one that the specification computes', () => {
    // The example of the libraries of Standard Webhooks.
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
    const example = signatureHeaders([secret], id, new Date(1_614_265_330_000), '{"test": 2432232314}')
    expect(example).toEqual({
      'webhook-id': id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })
})

describe('the secret of a subscription', () => {
  it('is whsec_ and 32 bytes in base64', () => {
    expect(older).toMatch(/^whsec_[\w+/]{43}=$/)
  })

  it('is the same whenever it is derived', () => {
    expect(webhookSecret(new Uint8Array(key), 'subscription', 1)).toBe(older)
  })

  it.each([
    ['version', key, 'subscription', 2],
    ['subscription', key, 'subscription 1', 1],
    ['key', randomBytes(32), 'subscription', 1],
  ])('is another for another %s', (_, otherKey, subscription, version) => {
    expect(webhookSecret(otherKey, subscription, version)).not.toBe(older)
  })
})
