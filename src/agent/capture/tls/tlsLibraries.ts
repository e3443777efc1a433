// The TLS libraries that are known by names of their functions, whatever file these are in, and which kernel program goes to which.

import { functionOffsets } from "../probes/elf.ts"
import type { Library, Probe } from "../probes/LibraryProbes.ts"
import { goFunctions } from "./goFunctions.ts"
import { findRustls } from "./rustls.ts"

type Call = "handshake" | "read" | "write" | "read_ex" | "write_ex" | "free" | "java"

/** Calls of which the end says nothing. */
const withoutReturn: ReadonlySet<Call> = new Set(["free", "java"])

interface LibraryFunctions {
  readonly name: string
  readonly functions: Readonly<Record<string, Call>>
  /** Without these it is of no use. */
  readonly needed: ReadonlyArray<string>
}

/** Versions from 1.0 on; BoringSSL, LibreSSL and AWS-LC have the same functions. `_ex` is there from 1.1.1 on. */
const openssl: LibraryFunctions = {
  name: "OpenSSL",
  functions: {
    SSL_do_handshake: "handshake",
    SSL_read: "read",
    SSL_write: "write",
    SSL_read_ex: "read_ex",
    SSL_write_ex: "write_ex",
    SSL_free: "free",
  },
  needed: ["SSL_read", "SSL_write"],
}

const gnutls: LibraryFunctions = {
  name: "GnuTLS",
  functions: {
    gnutls_handshake: "handshake",
    gnutls_record_recv: "read",
    gnutls_record_send: "write",
    gnutls_deinit: "free",
  },
  needed: ["gnutls_record_recv", "gnutls_record_send"],
}

/** The part of Sonde that a JVM loads (java/attach.ts). */
const java: LibraryFunctions = {
  name: "Java",
  functions: { sonde_java_plaintext: "java" },
  needed: ["sonde_java_plaintext"],
}

const libraries = [openssl, gnutls, java]
const names = new Set(libraries.flatMap(({ functions }) => Object.keys(functions)))

/** Go has no library that programs share: each holds what it uses of crypto/tls. */
const goCalls = {
  "crypto/tls.(*Conn).Read": "sonde_go_read",
  "crypto/tls.(*Conn).Write": "sonde_go_write",
} as const

/** Not of TLS, but of the same programs: for which goroutine a connection of HTTP/1 is used. */
const goRoundTrip = "net/http.(*persistConn).roundTrip"

const findGo = (fd: number): Library | undefined => {
  const functions = goFunctions(fd, [...Object.keys(goCalls), goRoundTrip])
  const probes: Array<Probe> = []
  const roundTrip = functions.get(goRoundTrip)
  if (roundTrip !== undefined) probes.push(["sonde_go_round_trip", roundTrip.entry, false])
  for (const [name, program] of Object.entries(goCalls)) {
    const one = functions.get(name)
    if (one === undefined) return undefined
    probes.push([program, one.entry, false])
    // Not by a return hook: it changes return addresses, which Go's runtime looks at when it moves a stack.
    for (const offset of one.returns) probes.push(["sonde_go_return", offset, false])
  }
  return probes.length > maxProbes ? undefined : { name: "Go", probes }
}

/** As many as the addon takes of one file. */
const maxProbes = 64

/** What a file has of TLS libraries; undefined: nothing. */
export const findTlsLibrary = (fd: number): Library | undefined => {
  const found = findByNames(fd) ?? findGo(fd)
  // Programs in Rust may have OpenSSL within, too.
  const rustls = findRustls(fd)
  if (rustls.length === 0 || (found?.probes.length ?? 0) + rustls.length > maxProbes) return found
  return {
    name: found === undefined ? "rustls" : `${found.name}, rustls`,
    probes: [...(found?.probes ?? []), ...rustls],
  }
}

const findByNames = (fd: number): Library | undefined => {
  const offsets = functionOffsets(fd, names)
  if (offsets.size === 0) return undefined
  for (const { functions, name, needed } of libraries) {
    if (needed.some((one) => !offsets.has(one))) continue
    const probes: Array<Probe> = []
    const taken = new Set<number>()
    for (const [one, call] of Object.entries(functions)) {
      const offset = offsets.get(one)
      // Two names of one function would report each call twice.
      if (offset === undefined || taken.has(offset)) continue
      taken.add(offset)
      probes.push([`sonde_tls_${call}`, offset, false])
      if (!withoutReturn.has(call)) probes.push(["sonde_tls_return", offset, true])
    }
    return { name, probes }
  }
  return undefined
}
