/**
 * The secrets of the hub's own that can be made anew: what signs webhooks (that of each subscription is derived from it), forms of
 * passwords and cookies, and what tells a request that is repeated from another one with its key.
 */
export const renewableSecrets = ['webhooks', 'forms', 'cookies', 'idempotency'] as const

/** The hub's own secrets, by what each is for. That of `contents` names the contents of people: with another one none would be found. */
export type HubSecret = (typeof renewableSecrets)[number] | 'contents'
