import { liveSecretVersions, type Subscription } from '../domain/subscriptions.ts'
import type { PostOutcome } from './post-outcome.ts'
import type { WebhookClient } from './webhook-client.ts'
import { signatureHeaders, webhookSecret } from './webhook-signature.ts'

export interface SendWebhookDependencies {
  readonly client: Pick<WebhookClient, 'post'>
  /** Of the hub: the secrets of all subscriptions come from it. */
  readonly key: Uint8Array
  readonly now: () => Date
}

/** Posts JSON to a subscription's address, signed with its live secrets (Standard Webhooks 1.0). Never rejects. */
export type SendWebhook = (
  subscription: Subscription,
  /** `webhook-id`: the same whenever the same is sent again. */
  id: string,
  body: string,
  signal: AbortSignal,
  /** Of the request that made the event, passed on as it is (W3C Trace Context). */
  traceparent?: string,
) => Promise<PostOutcome>

export const makeSendWebhook = ({ client, key, now }: SendWebhookDependencies): SendWebhook => {
  // To make one takes longer than to sign with it.
  const made = new WeakMap<Subscription, Map<number, string>>()
  const secretOf = (subscription: Subscription, version: number): string => {
    const versions = made.get(subscription) ?? new Map<number, string>()
    made.set(subscription, versions)
    const secret = versions.get(version) ?? webhookSecret(key, subscription.id, version)
    versions.set(version, secret)
    return secret
  }

  return (subscription, id, body, signal, traceparent) => {
    const timestamp = now()
    const secrets = liveSecretVersions(subscription, timestamp.getTime()).map(version =>
      secretOf(subscription, version),
    )
    const headers = {
      'content-type': 'application/json',
      'thalamus-subscription': subscription.id,
      ...signatureHeaders(secrets, id, timestamp, body),
      ...(traceparent === undefined ? {} : { traceparent }),
    }
    return client.post(subscription.url, headers, body, signal)
  }
}

/** What came of it, in words: no driver's, and without the address. Undefined where it was taken. */
export const deliveryError = (outcome: PostOutcome): string | undefined => {
  switch (outcome.is) {
    case 'answered':
      return outcome.status >= 200 && outcome.status < 300
        ? undefined
        : `the receiver answered ${outcome.status}`
    case 'address refused':
      return 'the address is private or reserved'
    case 'failed':
      return outcome.reason
  }
}
