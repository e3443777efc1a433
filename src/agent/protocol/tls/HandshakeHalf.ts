// One direction of a TLS handshake: takes records apart and puts handshake messages together, over any split of the bytes. Keeps
// at most the first 8 KiB of one handshake message.

import { type ParserStats, resync } from "../ParserStats.ts"
import { isRecordHeader, RecordKind, recordHeaderBytes } from "./detect.ts"

const maxKept = 8192
const firstKept = 1024
const messageHeaderBytes = 4

/** What a half finds, in order. */
export interface HandshakeSink {
  /** Nothing more is wanted. */
  readonly isOver: boolean
  /** What follows a change of the cipher is encrypted; in TLS 1.3 that record has no meaning. */
  readonly changesCipher: boolean
  /** The body of a handshake message, `bytes[0, length)`; less than all of it when it was cut or is too long. */
  handshake(half: HandshakeHalf, kind: number, bytes: Uint8Array, length: number, timeUs: number): void
  alert(half: HandshakeHalf, level: number, alert: number, timeUs: number): void
  /** A record of another kind began: the cipher changes, or application data. */
  record(half: HandshakeHalf, timeUs: number): void
}

export class HandshakeHalf {
  readonly isServer: boolean
  /** Time and sequence number of the first byte of the handshake message at hand. */
  startUs = 0
  tcpSeq = 0
  /** Bytes of the message at hand: by its header, and captured. */
  length = 0
  captured = 0
  /** This side changed its cipher: what follows cannot be read. */
  isEncrypted = false
  kept = new Uint8Array(0)
  private readonly header = new Uint8Array(recordHeaderBytes)
  private headerLength = 0
  private recordKind = 0
  private recordRemaining = 0
  private readonly messageHeader = new Uint8Array(messageHeaderBytes)
  private messageHeaderLength = 0
  private messageRemaining = 0
  private keptBytes = 0
  private alertLevel = -1
  isLost = false
  /** Bytes of handshake messages were lost: where the next one begins is not known. */
  private isHandshakeLost = false
  private readonly sink: HandshakeSink
  private readonly stats: ParserStats

  constructor(isServer: boolean, sink: HandshakeSink, stats: ParserStats) {
    this.isServer = isServer
    this.sink = sink
    this.stats = stats
  }

  feed(bytes: Uint8Array, start: number, end: number, missing: number, timeUs: number, tcpSeq: number): void {
    let at = start
    if (this.isLost && start < end) {
      at = resync(
        this,
        end - start >= recordHeaderBytes && isRecordHeader(bytes, start),
        start,
        end,
        this.stats,
      )
    }
    while (at < end && !this.isLost) {
      if (this.recordRemaining === 0) {
        if (this.headerLength === 0 && this.messageHeaderLength === 0) this.mark(timeUs, tcpSeq, at - start)
        this.header[this.headerLength++] = bytes[at++]
        this.captured++
        if (this.headerLength === recordHeaderBytes) this.beginRecord(timeUs, end - at)
      } else {
        const stop = at + Math.min(this.recordRemaining, end - at)
        this.captured += stop - at
        this.recordRemaining -= stop - at
        this.takeRecord(bytes, at, stop, timeUs)
        at = stop
      }
      if (this.sink.isOver) return
    }
    if (missing > 0) this.skip(missing, timeUs)
  }

  private mark(timeUs: number, tcpSeq: number, offset: number): void {
    this.startUs = timeUs
    this.tcpSeq = tcpSeq === 0 ? 0 : (tcpSeq + offset) >>> 0
    this.captured = 0
  }

  private beginRecord(timeUs: number, rest: number): void {
    this.headerLength = 0
    if (!isRecordHeader(this.header, 0)) {
      this.stats.malformed++
      this.lose(rest)
      return
    }
    this.recordKind = this.header[0]
    this.recordRemaining = (this.header[3] << 8) | this.header[4]
    this.alertLevel = -1
    if (this.recordKind === RecordKind.changeCipher && this.sink.changesCipher) this.isEncrypted = true
    if (this.recordKind === RecordKind.changeCipher || this.recordKind === RecordKind.data)
      this.sink.record(this, timeUs)
    // An encrypted alert is longer; so is one that shares its record, which nobody sends.
    else if (this.recordKind === RecordKind.alert && this.recordRemaining !== 2)
      this.recordKind = RecordKind.data
  }

  private takeRecord(bytes: Uint8Array, from: number, end: number, timeUs: number): void {
    if (this.isEncrypted) return
    if (this.recordKind === RecordKind.alert) {
      for (let i = from; i < end; i++) {
        if (this.alertLevel < 0) this.alertLevel = bytes[i]
        else this.sink.alert(this, this.alertLevel, bytes[i], timeUs)
      }
    } else if (this.recordKind === RecordKind.handshake && !this.isHandshakeLost)
      this.takeHandshake(bytes, from, end, timeUs)
  }

  private takeHandshake(bytes: Uint8Array, from: number, end: number, timeUs: number): void {
    let at = from
    while (at < end && !this.sink.isOver) {
      if (this.messageHeaderLength < messageHeaderBytes) {
        this.messageHeader[this.messageHeaderLength++] = bytes[at++]
        if (this.messageHeaderLength < messageHeaderBytes) continue
        const [, high, middle, low] = this.messageHeader
        this.length = (high << 16) | (middle << 8) | low
        this.messageRemaining = this.length
        this.keptBytes = 0
      } else {
        const stop = at + Math.min(this.messageRemaining, end - at)
        this.keep(bytes, at, stop)
        this.messageRemaining -= stop - at
        at = stop
      }
      if (this.messageRemaining === 0) this.endMessage(timeUs)
    }
  }

  private endMessage(timeUs: number): void {
    const { kept, keptBytes, messageHeader } = this
    this.messageHeaderLength = 0
    this.sink.handshake(this, messageHeader[0], kept, keptBytes, timeUs)
    this.startUs = timeUs
    this.tcpSeq = 0
    this.captured = 0
  }

  private keep(bytes: Uint8Array, from: number, to: number): void {
    const length = Math.min(to - from, maxKept - this.keptBytes)
    const needed = this.keptBytes + length
    if (needed > this.kept.length) {
      const larger = new Uint8Array(Math.min(maxKept, Math.max(firstKept, needed * 2)))
      larger.set(this.kept.subarray(0, this.keptBytes))
      this.kept = larger
    }
    this.kept.set(bytes.subarray(from, from + length), this.keptBytes)
    this.keptBytes += length
  }

  /** Bytes are missing: hands over the message at hand as far as it goes, and finds records by their lengths. */
  private skip(missing: number, timeUs: number): void {
    this.stats.skippedBytes += missing
    if (this.isLost) return
    const isInside = missing <= this.recordRemaining
    const touchesHandshake = !this.isEncrypted && !(isInside && this.recordKind !== RecordKind.handshake)
    if (touchesHandshake && !this.isHandshakeLost) {
      this.isHandshakeLost = true
      if (this.messageHeaderLength === messageHeaderBytes) {
        this.stats.truncated++
        this.endMessage(timeUs)
      }
      this.messageHeaderLength = 0
    }
    if (isInside) this.recordRemaining -= missing
    else this.lose(0)
  }

  private lose(skipped: number): void {
    this.stats.skippedBytes += skipped
    this.isLost = true
    this.isHandshakeLost = true
    this.headerLength = 0
    this.recordRemaining = 0
    this.messageHeaderLength = 0
  }
}
