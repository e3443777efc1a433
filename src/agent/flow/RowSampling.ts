// Which requests become rows of the request log, when not all are to. By chance that every agent throws alike: a trace is kept or left out
// as a whole, and both sides of a request with it. Metrics are counted before.

import type { L7Message } from "../../model/L7Session.ts"
import type { Connection } from "./Connection.ts"
import type { Endpoint } from "./Endpoint.ts"
import type { Session } from "./Session.ts"

/** FNV-1a, 32 bits. */
const offsetBasis = 0x811c9dc5
const prime = 0x01000193

const addByte = (hash: number, byte: number): number => Math.imul(hash ^ byte, prime)

const addNumber = (hash: number, number: number): number => {
  const low = number >>> 0
  return addByte(
    addByte(addByte(addByte(hash, low & 0xff), (low >>> 8) & 0xff), (low >>> 16) & 0xff),
    low >>> 24,
  )
}

/** Spreads what FNV leaves in the lower bits (the finisher of MurmurHash3). */
const spread = (hash: number): number => {
  let mixed = hash ^ (hash >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** What one system writes in capitals is the same to another. */
const hashOfId = (id: string): number => {
  let hash = offsetBasis
  const text = id.toLowerCase()
  for (let i = 0; i < text.length; i++) hash = addByte(hash, text.charCodeAt(i) & 0xff)
  return hash
}

const hashOfEnd = ({ ip, port }: Endpoint): number => {
  let hash = offsetBasis
  for (let i = 0; i < 16; i++) hash = addByte(hash, ip[i]!)
  return addNumber(hash, port)
}

/** Where the request lies on its connection, alike wherever it is seen. */
const hashOfRequest = ({ a, b }: Connection, first: L7Message, isRequest: boolean): number => {
  const ends = (hashOfEnd(a) + hashOfEnd(b)) | 0
  const hash = addNumber(addNumber(offsetBasis, ends), Number(first.requestId) | 0)
  return isRequest ? addNumber(hash, first.tcpSeq) : hash
}

/** 32 bits that are the same for everything that is to be kept or left out together. */
export const samplingHash = (session: Session, connection: Connection): number => {
  const { request, response } = session
  // Gateways hand a request id on, in the request to who serves and in the answer to who asked.
  const id = request?.traceId || response?.traceId || request?.xRequestId || response?.xRequestId || ""
  if (id !== "") return spread(hashOfId(id))
  return spread(hashOfRequest(connection, (request ?? response)!, request !== null))
}

export class RowSampling {
  leftOut = 0
  #limit = 2 ** 32

  /** One of so many is kept; 1: all. What is kept of more is among what is kept of fewer. */
  constructor(oneIn: number) {
    this.change(oneIn)
  }

  change(oneIn: number): void {
    this.#limit = Math.ceil(2 ** 32 / oneIn)
  }

  keeps(session: Session, connection: Connection): boolean {
    if (this.#limit === 2 ** 32 || samplingHash(session, connection) < this.#limit) return true
    this.leftOut++
    return false
  }
}
