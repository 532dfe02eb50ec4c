import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { isGloballyReachable } from './addresses.ts'
import { addressRefused, nameNotResolved, outcomeOf, tlsFailed } from './post-outcome.ts'

const coded = (code: string, cause?: Error): Error & { readonly code: string } =>
  Object.assign(new Error(code, { cause }), { code })

/** Looks a name up, all addresses at once; gives none of them if one is refused. */
const checkedLookup =
  (lookup: LookupFunction, accepts: (address: string) => boolean): LookupFunction =>
  (name, options, callback) =>
    lookup(name, { ...options, all: true }, (error, found) => {
      const addresses = typeof found === 'string' ? [{ address: found, family: isIP(found) }] : (found ?? [])
      const [first] = addresses
      if (error !== null || first === undefined) callback(coded(nameNotResolved, error ?? undefined), '')
      else if (!addresses.every(({ address }) => accepts(address))) callback(coded(addressRefused), '')
      else if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })

export interface ConnectOptions {
  readonly allowPrivate: boolean
  readonly lookup: LookupFunction
  readonly timeoutMilliseconds: number
}

/**
 * A connector for undici that connects to globally reachable addresses only, unless `allowPrivate`. A name is looked
 * up once for each connection, and what was checked is what is connected to: an answer that changes afterwards (DNS
 * rebinding) changes nothing. Certificates are verified, whatever the environment says.
 *
 * An error carries one of the codes of `post-outcome.ts`, or that of the socket.
 */
export const checkedConnect = (options: ConnectOptions): buildConnector.connector => {
  const accepts = (address: string): boolean => options.allowPrivate || isGloballyReachable(address)
  const connect = buildConnector({
    lookup: checkedLookup(options.lookup, accepts),
    timeout: options.timeoutMilliseconds,
    rejectUnauthorized: true,
    allowH2: false,
  })
  return (target, callback) => {
    // An address as the host is connected to without a lookup.
    if (isIP(target.hostname) !== 0 && !accepts(target.hostname)) {
      queueMicrotask(() => callback(coded(addressRefused), null))
      return
    }
    connect(target, (...[error, socket]) => {
      if (error === null) callback(null, socket)
      // A handshake fails with any code of OpenSSL, under Deno with others.
      else if (target.protocol === 'https:' && outcomeOf(error) === undefined)
        callback(coded(tlsFailed, error), null)
      else callback(error, null)
    })
  }
}
