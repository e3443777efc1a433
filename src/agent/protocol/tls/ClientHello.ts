// Reads a ClientHello (RFC 8446 section 4.1.2 and its forerunners) and makes the fingerprints JA3 and JA4 of it. Of one that was
// cut it gives what comes before the cut; fingerprints only of a whole one.

import { hash } from "node:crypto"
import { latin1Text } from "../latin1.ts"
import { hex4 } from "./names.ts"

export const Extension = {
  serverName: 0,
  groups: 10,
  pointFormats: 11,
  signatures: 13,
  alpn: 16,
  supportedVersions: 43,
} as const

export interface ClientHello {
  /** The highest version offered. */
  version: number
  /** As the fixed part has it. */
  legacyVersion: number
  serverName: string
  alpn: Array<string>
  ciphers: Array<number>
  extensions: Array<number>
  groups: Array<number>
  pointFormats: Array<number>
  signatures: Array<number>
  isWhole: boolean
}

const maxNames = 8

export const uint16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

/** Values that say nothing: they keep servers tolerant (RFC 8701). */
const isGrease = (value: number): boolean => (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 255)

const readNumbers = (bytes: Uint8Array, from: number, end: number, into: Array<number>): void => {
  for (let at = from; at + 2 <= end; at += 2) {
    const value = uint16(bytes, at)
    if (!isGrease(value)) into.push(value)
  }
}

const isPrintable = (bytes: Uint8Array, from: number, end: number): boolean => {
  for (let i = from; i < end; i++) if (bytes[i] <= 32 || bytes[i] > 126) return false
  return end > from
}

/** `at` is behind the list's own length. */
export const readAlpn = (bytes: Uint8Array, from: number, end: number, into: Array<string>): void => {
  for (let at = from; at < end && into.length < maxNames;) {
    const next = at + 1 + bytes[at]
    if (next > end) return
    into.push(latin1Text(bytes, at + 1, next))
    at = next
  }
}

const readExtension = (
  hello: ClientHello,
  kind: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): void => {
  switch (kind) {
    case Extension.serverName:
      // One entry of type host_name: list length, type, length, name.
      if (at + 5 <= end && bytes[at + 2] === 0) {
        const nameEnd = at + 5 + uint16(bytes, at + 3)
        if (nameEnd <= end && isPrintable(bytes, at + 5, nameEnd))
          hello.serverName = latin1Text(bytes, at + 5, nameEnd).toLowerCase()
      }
      return
    case Extension.groups:
      return readNumbers(bytes, at + 2, end, hello.groups)
    case Extension.pointFormats:
      for (let i = at + 1; i < end; i++) hello.pointFormats.push(bytes[i])
      return
    case Extension.signatures:
      return readNumbers(bytes, at + 2, end, hello.signatures)
    case Extension.alpn:
      return readAlpn(bytes, at + 2, end, hello.alpn)
    case Extension.supportedVersions:
      for (let i = at + 1; i + 2 <= end; i += 2) {
        const version = uint16(bytes, i)
        if (!isGrease(version) && version > hello.version) hello.version = version
      }
  }
}

/** Reads the body of the message, `bytes[start, end)`; null when not even its fixed part is right. */
export const readClientHello = (bytes: Uint8Array, start: number, end: number): ClientHello | null => {
  if (start + 35 > end || bytes[start] !== 3) return null
  const version = uint16(bytes, start)
  const hello: ClientHello = {
    version,
    legacyVersion: version,
    serverName: "",
    alpn: [],
    ciphers: [],
    extensions: [],
    groups: [],
    pointFormats: [],
    signatures: [],
    isWhole: false,
  }
  let at = start + 35 + bytes[start + 34]
  if (at + 2 > end) return hello
  const ciphersEnd = at + 2 + uint16(bytes, at)
  if (ciphersEnd >= end) return hello
  readNumbers(bytes, at + 2, ciphersEnd, hello.ciphers)
  at = ciphersEnd + 1 + bytes[ciphersEnd]
  if (at === end) hello.isWhole = true
  if (at + 2 > end) return hello
  const extensionsEnd = at + 2 + uint16(bytes, at)
  at += 2
  while (at + 4 <= Math.min(end, extensionsEnd)) {
    const kind = uint16(bytes, at)
    const next = at + 4 + uint16(bytes, at + 2)
    if (next > end) return hello
    if (!isGrease(kind)) hello.extensions.push(kind)
    readExtension(hello, kind, bytes, at + 4, next)
    at = next
  }
  hello.isWhole = at === extensionsEnd && at <= end
  return hello
}

/** In hexadecimal; empty where the platform's rules forbid MD5. */
export const md5 = (text: string): string => {
  try {
    return hash("md5", text)
  } catch {
    return ""
  }
}

const sha12 = (text: string): string => (text === "" ? "000000000000" : hash("sha256", text).slice(0, 12))

/** https://github.com/salesforce/ja3 */
export const ja3 = (hello: ClientHello): string =>
  md5(
    `${hello.legacyVersion},${hello.ciphers.join("-")},${hello.extensions.join("-")},${hello.groups.join("-")},` +
      hello.pointFormats.join("-"),
  )

const ja4Versions: Record<number, string> = {
  0x0304: "13",
  0x0303: "12",
  0x0302: "11",
  0x0301: "10",
  0x0300: "s3",
}

const isWordCharacter = (c: number): boolean =>
  (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122)

const ja4Alpn = (protocol: string | undefined): string => {
  if (protocol === undefined || protocol === "") return "00"
  const first = protocol.charCodeAt(0)
  const last = protocol.charCodeAt(protocol.length - 1)
  if (isWordCharacter(first) && isWordCharacter(last))
    return protocol.charAt(0) + protocol.charAt(protocol.length - 1)
  return first.toString(16).padStart(2, "0").charAt(0) + last.toString(16).padStart(2, "0").charAt(1)
}

const twoDigits = (value: number): string => `${Math.min(value, 99)}`.padStart(2, "0")

const sortedHex = (values: ReadonlyArray<number>): string => values.map(hex4).sort().join(",")

/** https://github.com/FoxIO-LLC/ja4 (JA4 of TLS over TCP). */
export const ja4 = (hello: ClientHello): string => {
  const { alpn, ciphers, extensions, signatures, version } = hello
  const head =
    `t${ja4Versions[version] ?? "00"}${extensions.includes(Extension.serverName) ? "d" : "i"}` +
    twoDigits(ciphers.length) +
    twoDigits(extensions.length) +
    ja4Alpn(alpn[0])
  const others = extensions.filter((kind) => kind !== Extension.serverName && kind !== Extension.alpn)
  const tail = sortedHex(others) + (signatures.length === 0 ? "" : `_${signatures.map(hex4).join(",")}`)
  return `${head}_${sha12(sortedHex(ciphers))}_${extensions.length === 0 ? sha12("") : sha12(tail)}`
}
