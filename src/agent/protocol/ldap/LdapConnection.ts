// The LDAP parser of one connection. Pairs by message id; the entries of a search are counted into its result. After a successful
// StartTLS the connection is left. Keeps 512 bytes of a message for each direction and the counts of at most 256 searches.

import { emptyMessage, type L7Message, RecordType } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { Der } from "../Der.ts"
import { utf8Text } from "../latin1.ts"
import { type ParserStats, resync } from "../ParserStats.ts"
import { type ConnectionParser, Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { detectLdap } from "./detect.ts"
import { filterText } from "./filter.ts"
import { LdapHalf } from "./LdapHalf.ts"
import { isPartial, isResult, Operation, requestName, resultName, resultStatus } from "./operations.ts"

const maxSearches = 256
const maxText = 256
/** Result codes are signed; a larger one is none. */
const maxCode = 0x7fff_ffff
const none = -1
const startTls = "1.3.6.1.4.1.1466.20037"
const scopes = ["base", "one", "sub", "children"]
const saslChoice = 0xa3

interface Partial {
  entries: number
  readonly startUs: number
  readonly tcpSeq: number
  length: number
  captured: number
}

/** `dc=example,dc=org` is the domain example.org (RFC 2247). */
const domainOf = (dn: string): string =>
  Array.from(dn.matchAll(/(?:^|,)\s*dc=([^,]+)/gi), (match) => match[1].trim().toLowerCase()).join(".")

export class LdapConnection implements ConnectionParser {
  private readonly halves: readonly [LdapHalf, LdapHalf] = [new LdapHalf(), new LdapHalf()]
  /** Answers under way, by message id. */
  private readonly partials = new Map<number, Partial>()
  private startTlsId = none
  private hasLeft = false
  private readonly sink: MessageSink
  private readonly stats: ParserStats
  private readonly masksLiterals: boolean

  constructor(sink: MessageSink, stats: ParserStats, masksLiterals: boolean) {
    this.sink = sink
    this.stats = stats
    this.masksLiterals = masksLiterals
  }

  get bufferedBytes(): number {
    return this.halves[0].kept.length + this.halves[1].kept.length
  }

  feed(
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
  ): void {
    if (this.hasLeft) return
    const half = this.halves[direction]
    let at = start
    if (half.isLost && start < end) {
      const evidence = detectLdap(bytes, start, end)
      at = resync(
        half,
        evidence === (direction === Direction.toServer ? Evidence.request : Evidence.response),
        start,
        end,
        this.stats,
      )
    }
    while (at < end && !half.isLost && !this.hasLeft) {
      if (!half.isOpen) half.begin(timeUs, tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0)
      at = half.scan(bytes, at, end)
      if (half.isDone) this.take(half, direction, timeUs)
      else if (half.isBroken) this.lose(half, end - at, true)
    }
    if (missing > 0 && !this.hasLeft) this.skipMissing(half, direction, missing, timeUs)
  }

  close(timeUs: number): void {
    if (this.hasLeft) return
    this.halves.forEach((half, direction) => {
      if (half.isOpen && half.length > 0) this.take(half, direction as Direction, timeUs)
    })
    this.hasLeft = true
  }

  private skipMissing(half: LdapHalf, direction: Direction, missing: number, timeUs: number): void {
    this.stats.skippedBytes += missing
    if (half.isLost) return
    const beyond = half.isOpen ? half.skip(missing) : missing
    if (half.isDone && half.isOpen) this.take(half, direction, timeUs)
    if (beyond > 0) this.lose(half, 0, false)
  }

  private lose(half: LdapHalf, skipped: number, isMalformed: boolean): void {
    if (isMalformed) this.stats.malformed++
    this.stats.skippedBytes += skipped
    half.begin(0, 0)
    half.isLost = true
  }

  private take(half: LdapHalf, direction: Direction, timeUs: number): void {
    const der = new Der(half.kept)
    const end = half.keptBytes
    const isWhole = half.captured === half.length
    der.read(0, end)
    let isRead = false
    if (der.read(der.contentAt, end) && der.is(0x02)) {
      const id = der.number(end)
      if (id >= 0 && der.read(der.contentEnd, end)) {
        isRead =
          direction === Direction.toServer
            ? this.takeRequest(half, der, id, timeUs)
            : this.takeResponse(half, der, id, timeUs)
      }
    }
    if (!isRead) this.stats.malformed++
    else if (!isWhole) this.stats.truncated++
    half.begin(0, 0)
  }

  private takeRequest(half: LdapHalf, der: Der, id: number, timeUs: number): boolean {
    const operation = der.tag
    const name = requestName(operation)
    if (name === "") return false
    const message = this.message(RecordType.request, half, id, timeUs)
    message.requestType = name
    message.endpoint = name
    message.isAsync = operation === Operation.unbind || operation === Operation.abandon
    this.partials.delete(id)
    this.describe(message, operation, der, half, id)
    this.stats.requests++
    this.sink.message(message)
    return true
  }

  private describe(
    message: L7Message,
    operation: number,
    der: Der,
    { kept, keptBytes }: LdapHalf,
    id: number,
  ): void {
    const text = (): string =>
      utf8Text(kept, der.contentAt, Math.min(der.contentEnd, keptBytes, der.contentAt + maxText))
    const next = (): boolean => der.read(der.contentEnd, keptBytes)
    if (operation === Operation.unbind || operation === Operation.abandon) return
    if (operation === Operation.delete) {
      this.nameResource(message, text())
      return
    }
    if (!der.read(der.contentAt, keptBytes)) return
    if (operation === Operation.extended) {
      message.requestResource = text()
      if (message.requestResource === startTls) {
        message.endpoint = "StartTLS"
        this.startTlsId = id
      }
      return
    }
    if (operation === Operation.bind) {
      if (!next()) return
      this.nameResource(message, text())
      if (!next()) return
      const isSasl = der.is(saslChoice)
      message.attributes = [
        "authentication",
        isSasl && der.read(der.contentAt, keptBytes) ? text() : "simple",
      ]
      return
    }
    const dn = text()
    this.nameResource(message, dn)
    if (operation !== Operation.search || !next()) return
    const scope = scopes[kept[der.contentAt]] ?? ""
    // Aliases, limits of size and time, "types only": four fields of no interest.
    for (let i = 0; i < 4; i++) if (!next()) return
    // As in a URL (RFC 4516): base, attributes, scope, filter.
    message.requestResource = `${dn}??${scope}?${filterText(kept, der.contentEnd, keptBytes, this.masksLiterals)}`
  }

  private nameResource(message: L7Message, dn: string): void {
    message.requestResource = dn
    message.requestDomain = domainOf(dn)
  }

  private takeResponse(half: LdapHalf, der: Der, id: number, timeUs: number): boolean {
    const operation = der.tag
    if (isPartial(operation)) {
      this.takePartial(half, operation, id)
      return true
    }
    if (!isResult(operation) || !der.read(der.contentAt, half.keptBytes)) return false
    const code = der.number(half.keptBytes)
    if (code < 0 || code > maxCode) return false
    const message = this.message(RecordType.response, half, id, timeUs)
    message.code = code
    message.status = resultStatus(code)
    message.result = resultName(code)
    if (code !== 0) this.readDiagnostic(message, der, half, code)
    const partial = this.partials.get(id)
    if (partial !== undefined) {
      this.partials.delete(id)
      message.startUs = partial.startUs
      message.tcpSeq = partial.tcpSeq
      message.length += partial.length
      message.capturedBytes += partial.captured
    }
    if (operation === Operation.searchDone && (partial !== undefined || this.partials.size < maxSearches))
      message.attributes = ["entries", `${partial?.entries ?? 0}`]
    // Id 0 is for notices that answer nothing (RFC 4511 section 4.4).
    if (id === 0) {
      message.isAsync = true
      message.requestType = "Notice"
    }
    this.stats.responses++
    this.sink.message(message)
    if (id === this.startTlsId) {
      this.startTlsId = none
      if (code === 0) {
        this.hasLeft = true
        this.sink.leave()
      }
    }
    return true
  }

  /** Matched name, then text for people. Values quoted in it are kept: servers quote names of attributes. */
  private readDiagnostic(message: L7Message, der: Der, { kept, keptBytes }: LdapHalf, code: number): void {
    let text = ""
    if (der.read(der.contentEnd, keptBytes) && der.read(der.contentEnd, keptBytes))
      text = utf8Text(kept, der.contentAt, Math.min(der.contentEnd, keptBytes, der.contentAt + maxText))
    if (resultStatus(code) !== 0)
      message.exception = text === "" ? resultName(code) : `${resultName(code)}: ${text}`
  }

  private takePartial(half: LdapHalf, operation: number, id: number): void {
    let partial = this.partials.get(id)
    if (partial === undefined) {
      if (this.partials.size >= maxSearches) {
        this.stats.overflows++
        return
      }
      partial = { entries: 0, startUs: half.startUs, tcpSeq: half.tcpSeq, length: 0, captured: 0 }
      this.partials.set(id, partial)
    }
    if (operation === Operation.searchEntry) partial.entries++
    partial.length += half.length
    partial.captured += half.captured
  }

  private message(type: L7Message["type"], half: LdapHalf, id: number, timeUs: number): L7Message {
    const message = emptyMessage(type, L7Protocol.ldap, half.startUs, half.tcpSeq)
    message.endUs = timeUs
    message.requestId = id
    message.length = half.length
    message.capturedBytes = half.captured
    return message
  }
}
