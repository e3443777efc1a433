// The HTTP/2 parser of one connection (RFC 9113): finds frames in two byte streams, across any split of the bytes, and hands
// their meaning to Http2Streams. Invariants: memory is bounded by Http2Half and Http2Streams; what cannot be a frame ends in
// `lost`, which ends at the next feed that begins with frames; a header table is forgotten when insertions may be lost.

import { latin1Text } from "../latin1.ts"
import type { ParserStats } from "../ParserStats.ts"
import { type ConnectionParser, Direction, type MessageSink } from "../Protocol.ts"
import { mayBeginFrames } from "./detect.ts"
import { defaultTableBytes } from "./DynamicTable.ts"
import { FrameFlag, frameHeaderLength, FrameType, isFrameHeader, preface, uint32 } from "./frame.ts"
import type { HeaderFields } from "./HeaderFields.ts"
import { Block, maxBlock } from "./HpackDecoder.ts"
import { Http2Half, maxControl, Phase } from "./Http2Half.ts"
import { Http2Streams } from "./Http2Streams.ts"

/**
 * Lost bytes at a frame's end that cannot hold an insertion into the header table: one frame header and two bytes, in which
 * a field would have to be inserted alone and with an empty value. It is the length of gRPC's trailers that refer to the table.
 */
const harmlessLoss = frameHeaderLength + 2

export class Http2Connection implements ConnectionParser {
  private readonly toServer = new Http2Half()
  private readonly toClient = new Http2Half()
  private readonly streams: Http2Streams
  private hasClosed = false
  private readonly stats: ParserStats
  private readonly fields: HeaderFields

  constructor(sink: MessageSink, fields: HeaderFields, stats: ParserStats, keepSegments: number) {
    this.streams = new Http2Streams(sink, stats, keepSegments)
    this.fields = fields
    this.stats = stats
  }

  /** Bytes this parser holds, for tests of its bound. */
  get bufferedBytes(): number {
    const { toServer, toClient } = this
    return (
      (toServer.block?.length ?? 0) +
      (toClient.block?.length ?? 0) +
      toServer.decoder.table.bytes +
      toClient.decoder.table.bytes
    )
  }

  get openStreams(): number {
    return this.streams.size
  }

  /** The connection came by HTTP/1.1's upgrade: its request, with this endpoint, is stream 1. */
  adopt(endpoint: string): void {
    this.streams.adopt(endpoint)
    this.knowTables()
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
    if (this.hasClosed) return
    const half = direction === Direction.toServer ? this.toServer : this.toClient
    if (half.phase === Phase.lost && start < end && mayBeginFrames(bytes, start, end, direction)) {
      half.phase = Phase.header
      this.stats.resyncs++
    }
    let at = start
    while (at < end) {
      switch (half.phase) {
        case Phase.header:
          at = this.readHeader(
            half,
            direction,
            bytes,
            at,
            end,
            timeUs,
            tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0,
          )
          break
        case Phase.preface:
          at = this.readPreface(half, bytes, at, end)
          break
        case Phase.data:
          at = this.readData(half, direction, bytes, at, end, timeUs)
          break
        case Phase.lost:
          this.stats.skippedBytes += end - at
          half.decoder.table.reset()
          at = end
          break
        default:
          at = this.readPayload(half, direction, bytes, at, end, timeUs)
          break
      }
    }
    if (missing > 0) this.skipMissing(half, direction, missing, timeUs)
    this.streams.sweep(timeUs)
  }

  close(timeUs: number): void {
    if (this.hasClosed) return
    for (const direction of [Direction.toServer, Direction.toClient]) {
      const half = direction === Direction.toServer ? this.toServer : this.toClient
      if (half.blockStream === 0) continue
      half.isBlockCut = true
      if (half.phase === Phase.block) half.stripPiece()
      this.endBlock(half, direction, timeUs)
    }
    this.hasClosed = true
    this.streams.close()
  }

  /** The connection is seen from its beginning, so the tables are empty and of the agreed size. */
  private knowTables(): void {
    this.toServer.decoder.table.reset(defaultTableBytes)
    this.toClient.decoder.table.reset(defaultTableBytes)
  }

  private readPreface(half: Http2Half, bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end && half.prefaceLength < preface.length) {
      if (bytes[at] !== preface[half.prefaceLength]) {
        this.stats.malformed++
        half.phase = Phase.lost
        return at
      }
      at++
      half.prefaceLength++
    }
    if (half.prefaceLength === preface.length) {
      half.phase = Phase.header
      this.knowTables()
    }
    return at
  }

  private readHeader(
    half: Http2Half,
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    timeUs: number,
    tcpSeq: number,
  ): number {
    if (!half.hasBegun) {
      half.hasBegun = true
      if (direction === Direction.toServer && bytes[start] === preface[0]) {
        half.phase = Phase.preface
        return start
      }
    }
    if (half.headerLength === 0) {
      half.startUs = timeUs
      half.tcpSeq = tcpSeq
    }
    let at = start
    while (at < end && half.headerLength < frameHeaderLength) half.header[half.headerLength++] = bytes[at++]
    if (half.headerLength < frameHeaderLength) return at
    half.headerLength = 0
    const { header } = half
    half.length = (header[0] << 16) | (header[1] << 8) | header[2]
    half.type = header[3]
    half.flags = header[4]
    // The first bit is reserved and to be ignored.
    half.stream = uint32(header, 5) & 0x7fff_ffff
    half.remaining = half.length
    half.captured = frameHeaderLength
    const continues = half.type === FrameType.continuation && half.stream === half.blockStream
    if (
      (half.blockStream !== 0) !== continues ||
      !isFrameHeader(half.length, half.type, half.flags, half.stream, direction, false)
    ) {
      this.stats.malformed++
      this.lose(half, direction, timeUs)
      return at
    }
    return this.beginFrame(half, direction, bytes, at, end, timeUs)
  }

  private beginFrame(
    half: Http2Half,
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    timeUs: number,
  ): number {
    switch (half.type) {
      case FrameType.data:
        half.phase = Phase.data
        half.padding = (half.flags & FrameFlag.padded) === 0 ? 0 : -1
        if (half.length === 0) this.endData(half, direction, timeUs)
        return start
      case FrameType.headers:
      case FrameType.pushPromise:
        half.blockStream = half.stream
        half.isPromise = half.type === FrameType.pushPromise
        half.blockEnds = half.type === FrameType.headers && (half.flags & FrameFlag.endStream) !== 0
        half.place.startUs = half.startUs
        half.place.tcpSeq = half.tcpSeq
        half.place.captured = 0
        half.phase = Phase.block
        // Most blocks are whole: they are read where they are.
        if (
          end - start >= half.length &&
          half.length <= maxBlock &&
          (half.flags & FrameFlag.endHeaders) !== 0 &&
          half.type === FrameType.headers
        ) {
          half.captured += half.length
          this.readWhole(half, direction, bytes, start, timeUs)
          return start + half.length
        }
        half.pieceStart = half.blockLength
        return start
      case FrameType.continuation:
        half.phase = Phase.block
        half.pieceStart = half.blockLength
        if (half.length === 0) this.endPiece(half, direction, timeUs)
        return start
      case FrameType.rstStream:
      case FrameType.goAway:
        half.phase = Phase.control
        half.controlLength = 0
        return start
      default:
        half.phase = half.length === 0 ? Phase.header : Phase.skip
        return start
    }
  }

  private readData(
    half: Http2Half,
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    timeUs: number,
  ): number {
    let at = start
    if (half.padding < 0) {
      half.padding = bytes[at++]
      half.remaining--
      half.captured++
      if (half.padding > half.remaining) {
        this.stats.malformed++
        half.padding = half.remaining
      }
    }
    const taken = Math.min(half.remaining, end - at)
    const ofBody = Math.min(taken, Math.max(0, half.remaining - half.padding))
    const stream = this.streams.find(half.stream)
    if (stream !== null && ofBody > 0) {
      const body = direction === Direction.toServer ? stream.requestBody : stream.responseBody
      body.scan(bytes, at, at + ofBody)
    }
    half.remaining -= taken
    half.captured += taken
    if (half.remaining === 0) this.endData(half, direction, timeUs)
    return at + taken
  }

  private endData(half: Http2Half, direction: Direction, timeUs: number): void {
    half.phase = Phase.header
    const stream = this.streams.find(half.stream)
    if (stream === null) return
    const message = direction === Direction.toServer ? stream.request : stream.response
    if (message !== null) {
      message.capturedBytes += half.captured
      message.endUs = timeUs
    } else if (direction === Direction.toClient) stream.lateCaptured += half.captured
    if ((half.flags & FrameFlag.endStream) !== 0) this.streams.end(direction, stream, timeUs)
  }

  private readPayload(
    half: Http2Half,
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    timeUs: number,
  ): number {
    const taken = Math.min(half.remaining, end - start)
    if (half.phase === Phase.block) half.appendBlock(bytes, start, start + taken)
    else if (half.phase === Phase.control) {
      const kept = Math.min(taken, maxControl - half.controlLength)
      for (let i = 0; i < kept; i++) half.control[half.controlLength++] = bytes[start + i]
    }
    half.remaining -= taken
    half.captured += taken
    if (half.remaining === 0) this.endPayload(half, direction, timeUs)
    return start + taken
  }

  private endPayload(half: Http2Half, direction: Direction, timeUs: number): void {
    if (half.phase === Phase.block) {
      this.endPiece(half, direction, timeUs)
      return
    }
    if (half.phase === Phase.control) this.endControl(half, direction, timeUs)
    half.phase = Phase.header
  }

  private endControl(half: Http2Half, direction: Direction, timeUs: number): void {
    const { control, controlLength } = half
    if (half.type === FrameType.rstStream) {
      if (controlLength === 4) this.streams.reset(direction, half.stream, uint32(control, 0), timeUs)
    } else if (direction === Direction.toClient && controlLength >= 8) {
      const text = latin1Text(control, 8, controlLength).replaceAll(/[^\x20-\x7e]/g, "?")
      this.streams.goAway(uint32(control, 0) & 0x7fff_ffff, uint32(control, 4), text, timeUs)
    }
  }

  private readWhole(
    half: Http2Half,
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    timeUs: number,
  ): void {
    const from = start + half.prefixLength
    const padding = (half.flags & FrameFlag.padded) === 0 ? 0 : bytes[start]
    const to = start + half.length - padding
    if (from > to) {
      this.breakBlock(half, direction, timeUs)
      return
    }
    half.phase = Phase.header
    half.place.captured += half.captured
    this.readBlock(half, direction, bytes, from, to, timeUs)
  }

  /** The frame is complete: reads the block when this was its last piece. */
  private endPiece(half: Http2Half, direction: Direction, timeUs: number): void {
    half.phase = Phase.header
    half.place.captured += half.captured
    if (!half.stripPiece()) this.breakBlock(half, direction, timeUs)
    else if ((half.flags & FrameFlag.endHeaders) !== 0) this.endBlock(half, direction, timeUs)
  }

  private endBlock(half: Http2Half, direction: Direction, timeUs: number): void {
    const block = half.block ?? new Uint8Array(0)
    this.readBlock(half, direction, block, 0, half.blockLength, timeUs)
  }

  private breakBlock(half: Http2Half, direction: Direction, timeUs: number): void {
    half.clearBlock()
    this.stats.malformed++
    this.lose(half, direction, timeUs)
  }

  private readBlock(
    half: Http2Half,
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    timeUs: number,
  ): void {
    const { fields, streams } = this
    const { blockStream, blockPromised, blockEnds, isPromise } = half
    fields.reset()
    const found = half.decoder.decode(bytes, start, end, half.isBlockCut, fields)
    fields.isPartial = found !== Block.whole
    if (found === Block.broken) this.stats.malformed++
    else if (found === Block.cut) this.stats.truncated++
    half.clearBlock()
    if (isPromise) {
      if (blockPromised !== 0) streams.requestBlock(blockPromised, false, fields, half.place, timeUs, true)
    } else if (direction === Direction.toServer)
      streams.requestBlock(blockStream, blockEnds, fields, half.place, timeUs, false)
    else streams.responseBlock(blockStream, blockEnds, fields, half.place, timeUs)
  }

  /** Bytes that were not captured: of the present frame they are passed over, beyond it frames are lost. */
  private skipMissing(half: Http2Half, direction: Direction, missing: number, timeUs: number): void {
    let left = missing
    if (half.phase === Phase.data) {
      const taken = Math.min(left, half.remaining)
      if (half.padding < 0) half.padding = 0
      const stream = this.streams.find(half.stream)
      if (stream !== null) {
        const body = direction === Direction.toServer ? stream.requestBody : stream.responseBody
        body.skip(Math.min(taken, Math.max(0, half.remaining - half.padding)))
      }
      half.remaining -= taken
      left -= taken
      if (half.remaining === 0) this.endData(half, direction, timeUs)
    } else if (half.phase === Phase.block) {
      half.isBlockCut = true
      left -= this.skipPayload(half, left, direction, timeUs)
    } else if (half.phase === Phase.control || half.phase === Phase.skip) {
      left -= this.skipPayload(half, left, direction, timeUs)
    }
    if (left === 0) return
    this.stats.skippedBytes += left
    if (half.phase === Phase.lost) {
      half.decoder.table.reset()
      return
    }
    const isHarmless = half.phase === Phase.header && half.headerLength === 0 && left <= harmlessLoss
    this.lose(half, direction, timeUs, isHarmless)
  }

  private skipPayload(half: Http2Half, missing: number, direction: Direction, timeUs: number): number {
    const taken = Math.min(missing, half.remaining)
    half.remaining -= taken
    if (half.remaining === 0) this.endPayload(half, direction, timeUs)
    return taken
  }

  /** The position in the stream is lost. */
  private lose(half: Http2Half, direction: Direction, timeUs: number, keepsTable = false): void {
    if (half.blockStream !== 0) {
      // The rest of the block is lost: what it said so far counts.
      half.isBlockCut = true
      this.endBlock(half, direction, timeUs)
    } else if (!keepsTable) half.decoder.table.reset()
    half.phase = Phase.lost
    half.headerLength = 0
    this.streams.lose(direction)
  }
}
