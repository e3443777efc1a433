// One connection of Memcached: the first byte tells whether it is the text or the binary protocol.

import type { ParserStats } from "../ParserStats.ts"
import type { ConnectionParser, Direction, MessageSink } from "../Protocol.ts"
import { MemcachedBinary, requestMagic, responseMagic } from "./MemcachedBinary.ts"
import { MemcachedText } from "./MemcachedText.ts"

const maxKept = 1024

export class MemcachedConnection implements ConnectionParser {
  private parser: MemcachedBinary | MemcachedText | null = null
  private readonly sink: MessageSink
  private readonly stats: ParserStats
  private readonly masksLiterals: boolean

  constructor(sink: MessageSink, stats: ParserStats, masksLiterals: boolean) {
    this.sink = sink
    this.stats = stats
    this.masksLiterals = masksLiterals
  }

  get bufferedBytes(): number {
    return this.parser?.bufferedBytes ?? 0
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
    if (this.parser === null && start < end) {
      const isBinary = bytes[start] === requestMagic || bytes[start] === responseMagic
      this.parser = isBinary
        ? new MemcachedBinary(this.sink, this.stats, maxKept)
        : new MemcachedText(this.sink, this.stats, this.masksLiterals)
    }
    this.parser?.feed(direction, bytes, start, end, missing, timeUs, tcpSeq)
  }

  close(timeUs: number): void {
    this.parser?.close(timeUs)
  }
}
