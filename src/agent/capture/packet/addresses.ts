// Addresses out of a packet's bytes, as flows keep them.

/** Writes 16 bytes, IPv4 as ::ffff:a.b.c.d. */
export const copyIp = (ip: Uint8Array, bytes: Uint8Array, at: number, ipVersion: number): void => {
  const length = ipVersion === 4 ? 4 : 16
  for (let i = 0; i < length; i++) ip[16 - length + i] = bytes[at + i]!
  if (ipVersion !== 4) return
  for (let i = 0; i < 10; i++) ip[i] = 0
  ip[10] = ip[11] = 0xff
}

/** A copy, 16 bytes, IPv4 as ::ffff:a.b.c.d. */
export const ipAt = (bytes: Uint8Array, at: number, ipVersion: number): Uint8Array => {
  const ip = new Uint8Array(16)
  copyIp(ip, bytes, at, ipVersion)
  return ip
}

/** 48 bits; 0 where there is none. */
export const macAt = (bytes: Uint8Array, at: number): number => {
  let mac = 0
  if (at >= 0) for (let i = 0; i < 6; i++) mac = mac * 256 + bytes[at + i]!
  return mac
}
