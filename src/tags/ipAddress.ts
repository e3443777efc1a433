// Addresses as tags need them: from text to the 16 bytes that rows carry (IPv4 as ::ffff:a.b.c.d), ranges, and which addresses
// never leave a private network.

import { isIPv4, isIPv6 } from "node:net"

const mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

/** 16 bytes, or undefined for what is no address. A zone (`%eth0`) is left out. */
export const parseIp = (text: string): Uint8Array | undefined => {
  const address = text.split("%", 1)[0]!
  if (isIPv4(address)) return Uint8Array.from([...mappedPrefix, ...address.split(".").map(Number)])
  if (!isIPv6(address)) return undefined
  const lastColon = address.lastIndexOf(":")
  const tail = address.slice(lastColon + 1)
  if (isIPv4(tail)) {
    const [a, b, c, d] = tail.split(".").map(Number) as [number, number, number, number]
    const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
    return parseIp(address.slice(0, lastColon + 1) + groups)
  }
  const [head = "", rest] = address.split("::")
  const groupsOf = (part: string): ReadonlyArray<number> =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16))
  const before = groupsOf(head)
  const after = rest === undefined ? [] : groupsOf(rest)
  const groups = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

export const isMappedIpv4 = (ip: Uint8Array, at = 0): boolean => {
  for (let i = 0; i < 10; i++) if (ip[at + i] !== 0) return false
  return ip[at + 10] === 0xff && ip[at + 11] === 0xff
}

/** The same for the same address; for maps. */
export const ipKey = (ip: Uint8Array, at = 0): string => {
  let key = ""
  for (let i = at; i < at + 16; i += 2) key += String.fromCharCode((ip[i]! << 8) | ip[i + 1]!)
  return key
}

export interface IpRange {
  readonly base: Uint8Array
  /** Of 128. */
  readonly prefixBits: number
}

/** "10.0.0.0/8", "2001:db8::/32"; a single address is a range of one. */
export const parseRange = (text: string): IpRange | undefined => {
  const [address = "", length, ...more] = text.split("/")
  const base = parseIp(address)
  if (base === undefined || more.length > 0) return undefined
  const most = isIPv4(address) ? 32 : 128
  if (length !== undefined && !/^[0-9]{1,3}$/.test(length)) return undefined
  const bits = length === undefined ? most : Number(length)
  if (bits > most) return undefined
  return { base, prefixBits: bits + 128 - most }
}

export const isInRange = (ip: Uint8Array, { base, prefixBits }: IpRange): boolean => {
  const whole = prefixBits >> 3
  for (let i = 0; i < whole; i++) if (ip[i] !== base[i]) return false
  const rest = prefixBits & 7
  return rest === 0 || (ip[whole]! ^ base[whole]!) >> (8 - rest) === 0
}

const rangesOf = (...texts: ReadonlyArray<string>): ReadonlyArray<IpRange> =>
  texts.map((text) => parseRange(text) as IpRange)

const loopback = rangesOf("127.0.0.0/8", "::1/128")
/** RFC 1918, 3927, 6598, 4193, 4291, multicast and unspecified. */
const local = rangesOf(
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "100.64.0.0/10",
  "0.0.0.0/8",
  "224.0.0.0/3",
  "fc00::/7",
  "fe80::/10",
  "ff00::/8",
  "::/128",
)

export const isLoopback = (ip: Uint8Array): boolean => loopback.some((range) => isInRange(ip, range))

/** Never an address of the Internet. */
export const isLocalIp = (ip: Uint8Array): boolean =>
  isLoopback(ip) || local.some((range) => isInRange(ip, range))
