// What node and OpenSSL say when TLS does not come about, in words with the next step.

const anotherAuthority =
  "of another authority: it was issued for another region, or the region's authority was made anew"

const certificateProblems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "expired (a wrong clock on either side looks the same)",
  CERT_NOT_YET_VALID: "not valid yet: check the clocks of both machines",
  CERT_SIGNATURE_FAILURE: anotherAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: anotherAuthority,
  INVALID_PURPOSE: "for another purpose: an agent's cannot serve",
  SELF_SIGNED_CERT_IN_CHAIN: anotherAuthority,
  UNABLE_TO_GET_ISSUER_CERT: anotherAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: anotherAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: anotherAuthority,
}

const plainPeer = "the peer does not speak TLS at this port: both sides must have it, or neither"
const versionDiffers = "the peer does not speak TLS 1.3: update it"
const noHandshake =
  "the peer closed the connection during the TLS handshake: it does not speak TLS at this port, or refuses this side"

const connectionProblems: Readonly<Record<string, string>> = {
  ERR_SSL_HTTP_REQUEST: plainPeer,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: plainPeer,
  ERR_SSL_RECORD_LAYER_FAILURE: plainPeer,
  ERR_SSL_WRONG_VERSION_NUMBER: plainPeer,
  ERR_SSL_NO_PROTOCOLS_AVAILABLE: versionDiffers,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: versionDiffers,
  ERR_SSL_UNSUPPORTED_PROTOCOL: versionDiffers,
}

const codeOf = (error: unknown): string =>
  typeof error === "string" ? error : ((error as NodeJS.ErrnoException | undefined)?.code ?? "")

/** `whose` certificate it is: "the server's", "the agent's". */
export const certificateProblem = (error: unknown, whose: string): string => {
  const code = codeOf(error)
  return `${whose} certificate is ${certificateProblems[code] ?? `not believed (${code || String(error)})`}`
}

/** For a side that connects; `error` as the socket gave it. */
export const tlsProblem = (error: Error): string => {
  const code = codeOf(error)
  if (certificateProblems[code] !== undefined) return certificateProblem(error, "the server's")
  if (connectionProblems[code] !== undefined) return connectionProblems[code]
  // Node gives a handshake that the peer cut off no code of its own.
  return error.message.includes("before secure TLS connection") ? noHandshake : error.message
}

/** For a side that listens: what is wrong with a client whose handshake failed. */
export const handshakeProblem = (error: Error): string => {
  const code = codeOf(error)
  if (connectionProblems[code] === plainPeer) return "does not speak TLS, which this port asks for"
  if (connectionProblems[code] === versionDiffers) return "does not speak TLS 1.3, which this port asks for"
  return `ended the TLS handshake (${code === "" ? error.message : code}): it may not know this region's authority`
}

export const tlsOnPlainPort = "speaks TLS, and this port has none: both sides must have it, or neither"
/** A plain client hears this much of a server with TLS: node closes without an alert. */
export const closedUnheard =
  "the server closed the connection without a word: it may ask for TLS at this port, and this side has none: enrol first"

/** Whether a connection begins with a TLS handshake (RFC 8446, 5.1). */
export const looksLikeTls = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x16 && bytes[1] === 3 && bytes[2]! <= 4
