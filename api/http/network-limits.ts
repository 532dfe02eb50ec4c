import type { Server } from 'node:http'
import { BlockList, isIPv6, type Socket } from 'node:net'
import { widerNetworkOf } from '../../auth/networks.ts'
import type { Quota } from './quota.ts'

/** Whether an address is among addresses and networks (CIDR). */
export const isAmong = (networks: readonly string[]): ((address: string) => boolean) => {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return address => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** Connections that may be open at the same time. */
export interface ConnectionLimits {
  readonly total: number
  /** From one network: an IPv4 address, or the first 48 bits of an IPv6 address. */
  readonly perNetwork: number
  /** Proxies speak for many networks: only `total` counts for them. */
  readonly isProxy: (address: string) => boolean
}

/** Closes connections beyond the limits as soon as they are opened. */
export const limitConnections = (server: Server, { total, perNetwork, isProxy }: ConnectionLimits): void => {
  const open = new Map<string, number>()
  server.maxConnections = total
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    if (isProxy(address)) return
    const network = widerNetworkOf(address)
    const count = (open.get(network) ?? 0) + 1
    if (count > perNetwork) {
      socket.destroy()
      return
    }
    open.set(network, count)
    socket.once('close', () => {
      const left = (open.get(network) ?? 1) - 1
      if (left === 0) open.delete(network)
      else open.set(network, left)
    })
  })
}

/** Requests that a network may send without credentials: so many at once, and so many a second from then on. */
export interface RequestRate {
  readonly burst: number
  readonly perSecond: number
}

export interface RequestRates {
  /** Counts a request of this address: what is left to its network, and the seconds to wait when it has sent too many. */
  readonly count: (address: string) => { readonly quota: Quota; readonly seconds?: number }
}

const mostNetworks = 50_000

/**
 * A token bucket for each network. At most 50,000 networks are remembered: the one that was seen least recently is
 * forgotten, and begins anew with a full bucket.
 */
export const makeRequestRates = (
  { burst, perSecond }: RequestRate,
  now: () => number = () => performance.now(),
): RequestRates => {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return {
    count: address => {
      const network = widerNetworkOf(address)
      const at = now()
      const before = buckets.get(network) ?? { tokens: burst, at }
      const tokens = Math.min(burst, before.tokens + ((at - before.at) / 1000) * perSecond)
      buckets.delete(network)
      const oldest = buckets.keys().next().value
      if (buckets.size >= mostNetworks && oldest !== undefined) buckets.delete(oldest)
      const isOver = tokens < 1
      const left = isOver ? tokens : tokens - 1
      buckets.set(network, { tokens: left, at })
      const window = { seconds: burst / perSecond, untilReset: (burst - left) / perSecond }
      return {
        quota: { name: 'anonymous', most: burst, left, window },
        ...(isOver ? { seconds: Math.ceil((1 - tokens) / perSecond) } : {}),
      }
    },
  }
}
