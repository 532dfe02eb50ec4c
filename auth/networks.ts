import { isIPv6 } from 'node:net'

/** An IPv6 subscriber has a whole network of addresses (RFC 6177): its first 64 bits count as one. */
export const networkOf = (text: string): string => {
  // A proxy may name the port as well.
  const address = /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address) ?? []
  if (high !== undefined && low !== undefined)
    return [high, low]
      .map(group => Number.parseInt(group, 16))
      .flatMap(group => [group >> 8, group & 255])
      .join('.')
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const left = head.split(':').filter(group => group !== '')
  const right = (tail ?? '').split(':').filter(group => group !== '')
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right]
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')
}

/** The /48 of an IPv6 address, which is what a site gets (RFC 6177); of an IPv4 address the address itself. */
export const widerNetworkOf = (address: string): string => networkOf(address).split(':', 3).join(':')
