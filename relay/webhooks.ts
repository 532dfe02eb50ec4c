import { makeSendWebhook, type SendWebhook } from './send-webhook.ts'
import { makeWebhookClient } from './webhook-client.ts'
import { webhookSecret } from './webhook-signature.ts'

/** What a process sends webhooks with. */
export interface Webhooks {
  readonly send: SendWebhook
  /** The secret of a version of a subscription: nothing of it has to be kept. */
  readonly secretOf: (subscription: string, version: number) => string
  readonly close: () => Promise<void>
}

/** `key`: of the hub, 32 random bytes. */
export const makeWebhooks = (key: Uint8Array, allowPrivate: boolean): Webhooks => {
  const client = makeWebhookClient({ allowPrivate })
  return {
    send: makeSendWebhook({ client, key, now: () => new Date() }),
    secretOf: (subscription, version) => webhookSecret(key, subscription, version),
    close: client.close,
  }
}
