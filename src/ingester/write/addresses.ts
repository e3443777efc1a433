// Splits addresses, which agents send as 16 bytes with IPv4 mapped into IPv6, into the two columns that the tables have.

export interface SplitAddresses {
  readonly ip4: Uint32Array
  readonly ip6: Uint8Array
  /** 1 where the IPv4 column holds. */
  readonly isIpv4: Uint8Array
}

/** ::ffff:a.b.c.d */
const isMapped = (ip: Uint8Array, at: number): boolean => {
  for (let i = 0; i < 10; i++) if (ip[at + i] !== 0) return false
  return ip[at + 10] === 0xff && ip[at + 11] === 0xff
}

export const splitAddresses = (ip: Uint8Array, rows: number): SplitAddresses => {
  const ip4 = new Uint32Array(rows)
  const ip6 = new Uint8Array(rows * 16)
  const isIpv4 = new Uint8Array(rows)
  for (let row = 0, at = 0; row < rows; row++, at += 16) {
    if (isMapped(ip, at)) {
      isIpv4[row] = 1
      ip4[row] = (ip[at + 12]! << 24) | (ip[at + 13]! << 16) | (ip[at + 14]! << 8) | ip[at + 15]!
    } else {
      for (let i = at; i < at + 16; i++) ip6[i] = ip[i]!
    }
  }
  return { ip4, ip6, isIpv4 }
}
