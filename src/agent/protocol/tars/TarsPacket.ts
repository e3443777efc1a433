// A packet of Tars: its length in four bytes (counting these), then a RequestPacket or a ResponsePacket (RequestF.tars), which
// begin alike. In the fifth field the one has the servant's name, the other a number.

import { u32At } from "../framed/ByteReader.ts"
import { maxTraceValue } from "../traceField.ts"
import { TarsReader, TarsType } from "./TarsReader.ts"

const lengthBytes = 4
/** The shortest packet, and the limit that TarsCpp sets (100 MB). */
const minPacket = 12
const maxPacket = 100 * 1024 * 1024
const maxName = 256

const Version = { tars: 1, tup: 2, tup3: 3, xml: 4, json: 5 } as const
const versions: ReadonlySet<number> = new Set(Object.values(Version))

const oneWayPacket = 1

const Request = {
  requestId: 4,
  servant: 5,
  method: 6,
  timeout: 8,
  context: 9,
  status: 10,
} as const

const Response = {
  requestId: 3,
  result: 5,
  status: 7,
  description: 8,
  context: 9,
} as const

const versionTag = 1
const packetTypeTag = 2
const thirdTag = 3
const fourthTag = 4
const fifthTag = 5

const reader = new TarsReader()

export const Kind = { none: 0, unclear: 1, request: 2, response: 3 } as const
export type Kind = (typeof Kind)[keyof typeof Kind]

const isNumber = (type: number): boolean => type <= TarsType.int32 || type === TarsType.zero

/** Steps to the field with this tag when it is a number; its value goes to `reader.intValue()`. */
const stepToNumber = (tag: number): boolean => reader.step() && reader.tag === tag && isNumber(reader.type)

/** Length of the packet at `at`; -1 when it is none, 0 when the bytes are too few. */
export const packetLength = (bytes: Uint8Array, at: number, end: number): number => {
  if (at < end && bytes[at] > maxPacket >>> 24) return -1
  if (end - at < lengthBytes) return 0
  const length = u32At(bytes, at)
  if (length < minPacket || length > maxPacket) return -1
  if (end - at < lengthBytes + 2) return 0
  // Version: tag 1, one byte.
  return bytes[at + 4] === versionTag << 4 && versions.has(bytes[at + 5]) ? length : -1
}

/** Whether the packet at `at` is of the version named TUP. */
export const isTup = (bytes: Uint8Array, at: number): boolean =>
  bytes[at + 5] === Version.tup || bytes[at + 5] === Version.tup3

/** What the first fields of the packet at `at` say. */
export const kindOf = (bytes: Uint8Array, at: number, end: number): Kind => {
  const length = packetLength(bytes, at, end)
  if (length <= 0) return length < 0 ? Kind.none : Kind.unclear
  reader.reset(bytes, at + lengthBytes, end)
  for (const tag of [versionTag, packetTypeTag, thirdTag, fourthTag]) {
    if (!stepToNumber(tag)) return reader.left === 0 || reader.isShort ? Kind.unclear : Kind.none
    const value = reader.intValue()
    if (reader.isShort) return Kind.unclear
    if (tag === packetTypeTag && (value < 0 || value > oneWayPacket)) return Kind.none
  }
  if (!reader.step()) return Kind.unclear
  if (reader.tag !== fifthTag) return Kind.none
  if (reader.type === TarsType.shortText || reader.type === TarsType.text) return Kind.request
  return isNumber(reader.type) ? Kind.response : Kind.none
}

export class TarsPacket {
  version = 0
  isOneWay = false
  requestId = -1
  servant = ""
  method = ""
  timeoutMs = 0
  result = 0
  description = ""
  /** The packet was whole at least as far as its method or result. */
  isRead = false

  /** Reads the packet in bytes[start, end); texts of its maps go to `entry`. */
  read(
    bytes: Uint8Array,
    start: number,
    end: number,
    kind: Kind,
    entry: (name: string, value: string) => void,
  ): void {
    this.servant = this.method = this.description = ""
    this.timeoutMs = this.result = 0
    this.requestId = -1
    this.isRead = false
    reader.reset(bytes, Math.min(end, start + lengthBytes), end)
    this.version = stepToNumber(versionTag) ? reader.intValue() : 0
    this.isOneWay = stepToNumber(packetTypeTag) && reader.intValue() === oneWayPacket
    if (kind === Kind.request) this.readRequest(entry)
    else this.readResponse(entry)
  }

  private readRequest(entry: (name: string, value: string) => void): void {
    while (reader.step()) {
      if (reader.tag === Request.requestId) this.requestId = reader.intValue() >>> 0
      else if (reader.tag === Request.servant) this.servant = reader.textValue(maxName)
      else if (reader.tag === Request.method) {
        this.method = reader.textValue(maxName)
        this.isRead = !reader.isShort
      } else if (reader.tag === Request.timeout) this.timeoutMs = reader.intValue()
      else if (reader.tag === Request.context || reader.tag === Request.status)
        reader.textEntries(maxTraceValue, entry)
      else reader.skipField()
      if (reader.isShort) return
    }
  }

  private readResponse(entry: (name: string, value: string) => void): void {
    while (reader.step()) {
      if (reader.tag === Response.requestId) this.requestId = reader.intValue() >>> 0
      else if (reader.tag === Response.result) {
        this.result = reader.intValue()
        this.isRead = !reader.isShort
      } else if (reader.tag === Response.description) this.description = reader.textValue(maxName)
      else if (reader.tag === Response.context || reader.tag === Response.status)
        reader.textEntries(maxTraceValue, entry)
      else reader.skipField()
      if (reader.isShort) return
    }
  }
}
