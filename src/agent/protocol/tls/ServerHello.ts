// Reads a ServerHello (RFC 8446 section 4.1.3 and its forerunners) and makes the fingerprint JA3S of it.

import { Extension, md5, readAlpn, uint16 } from "./ClientHello.ts"

export interface ServerHello {
  version: number
  legacyVersion: number
  cipher: number
  alpn: Array<string>
  extensions: Array<number>
  /** It asks for another ClientHello. */
  isRetry: boolean
  isWhole: boolean
}

/** SHA-256 of "HelloRetryRequest", in place of the random. */
const retryRandom = Uint8Array.from(
  "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c".match(/../g) ?? [],
  (byte) => Number.parseInt(byte, 16),
)

const isRetryRandom = (bytes: Uint8Array, at: number): boolean => {
  for (let i = 0; i < retryRandom.length; i++) if (bytes[at + i] !== retryRandom[i]) return false
  return true
}

/** Reads the body of the message, `bytes[start, end)`; null when it ends before the cipher, or is something else. */
export const readServerHello = (bytes: Uint8Array, start: number, end: number): ServerHello | null => {
  if (start + 35 > end || bytes[start] !== 3) return null
  let at = start + 35 + bytes[start + 34]
  if (at + 3 > end) return null
  const version = uint16(bytes, start)
  const hello: ServerHello = {
    version,
    legacyVersion: version,
    cipher: uint16(bytes, at),
    alpn: [],
    extensions: [],
    isRetry: isRetryRandom(bytes, start + 2),
    isWhole: false,
  }
  at += 3
  if (at === end) hello.isWhole = true
  if (at + 2 > end) return hello
  const extensionsEnd = at + 2 + uint16(bytes, at)
  at += 2
  while (at + 4 <= Math.min(end, extensionsEnd)) {
    const kind = uint16(bytes, at)
    const next = at + 4 + uint16(bytes, at + 2)
    if (next > end) return hello
    hello.extensions.push(kind)
    if (kind === Extension.supportedVersions && next >= at + 6) hello.version = uint16(bytes, at + 4)
    else if (kind === Extension.alpn) readAlpn(bytes, at + 6, next, hello.alpn)
    at = next
  }
  hello.isWhole = at === extensionsEnd
  return hello
}

/** https://github.com/salesforce/ja3 */
export const ja3s = (hello: ServerHello): string =>
  md5(`${hello.legacyVersion},${hello.cipher},${hello.extensions.join("-")}`)
