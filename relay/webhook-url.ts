import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { isGloballyReachable } from './addresses.ts'

/** All addresses of a name; rejects with the `code` of `node:dns`, of which `ENOTFOUND` says that there are none. */
export type Resolve = (name: string) => Promise<readonly { readonly address: string }[]>

export interface WebhookUrlRules {
  /** Whether hosts of any address are accepted, and none is looked up. */
  readonly allowPrivate: boolean
  /** Default: the resolver of the system. */
  readonly resolve?: Resolve
  /** How long the resolver may take. Default: 5,000. */
  readonly timeoutMilliseconds?: number
}

const mostCharacters = 2_000

const noPublicHost =
  'must name a host of the public internet: this one has a private or otherwise reserved address'
const noSuchName = 'must name a host that exists: its name was not found'

const formProblem = (text: string): string | undefined => {
  if (text.length > mostCharacters) return 'must be at most 2,000 characters'
  // A parser of URLs would pass over white space and read `http:name` and backslashes as an address.
  const url = /^https?:\/\/[^\s\\]+$/i.test(text) ? URL.parse(text) : null
  if (url === null) return 'must be an absolute http or https URL'
  if (url.username !== '' || url.password !== '') return 'must be without a user name and a password'
  return text.includes('#') ? 'must be without a fragment' : undefined
}

const unknown = Symbol('unknown')

const addressesOf = async (
  name: string,
  resolve: Resolve,
  timeoutMilliseconds: number,
): Promise<readonly string[] | typeof unknown> => {
  const late = Promise.withResolvers<typeof unknown>()
  const timer = setTimeout(() => late.resolve(unknown), timeoutMilliseconds)
  const found = resolve(name).then(
    addresses => addresses.map(({ address }) => address),
    (error: unknown) => {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      return code === 'ENOTFOUND' || code === 'ENODATA' ? [] : unknown
    },
  )
  try {
    return await Promise.race([found, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * What is wrong with the URL of a webhook, as the end of a sentence that begins with the field's name; undefined if
 * nothing is.
 *
 * It must be an absolute http or https URL of at most 2,000 characters, without credentials and fragment. Its host is
 * judged as the WHATWG URL Standard reads it (section 3.5), so in every spelling of an address; a name is resolved, and refused
 * when any of its addresses is not globally reachable, or when it has none.
 *
 * An accepted name may change its answer, and one that the resolver cannot tell about now (`EAI_AGAIN`, or no answer
 * in time) is accepted: whoever connects checks again (`makeWebhookClient`).
 */
export const checkWebhookUrl = async (text: string, rules: WebhookUrlRules): Promise<string | undefined> => {
  const problem = formProblem(text)
  if (problem !== undefined || rules.allowPrivate) return problem
  const host = new URL(text).hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0) return isGloballyReachable(host) ? undefined : noPublicHost
  // RFC 6761, section 6.3: these are loopback, whatever a resolver says.
  if (/(^|\.)localhost\.?$/.test(host)) return noPublicHost
  const { resolve = name => lookup(name, { all: true }), timeoutMilliseconds = 5_000 } = rules
  const addresses = await addressesOf(host, resolve, timeoutMilliseconds)
  if (addresses === unknown) return undefined
  if (addresses.length === 0) return noSuchName
  return addresses.every(isGloballyReachable) ? undefined : noPublicHost
}
