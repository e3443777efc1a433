// Names and validity of an X.509 certificate (RFC 5280), read from its DER without trust in any length. Of a certificate that was
// cut it gives what comes before the cut. Does not verify anything.

import { Der } from "../Der.ts"
import { latin1Text, utf8Text } from "../latin1.ts"

export interface Certificate {
  /** Common name, else organisation. */
  subject: string
  issuer: string
  /** DNS names and addresses it is for, at most 8. */
  names: Array<string>
  /** ISO 8601; empty: not known. */
  notBefore: string
  notAfter: string
}

const maxNames = 8
const maxText = 128

const Tag = {
  octets: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  version: 0xa0,
  extensions: 0xa3,
  dnsName: 0x82,
} as const

const commonName = "\x55\x04\x03"
const organisation = "\x55\x04\x0a"
const alternativeNames = "\x55\x1d\x11"

const readTime = (bytes: Uint8Array, { tag, contentAt, contentEnd }: Der): string => {
  const digits = latin1Text(bytes, contentAt, Math.min(contentEnd, contentAt + 15))
  let parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits)
  if (tag === Tag.utcTime) {
    // Two digits of the year: from 50 on they mean the last century (RFC 5280 section 4.1.2.5.1).
    const year = Number(digits.slice(0, 2)) >= 50 ? "19" : "20"
    parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(year + digits)
  }
  if (parts === null) return ""
  return `${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}Z`
}

/** RelativeDistinguishedNames: sets of sequences of identifier and text. */
const readName = (bytes: Uint8Array, from: number, end: number): string => {
  const der = new Der(bytes)
  let other = ""
  for (let at = from; at < end && der.read(at, end);) {
    const next = der.contentEnd
    if (next > end) break
    if (der.read(der.contentAt, next) && der.read(der.contentAt, Math.min(der.contentEnd, next))) {
      const oid = latin1Text(bytes, der.contentAt, Math.min(der.contentEnd, next))
      if (der.is(Tag.oid) && der.read(der.contentEnd, next) && der.contentEnd <= next) {
        const text = utf8Text(bytes, der.contentAt, Math.min(der.contentEnd, der.contentAt + maxText))
        if (oid === commonName) return text
        if (oid === organisation) other = text
      }
    }
    at = next
  }
  return other
}

const readAlternativeNames = (bytes: Uint8Array, from: number, end: number, into: Array<string>): void => {
  const der = new Der(bytes)
  if (!der.read(from, end) || !der.is(Tag.sequence)) return
  const listEnd = Math.min(der.contentEnd, end)
  for (let at = der.contentAt; at < listEnd && into.length < maxNames && der.read(at, listEnd);) {
    if (der.contentEnd > listEnd) return
    if (der.is(Tag.dnsName))
      into.push(latin1Text(bytes, der.contentAt, Math.min(der.contentEnd, der.contentAt + maxText)))
    at = der.contentEnd
  }
}

const readExtensions = (bytes: Uint8Array, from: number, end: number, into: Array<string>): void => {
  const der = new Der(bytes)
  if (!der.read(from, end)) return
  const listEnd = Math.min(der.contentEnd, end)
  for (let at = der.contentAt; at < listEnd && der.read(at, listEnd);) {
    const next = der.contentEnd
    const stop = Math.min(next, end)
    if (der.read(der.contentAt, stop) && der.is(Tag.oid) && der.contentEnd <= stop) {
      if (latin1Text(bytes, der.contentAt, der.contentEnd) === alternativeNames) {
        // The flag "critical" may stand between.
        while (der.read(der.contentEnd, stop) && !der.is(Tag.octets)) continue
        if (der.is(Tag.octets))
          readAlternativeNames(bytes, der.contentAt, Math.min(der.contentEnd, stop), into)
        return
      }
    }
    at = next
  }
}

/** Reads `bytes[start, end)`; null when it is no certificate. */
export const readCertificate = (bytes: Uint8Array, start: number, end: number): Certificate | null => {
  const der = new Der(bytes)
  if (!der.read(start, end) || !der.is(Tag.sequence)) return null
  if (!der.read(der.contentAt, end) || !der.is(Tag.sequence)) return null
  const certificate: Certificate = { subject: "", issuer: "", names: [], notBefore: "", notAfter: "" }
  let at = der.contentAt
  const stop = Math.min(der.contentEnd, end)
  // version, serial number, algorithm, issuer, validity, subject, key, unique ids, extensions
  for (let field = 0; at < stop && der.read(at, stop); field++) {
    if (field === 0 && !der.is(Tag.version)) field = 1
    const next = der.contentEnd
    if (der.is(Tag.extensions)) readExtensions(bytes, der.contentAt, Math.min(next, stop), certificate.names)
    else if (next > stop) break
    else if (field === 3) certificate.issuer = readName(bytes, der.contentAt, next)
    else if (field === 5) certificate.subject = readName(bytes, der.contentAt, next)
    else if (field === 4 && der.read(der.contentAt, next) && der.contentEnd <= next) {
      certificate.notBefore = readTime(bytes, der)
      if (der.read(der.contentEnd, next) && der.contentEnd <= next)
        certificate.notAfter = readTime(bytes, der)
    }
    at = next
  }
  return certificate
}
