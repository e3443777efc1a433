// Reads one DNS message (RFC 1035 section 4, EDNS: RFC 6891, extended errors: RFC 8914) into an L7Message: the first question,
// and of a response the outcome and its first records. One reader serves all connections of a protocol value. Looks at no more
// than 64 records; a message that was cut gives what its captured part says.

import { emptyMessage, type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { ipText } from "../../../model/ipText.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { utf8Text } from "../latin1.ts"
import { DomainName } from "./DomainName.ts"
import {
  opcodeAttributes,
  RecordKind,
  recordKindName,
  responseCodeName,
  responseCodeStatus,
} from "./names.ts"

const headerBytes = 12
const maxRecords = 64
/** Records that the result names; of the others it gives the number. */
const maxNamed = 8
const maxText = 64
const optExtendedError = 15
const codeNxDomain = 3

const uint16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]
const uint32 = (bytes: Uint8Array, at: number): number => uint16(bytes, at) * 65_536 + uint16(bytes, at + 2)

export class DnsReader {
  /** The latest message asks for a whole zone, which more than one message may answer. */
  isTransfer = false
  /** The latest message ended, or a name in it broke the rules, before all of it was read. */
  isIncomplete = false
  private readonly name = new DomainName()
  private readonly address = new Uint8Array(16)
  /** Suffixes of names of which NXDOMAIN is an answer like any other. */
  private readonly searchSuffixes: ReadonlyArray<string>
  private named: Array<string> = []
  private records = 0
  private extendedCode = 0
  private extendedError = ""

  constructor(searchSuffixes: ReadonlyArray<string>) {
    this.searchSuffixes = searchSuffixes
  }

  /** Null for what is no DNS message. */
  read(bytes: Uint8Array, start: number, end: number, timeUs: number, tcpSeq: number): L7Message | null {
    this.isTransfer = false
    this.isIncomplete = false
    if (end - start < headerBytes) return null
    const opcode = (bytes[start + 2] >> 3) & 15
    const attributes = opcodeAttributes[opcode]
    if (attributes === undefined) return null
    const isResponse = (bytes[start + 2] & 0x80) !== 0
    const message = emptyMessage(
      isResponse ? RecordType.response : RecordType.request,
      L7Protocol.dns,
      timeUs,
      tcpSeq,
    )
    message.requestId = uint16(bytes, start)
    let at = this.readQuestions(bytes, start, end, message)
    if (!isResponse) {
      message.attributes = attributes
      return message
    }
    if (at >= 0) at = this.readRecords(bytes, start, end, at, message)
    else this.clear()
    this.isIncomplete = at < 0
    this.describe(message, bytes[start + 3] & 15, (bytes[start + 2] & 2) !== 0)
    return message
  }

  /** Returns the position after the questions, or -1. */
  private readQuestions(bytes: Uint8Array, start: number, end: number, message: L7Message): number {
    const questions = uint16(bytes, start + 4)
    let at = start + headerBytes
    for (let i = 0; i < questions; i++) {
      // More than one question is found in multicast DNS only.
      if (i === maxRecords) return -1
      at = this.name.read(bytes, start, at, end)
      if (at < 0 || at + 4 > end) {
        this.isIncomplete = true
        if (i === 0 && at >= 0) this.nameResource(message)
        return -1
      }
      if (i === 0) {
        this.nameResource(message)
        const kind = uint16(bytes, at)
        message.requestType = recordKindName(kind)
        this.isTransfer = kind === RecordKind.axfr || kind === RecordKind.ixfr
      }
      at += 4
    }
    return at
  }

  private nameResource(message: L7Message): void {
    message.requestResource = this.name.text
    message.endpoint = this.name.text
    message.requestDomain = this.name.text
  }

  private clear(): void {
    this.named = []
    this.records = 0
    this.extendedCode = 0
    this.extendedError = ""
  }

  private readRecords(
    bytes: Uint8Array,
    start: number,
    end: number,
    from: number,
    message: L7Message,
  ): number {
    this.clear()
    const answers = uint16(bytes, start + 6)
    const authorities = answers + uint16(bytes, start + 8)
    const all = authorities + uint16(bytes, start + 10)
    let at = from
    for (let i = 0; i < all; i++) {
      if (i === maxRecords) {
        this.records = Math.max(this.records, answers)
        return at
      }
      at = this.name.read(bytes, start, at, end)
      if (at < 0 || at + 10 > end) return -1
      const kind = uint16(bytes, at)
      const valueAt = at + 10
      const next = valueAt + uint16(bytes, at + 8)
      if (next > end) return -1
      if (i === 0 && message.requestResource === "" && answers > 0) {
        // Multicast DNS answers without repeating the question.
        this.nameResource(message)
        message.requestType = recordKindName(kind)
      }
      if (kind === RecordKind.opt && i >= authorities) {
        this.extendedCode = bytes[at + 4]
        this.readOptions(bytes, valueAt, next)
      } else if (i < answers || (i < authorities && answers === 0 && kind === RecordKind.soa)) {
        this.records++
        if (this.named.length < maxNamed) {
          const value = this.value(bytes, start, end, kind, valueAt, next)
          if (value === null) return -1
          this.named.push(`${recordKindName(kind)}${value} TTL=${uint32(bytes, at + 4)}`)
        }
      }
      at = next
    }
    return at
  }

  /** `=` and the value as text; empty for kinds that are not read; null when it is malformed. */
  private value(
    bytes: Uint8Array,
    start: number,
    end: number,
    kind: number,
    at: number,
    next: number,
  ): string | null {
    let nameAt = at
    let before = "="
    switch (kind) {
      case RecordKind.a:
      case RecordKind.aaaa:
        return this.addressText(bytes, at, next - at, kind === RecordKind.a ? 4 : 16)
      case RecordKind.txt:
        if (at === next || at + 1 + bytes[at] > next) return at === next ? "" : null
        return `=${utf8Text(bytes, at + 1, at + 1 + Math.min(bytes[at], maxText))}`
      case RecordKind.mx:
        if (at + 3 > next) return null
        before = `=${uint16(bytes, at)} `
        nameAt += 2
        break
      case RecordKind.srv:
        if (at + 7 > next) return null
        before = `=${uint16(bytes, at + 4)} `
        nameAt += 6
        break
      case RecordKind.ns:
      case RecordKind.cname:
      case RecordKind.soa:
      case RecordKind.ptr:
      case RecordKind.dname:
        break
      default:
        return ""
    }
    return this.name.read(bytes, start, nameAt, Math.min(next, end)) < 0 ? null : before + this.name.text
  }

  private addressText(bytes: Uint8Array, at: number, length: number, expected: number): string | null {
    if (length !== expected) return null
    if (expected === 4) return `=${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`
    for (let i = 0; i < 16; i++) this.address[i] = bytes[at + i]
    return `=${ipText(this.address)}`
  }

  private readOptions(bytes: Uint8Array, from: number, end: number): void {
    for (let at = from; at + 4 <= end;) {
      const next = at + 4 + uint16(bytes, at + 2)
      if (next > end) return
      if (uint16(bytes, at) === optExtendedError && next >= at + 6) {
        const text = utf8Text(bytes, at + 6, Math.min(next, at + 6 + maxText))
        this.extendedError = `${uint16(bytes, at + 4)}${text === "" ? "" : ` ${text}`}`
      }
      at = next
    }
  }

  private describe(message: L7Message, lowCode: number, isTruncated: boolean): void {
    const code = this.extendedCode * 16 + lowCode
    message.code = code
    message.status = responseCodeStatus(code)
    message.exception = responseCodeName(code)
    if (code === codeNxDomain && this.isSearched(message.requestResource)) message.status = ResponseStatus.ok
    const { named, records } = this
    message.result =
      records > named.length ? `${named.join(", ")}, and ${records - named.length} more` : named.join(", ")
    if (isTruncated || this.extendedError !== "") {
      message.attributes = [
        ...(isTruncated ? ["truncated", "true"] : []),
        ...(this.extendedError === "" ? [] : ["extended_error", this.extendedError]),
      ]
    }
  }

  private isSearched(name: string): boolean {
    for (const suffix of this.searchSuffixes) if (name.endsWith(suffix)) return true
    return false
  }
}
