// The HTTP/1.x parser of one connection (RFC 9112): finds messages in two byte streams, across any split of the bytes.
// Invariants: holds at most two heads of 16 KiB and 64 outstanding requests; every malformed run ends in `lost`, which
// ends at the next feed that begins a message; a request is handed over before the response that answers it.

import { emptyMessage, type L7Message, RecordType } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import type { ParserStats } from "../ParserStats.ts"
import { type ConnectionParser, Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { detectHttp1 } from "./detect.ts"
import { HalfStream, maxHead, Phase } from "./HalfStream.ts"
import { findHeadEnd } from "./headEnd.ts"
import { badLength, noLength } from "./headBytes.ts"
import { type HeadReader, MethodKind, noHead } from "./HeadReader.ts"
import { RequestQueue } from "./RequestQueue.ts"
import type { Upgrades } from "./Upgrades.ts"

/** A message whose body takes longer is handed over before its end, so that long downloads and streams are seen. */
const longMessageUs = 5_000_000
/** Most heads fit in this; longer ones are read when their end is found. */
const headWindow = 1024
const LF = 10
const CR = 13

/** Attributes of a message of whose head only a part was captured. */
const headTruncated: ReadonlyArray<string> = ["head_truncated", "true"]

export class Http1Connection implements ConnectionParser {
  private readonly requests = new HalfStream()
  private readonly responses = new HalfStream()
  private readonly outstanding = new RequestQueue()
  private hasLeft = false
  /** The parser of the protocol that the connection was switched to. */
  private next: ConnectionParser | null = null
  /** The latest request that asked to switch. */
  private switching: L7Message | null = null
  private readonly upgrades: Upgrades
  private readonly sink: MessageSink
  private readonly reader: HeadReader
  private readonly stats: ParserStats

  constructor(sink: MessageSink, reader: HeadReader, stats: ParserStats, upgrades: Upgrades) {
    this.sink = sink
    this.upgrades = upgrades
    this.reader = reader
    this.stats = stats
  }

  /** Bytes this parser holds, for tests of its bound. */
  get bufferedBytes(): number {
    return (this.requests.head?.length ?? 0) + (this.responses.head?.length ?? 0)
  }

  get outstandingRequests(): number {
    return this.outstanding.size
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
    if (this.next !== null) {
      this.next.feed(direction, bytes, start, end, missing, timeUs, tcpSeq)
      return
    }
    if (this.hasLeft) return
    const half = direction === Direction.toServer ? this.requests : this.responses
    if (start < end) this.checkStart(half, direction, bytes, start, end)
    let at = start
    while (at < end && !this.hasLeft) {
      switch (half.phase) {
        case Phase.start:
        case Phase.head:
          at = this.readHead(
            half,
            direction,
            bytes,
            at,
            end,
            timeUs,
            tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0,
          )
          break
        case Phase.body: {
          const taken = Math.min(half.remaining, end - at)
          half.events?.scan(bytes, at, at + taken)
          half.remaining -= taken
          at += taken
          this.count(half, taken, timeUs)
          if (half.remaining === 0) this.finish(half)
          break
        }
        case Phase.chunks: {
          const next = half.chunks.scan(bytes, at, end)
          this.count(half, next - at, timeUs)
          at = next
          if (half.chunks.isDone) {
            const message = half.message ?? half.streamEnd
            if (message !== null) message.length = half.chunks.length
            this.finish(half)
          } else if (half.chunks.isBroken) {
            this.stats.malformed++
            this.lose(half, direction)
          }
          break
        }
        case Phase.untilClose:
          half.events?.scan(bytes, at, end)
          half.counted += end - at
          this.count(half, end - at, timeUs)
          at = end
          break
        case Phase.lost:
          this.stats.skippedBytes += end - at
          at = end
          break
      }
    }
    this.handOn(direction, bytes, at, end, missing, timeUs, tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0)
    if (missing > 0 && !this.hasLeft) this.skipMissing(half, direction, missing, timeUs)
    if (half.message !== null && timeUs - half.message.startUs >= longMessageUs) this.emit(half)
  }

  touch(): number {
    const { outstanding, requests, responses } = this
    return outstanding.size + requests.touch() + responses.touch()
  }

  close(timeUs: number): void {
    this.next?.close(timeUs)
    if (this.hasLeft) return
    this.hasLeft = true
    this.emitPartialHead(this.requests, Direction.toServer)
    this.emit(this.requests)
    this.emitPartialHead(this.responses, Direction.toClient)
    const response = this.responses.message
    if (response !== null && this.responses.phase === Phase.untilClose) {
      response.length = this.responses.counted
      response.endUs = Math.max(response.endUs, timeUs)
    }
    this.emit(this.responses)
    this.endEvents(this.responses)
  }

  /** What follows a switch of protocols in the same run of bytes. */
  private handOn(
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
  ): void {
    if (this.next !== null && (start < end || missing > 0))
      this.next.feed(direction, bytes, start, end, missing, timeUs, tcpSeq)
  }

  /** What the beginning of a feed says about where the streams stand. */
  private checkStart(
    half: HalfStream,
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const wanted = direction === Direction.toServer ? Evidence.request : Evidence.response
    if (half.phase === Phase.lost) {
      if (detectHttp1(bytes, start, end) !== wanted) return
      half.phase = Phase.start
      this.stats.resyncs++
    } else if (half.phase === Phase.body && half.isUncertain) {
      // A response to a request that was not seen: after HEAD the next message stands where a body was announced.
      half.isUncertain = false
      if (detectHttp1(bytes, start, end) === wanted) this.finish(half)
    } else if (half.phase === Phase.body || half.phase === Phase.chunks) {
      this.checkBody(half, direction, bytes, start, end, wanted)
    }
    if (direction === Direction.toServer) {
      if (this.responses.phase === Phase.untilClose && detectHttp1(bytes, start, end) === wanted) {
        // The connection goes on, so the body did not run until its end.
        this.lose(this.responses, Direction.toClient)
      }
    } else if (this.requests.phase === Phase.head && this.outstanding.size === 0) {
      // The server answers: what it waited for of the request's head was not captured.
      if (detectHttp1(bytes, start, end) === wanted) {
        this.emitPartialHead(this.requests, Direction.toServer)
        this.requests.phase = Phase.lost
      }
    }
  }

  /**
   * A message that begins where a body should go on: bytes were lost of which nobody told (sent by a call that is not
   * captured). Believed only where another message is due: a response while a request waits, a request after the answer.
   */
  private checkBody(
    half: HalfStream,
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    wanted: Evidence,
  ): void {
    const isDue = direction === Direction.toClient ? this.outstanding.size > 0 : this.outstanding.size === 0
    if (!isDue || detectHttp1(bytes, start, end) !== wanted) return
    if (half.message !== null) this.stats.truncated++
    this.stats.resyncs++
    this.finish(half)
  }

  private readHead(
    half: HalfStream,
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    timeUs: number,
    tcpSeq: number,
  ): number {
    let at = start
    if (half.phase === Phase.start) {
      // Empty lines before a message are to be ignored (RFC 9112 section 2.2).
      while (at < end && (bytes[at] === CR || bytes[at] === LF)) at++
      if (at === end) return end
      half.headStartUs = timeUs
      half.headTcpSeq = tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0
      const length = this.readWhole(half, direction, bytes, at, end, timeUs)
      if (length > 0) return at + length
      const headEnd = findHeadEnd(bytes, at, Math.min(end, at + maxHead))
      if (headEnd > 0) {
        this.readKnown(half, direction, bytes, at, headEnd, headEnd - at, timeUs, true)
        return headEnd
      }
    }
    const before = half.headLength
    const fits = half.appendHead(bytes, at, end)
    half.phase = Phase.head
    const head = half.head as Uint8Array
    const headEnd = findHeadEnd(head, Math.max(0, before - 2), half.headLength)
    if (headEnd > 0) {
      half.clearHead()
      this.readKnown(half, direction, head, 0, headEnd, headEnd, timeUs, true)
      return at + headEnd - before
    }
    const wanted = direction === Direction.toServer ? Evidence.request : Evidence.response
    const evidence = this.evidenceOf(head, half.headLength)
    if (!fits || (evidence !== wanted && evidence !== Evidence.unclear)) {
      this.stats.malformed++
      if (evidence === wanted) this.emitPartialHead(half, direction)
      half.clearHead()
      this.lose(half, direction, evidence !== wanted)
    }
    return end
  }

  /** A head that is not complete may begin with a method that detection does not know: the line's end decides. */
  private evidenceOf(head: Uint8Array, length: number): Evidence {
    const evidence = detectHttp1(head, 0, length)
    if (evidence !== Evidence.none || length > 256) return evidence
    for (let i = 0; i < length; i++) {
      const c = head[i]
      if (c === 32) return i > 0 && head.indexOf(LF) < 0 ? Evidence.unclear : Evidence.none
      if (!((c >= 65 && c <= 90) || c === 45 || c === 95) || i > 24) return Evidence.none
    }
    return Evidence.unclear
  }

  /** Reads the head that begins at bytes[at]; 0, and nothing is read, when it is not a common one and whole. */
  private readWhole(
    half: HalfStream,
    direction: Direction,
    bytes: Uint8Array,
    at: number,
    end: number,
    timeUs: number,
  ): number {
    const message = this.messageOf(half, direction, timeUs)
    const length = this.readBytes(direction, bytes, at, Math.min(end, at + headWindow), message)
    if (length > 0) {
      message.capturedBytes = length
      this.begin(half, direction, message, true)
    }
    return length === noHead ? 0 : length
  }

  /** The head bytes[start, end) is known: reads it and decides what follows. */
  private readKnown(
    half: HalfStream,
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    captured: number,
    timeUs: number,
    isComplete: boolean,
  ): void {
    const message = this.messageOf(half, direction, timeUs)
    message.capturedBytes = captured
    if (this.readBytes(direction, bytes, start, end, message) === noHead) {
      this.stats.malformed++
      this.lose(half, direction, true)
    } else this.begin(half, direction, message, isComplete)
  }

  private messageOf(half: HalfStream, direction: Direction, timeUs: number): L7Message {
    const type = direction === Direction.toServer ? RecordType.request : RecordType.response
    const message = emptyMessage(type, L7Protocol.http1, half.headStartUs, half.headTcpSeq)
    message.endUs = timeUs
    return message
  }

  private readBytes(
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    message: L7Message,
  ): number {
    return direction === Direction.toServer
      ? this.reader.readRequest(bytes, start, end, message)
      : this.reader.readResponse(bytes, start, end, message)
  }

  private begin(half: HalfStream, direction: Direction, message: L7Message, isComplete: boolean): void {
    if (!isComplete) {
      message.attributes = headTruncated
      this.stats.truncated++
    }
    half.message = message
    half.counted = 0
    if (direction === Direction.toServer) this.beginRequest(half, message, isComplete)
    else this.beginResponse(half, message, isComplete)
  }

  private beginRequest(half: HalfStream, message: L7Message, isComplete: boolean): void {
    const reader = this.reader
    if (!this.outstanding.add(reader.methodKind, message.endpoint)) this.stats.overflows++
    this.switching = reader.upgrade === "" ? null : message
    if (reader.contentLength >= 0 && !reader.isChunked) message.length = reader.contentLength
    if (!isComplete) {
      this.emit(half)
      half.phase = Phase.lost
    } else if (reader.isChunked) {
      half.phase = Phase.chunks
      half.chunks.begin()
    } else if (reader.contentLength === badLength || reader.hasOtherCoding) {
      this.stats.malformed++
      this.lose(half, Direction.toServer, true)
    } else if (reader.contentLength > 0) {
      half.phase = Phase.body
      half.remaining = reader.contentLength
      half.isUncertain = false
    } else this.finish(half)
  }

  private beginResponse(half: HalfStream, message: L7Message, isComplete: boolean): void {
    const reader = this.reader
    const code = message.code
    if (code < 200 && code !== 101) {
      half.message = null
      half.phase = isComplete ? Phase.start : Phase.lost
      return
    }
    this.outstanding.take()
    const kind = this.outstanding.methodKind
    message.endpoint = this.outstanding.endpoint
    // The answered request goes first, even when its body is still on its way.
    if (this.outstanding.size === 0) this.emit(this.requests)
    const length = reader.contentLength
    if (code === 101 || (kind === MethodKind.connect && code < 300)) {
      this.switchProtocol(half, message)
      return
    }
    this.switching = null
    if (length >= 0 && !reader.isChunked) message.length = length
    if (!isComplete) {
      this.emit(half)
      half.phase = Phase.lost
    } else if (kind === MethodKind.head || code === 204 || code === 304) {
      this.finish(half)
    } else if (reader.isChunked) {
      half.phase = Phase.chunks
      half.chunks.begin()
    } else if (length === badLength) {
      this.stats.malformed++
      this.lose(half, Direction.toClient, true)
    } else if (length > 0) {
      half.phase = Phase.body
      half.remaining = length
      half.isUncertain = kind === MethodKind.unknown
    } else if (length === noLength || reader.hasOtherCoding) half.phase = Phase.untilClose
    else this.finish(half)
    if (reader.isEventStream) this.beginEvents(half)
  }

  /** 101, or a tunnel opened by CONNECT: what follows is not HTTP/1. */
  private switchProtocol(half: HalfStream, message: L7Message): void {
    const { http2, webSocket } = this.upgrades
    const { upgrade } = this.reader
    const request = this.switching
    this.switching = null
    this.hasLeft = true
    if (message.code === 101 && upgrade === "h2c" && http2 !== undefined) {
      // The answer to the request is not this one but that of stream 1.
      half.message = null
      half.phase = Phase.start
      this.next = http2(this.sink, message.endpoint)
      return
    }
    this.finish(half)
    if (message.code === 101 && upgrade === "websocket" && webSocket !== undefined) {
      this.next = webSocket(this.sink, {
        domain: request?.requestDomain ?? "",
        resource: request?.requestResource ?? "",
        endpoint: message.endpoint,
      })
    } else this.sink.leave()
  }

  /** An event stream is handed over at its beginning. */
  private beginEvents(half: HalfStream): void {
    const { message } = half
    if (message === null) return
    this.emit(half)
    half.expectEvents(message)
  }

  private endEvents(half: HalfStream): void {
    const message = half.takeStreamEnd()
    if (message === null) return
    this.stats.responses++
    this.sink.message(message)
  }

  private count(half: HalfStream, captured: number, timeUs: number): void {
    const message = half.message ?? half.streamEnd
    if (message === null) return
    message.capturedBytes += captured
    message.endUs = timeUs
  }

  private skipMissing(half: HalfStream, direction: Direction, missing: number, timeUs: number): void {
    half.events?.skip()
    if (half.phase === Phase.body) {
      const ofBody = Math.min(missing, half.remaining)
      half.remaining -= ofBody
      half.isUncertain = false
      this.count(half, 0, timeUs)
      if (half.remaining === 0) this.finish(half)
      if (missing > ofBody) {
        this.stats.skippedBytes += missing - ofBody
        this.lose(half, direction, true)
      }
    } else if (half.phase === Phase.untilClose) {
      half.counted += missing
    } else if (half.phase === Phase.chunks) {
      if (half.chunks.skip(missing)) return
      if (half.message !== null) this.stats.truncated++
      this.stats.skippedBytes += missing
      this.lose(half, direction)
    } else {
      this.stats.skippedBytes += missing
      if (
        half.phase === Phase.start ||
        (half.phase === Phase.head && !this.emitPartialHead(half, direction))
      ) {
        this.lose(half, direction, true)
      }
    }
  }

  /** Hands over what an incomplete head says when at least its first line is there. */
  private emitPartialHead(half: HalfStream, direction: Direction): boolean {
    if (half.phase !== Phase.head || half.head === null) return false
    const { head } = half
    const lastLine = head.lastIndexOf(LF, half.headLength - 1) + 1
    const captured = half.headLength
    half.clearHead()
    half.phase = Phase.lost
    if (lastLine === 0) return false
    this.readKnown(half, direction, head, 0, lastLine, captured, half.headStartUs, false)
    return true
  }

  /** The message is complete. */
  private finish(half: HalfStream): void {
    half.phase = Phase.start
    this.emit(half)
    this.endEvents(half)
  }

  /** The position in the stream is lost; `messagesToo` when whole messages may be lost with it. */
  private lose(half: HalfStream, direction: Direction, messagesToo = false): void {
    half.phase = Phase.lost
    half.clearHead()
    this.emit(half)
    this.endEvents(half)
    if (!messagesToo) return
    this.outstanding.clear()
    this.sink.desync(direction)
  }

  private emit(half: HalfStream): void {
    const message = half.message
    if (message === null) return
    half.message = null
    if (message.type === RecordType.request) this.stats.requests++
    else this.stats.responses++
    this.sink.message(message)
  }
}
