// Memcached's text protocol, classic and meta commands, over any split of the bytes. Answers pair in order; quiet meta commands
// and `noreply` are one-way. Bounds: 512 bytes of a line for each direction, 1,024 outstanding commands.

import { emptyMessage, type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { asUtf8, latin1Text } from "../latin1.ts"
import { type ParserStats, resync } from "../ParserStats.ts"
import { type ConnectionParser, Direction, type MessageSink } from "../Protocol.ts"
import { TextHalf } from "./TextHalf.ts"
import { dataLengthAt, isAnswer, isCommand, isMeta, maxWord, parseCount } from "./words.ts"

const maxOutstanding = 1024
const maxShown = 256
const LF = 10

const wordAt = (bytes: Uint8Array, start: number, end: number): string => {
  let at = start
  while (at < end && at - start <= maxWord && bytes[at] > 32) at++
  return latin1Text(bytes, start, at)
}

export class MemcachedText implements ConnectionParser {
  private readonly requests = new TextHalf()
  private readonly responses = new TextHalf()
  /** Commands that await their answer, in order. */
  private outstanding = 0
  /** Quiet commands since the last one that is answered for sure. */
  private quiet = 0
  /** First line of the answer under way. */
  private result = ""
  private status: ResponseStatus = ResponseStatus.unknown
  private exception = ""
  private readonly sink: MessageSink
  private readonly stats: ParserStats
  private readonly masksLiterals: boolean

  constructor(sink: MessageSink, stats: ParserStats, masksLiterals: boolean) {
    this.sink = sink
    this.stats = stats
    this.masksLiterals = masksLiterals
  }

  get bufferedBytes(): number {
    return this.requests.line.length + this.responses.line.length
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
    const isRequest = direction === Direction.toServer
    const half = isRequest ? this.requests : this.responses
    let at = start
    if (half.isLost && start < end) {
      const word = wordAt(bytes, start, end)
      at = resync(half, isRequest ? isCommand(word) : isAnswer(word), start, end, this.stats)
    }
    while (at < end && !half.isLost) {
      if (!half.isOpen) half.begin(timeUs, tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0)
      half.endUs = timeUs
      const from = at
      const isData = half.data > 0
      if (isData) {
        at += Math.min(half.data, end - at)
        half.data -= at - from
      } else at = half.takeLine(bytes, at, end)
      if (at < 0) {
        this.break(half, direction, end - from)
        break
      }
      half.captured += at - from
      half.length += at - from
      if (isData ? half.data === 0 : bytes[at - 1] === LF) this.advance(half, direction, end - at)
    }
    if (missing > 0) this.skip(half, direction, missing, timeUs)
  }

  close(_timeUs: number): void {
    if (this.responses.isOpen && this.result !== "") this.answer(true)
  }

  private skip(half: TextHalf, direction: Direction, missing: number, timeUs: number): void {
    let left = missing
    if (half.isOpen && half.data > 0) {
      const inside = Math.min(left, half.data)
      half.data -= inside
      half.length += inside
      half.endUs = timeUs
      left -= inside
      if (half.data === 0) this.advance(half, direction, 0)
    }
    if (left === 0) return
    this.stats.skippedBytes += left
    if (!half.isLost) this.lose(half, direction)
  }

  /** A line or a data block ended. */
  private advance(half: TextHalf, direction: Direction, skipped: number): void {
    half.endLine()
    const isFine = direction === Direction.toServer ? this.request(half) : this.response(half)
    if (!isFine) this.break(half, direction, skipped)
  }

  private break(half: TextHalf, direction: Direction, skipped: number): void {
    this.stats.malformed++
    this.stats.skippedBytes += skipped
    this.lose(half, direction)
  }

  private lose(half: TextHalf, direction: Direction): void {
    const wasOpen = half.isOpen
    half.isLost = true
    half.isOpen = false
    if (direction === Direction.toServer) {
      this.outstanding = 0
      this.sink.desync(direction)
      return
    }
    if (wasOpen && this.result !== "") this.answer(true)
    this.result = ""
    if (this.outstanding === 0) return
    this.outstanding = 0
    this.sink.desync(direction)
  }

  private request(half: TextHalf): boolean {
    const words = latin1Text(half.line, 0, half.lineLength).split(" ", 32)
    const [command] = words
    // The data block came behind the line: the message is complete.
    if (half.hasData) {
      this.emitRequest(half, words)
      return true
    }
    // The server answers ERROR to a word that it does not know.
    if (!isCommand(command)) {
      if (!/^[a-z_]{2,14}$/.test(command)) return false
      words.length = 1
    }
    const lengthAt = dataLengthAt(command)
    if (lengthAt > 0) {
      const count = parseCount(words[lengthAt])
      if (count < 0) return false
      half.expectData(count)
      return true
    }
    this.emitRequest(half, words)
    return true
  }

  private emitRequest(half: TextHalf, words: Array<string>): void {
    half.isOpen = false
    const [command] = words
    const message = this.message(half, RecordType.request)
    message.requestType = message.endpoint = command
    if (this.masksLiterals && (command === "incr" || command === "decr") && words.length > 2) words[2] = "?"
    message.requestResource = asUtf8(words.join(" ").slice(0, maxShown))
    const isQuiet = isMeta(command) && words.some((word, i) => i > 1 && word === "q")
    message.isAsync = isQuiet || command === "quit" || words.at(-1) === "noreply"
    if (isQuiet) this.quiet++
    else if (!message.isAsync && this.outstanding < maxOutstanding) this.outstanding++
    this.stats.requests++
    this.sink.message(message)
  }

  private response(half: TextHalf): boolean {
    const line = latin1Text(half.line, 0, half.lineLength)
    const word = wordAt(half.line, 0, half.lineLength)
    const isFirst = this.result === ""
    // A data block ended: VALUE goes on to END, VA is complete.
    if (half.hasData) return this.afterData(half)
    if (isFirst) {
      if (!isAnswer(word) && !/^\d{1,20} *$/.test(word)) return false
      this.result = asUtf8(line.slice(0, maxShown))
      this.status = ResponseStatus.ok
      this.exception = ""
      if (word === "ERROR" || word === "CLIENT_ERROR") this.status = ResponseStatus.clientError
      else if (word === "SERVER_ERROR") this.status = ResponseStatus.serverError
      if (this.status !== ResponseStatus.ok) this.exception = this.result
    }
    half.nextLine()
    if (word === "VALUE" || word === "VA") {
      const count = parseCount(line.split(" ", 5)[word === "VA" ? 1 : 3])
      if (count < 0) return false
      half.expectData(count)
      return true
    }
    if (word === "STAT" || word === "ITEM" || word === "key=") return true
    this.answer(false)
    return true
  }

  private afterData(half: TextHalf): boolean {
    half.hasData = false
    half.nextLine()
    if (this.result.startsWith("VA ")) this.answer(false)
    return true
  }

  private answer(isPart: boolean): void {
    const half = this.responses
    half.isOpen = false
    const message = this.message(half, RecordType.response)
    if (isPart) {
      message.length = -1
      this.stats.truncated++
    }
    message.status = this.status
    message.result = this.status === ResponseStatus.ok ? this.result : ""
    message.exception = this.exception
    // Answers of quiet commands come before that of the next loud one: MN says that all of them are through.
    if (this.quiet > 0 && !this.result.startsWith("MN")) message.isAsync = true
    else {
      this.quiet = 0
      if (this.outstanding > 0) this.outstanding--
    }
    this.result = ""
    this.stats.responses++
    this.sink.message(message)
  }

  private message(half: TextHalf, type: L7Message["type"]): L7Message {
    const message = emptyMessage(type, L7Protocol.memcached, half.startUs, half.tcpSeq)
    message.endUs = half.endUs
    message.capturedBytes = half.captured
    message.length = half.length
    return message
  }
}
