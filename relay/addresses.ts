import { BlockList, isIPv4, isIPv6 } from 'node:net'

type Network = readonly [address: string, prefix: number]

/**
 * What the IANA IPv4 Special-Purpose Address Registry (RFC 6890) does not call globally reachable, with multicast
 * (RFC 5771) and the class E that nobody was given (RFC 1112, section 4), which ends with the broadcast address.
 */
const specialIPv4: readonly Network[] = [
  ['0.0.0.0', 8], // this network, and the unspecified address
  ['10.0.0.0', 8], // private, RFC 1918
  ['100.64.0.0', 10], // shared, RFC 6598
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local, and the metadata of cloud machines
  ['172.16.0.0', 12], // private, RFC 1918
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // relays of 6to4, RFC 7526
  ['192.168.0.0', 16], // private, RFC 1918
  ['198.18.0.0', 15], // benchmarking
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
  // Not special by IANA: the host's agent of Azure, which every machine there reaches at this address.
  ['168.63.129.16', 32],
]

/** What IANA has given out for unicast (RFC 4291, section 2.4); everything else is special or not in use. */
const unicastIPv6: Network = ['2000::', 3]

/** Networks in it by the IANA IPv6 Special-Purpose Address Registry (RFC 6890). */
const specialIPv6: readonly Network[] = [
  ['2001::', 23], // protocol assignments: Teredo, benchmarking, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4, which holds an IPv4 address
  ['3fff::', 20], // documentation, RFC 9637
]

const listOf = (family: 'ipv4' | 'ipv6', networks: readonly Network[]): BlockList => {
  const list = new BlockList()
  for (const [address, prefix] of networks) list.addSubnet(address, prefix, family)
  return list
}

const refusedIPv4 = listOf('ipv4', specialIPv4)
const unicast = listOf('ipv6', [unicastIPv6])
const refusedIPv6 = listOf('ipv6', specialIPv6)

/**
 * Whether a stranger may have the hub connect to the address: it is one of the public internet, by the IANA
 * Special-Purpose Address Registries (RFC 6890).
 *
 * Takes an IPv4 address in four decimal parts or an IPv6 address without brackets, as a resolver gives it. False for
 * what is neither, for a zone (`fe80::1%eth0`, RFC 4007), and for every IPv6 form that holds an IPv4 address (mapped,
 * compatible, NAT64, 6to4, Teredo), whichever that is. Private networks of one's own that have public addresses are
 * not known to it.
 */
export const isGloballyReachable = (address: string): boolean => {
  if (isIPv4(address)) return !refusedIPv4.check(address, 'ipv4')
  if (!isIPv6(address) || address.includes('%')) return false
  return unicast.check(address, 'ipv6') && !refusedIPv6.check(address, 'ipv6')
}
