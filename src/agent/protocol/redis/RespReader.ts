// Walks one RESP2 or RESP3 value over any split of its bytes. Keeps numbers, and copies of the first few short texts:
// those of the elements of the outermost aggregate, or the line of a simple value. Memory is constant; nothing throws.

import { isAggregate, isBulk, isLine, RespType } from "./RespType.ts"

/** Redis' own default limit of one bulk string (proto-max-bulk-len). */
export const maxBulk = 512 * 1024 * 1024
/** Elements of one aggregate; a reply of more is taken for garbage. */
export const maxElements = 2 ** 26
const maxDepth = 32
/** Length of a line that is not inside a bulk string (Redis limits inline commands to the same). */
const maxLine = 64 * 1024

/** Texts kept of a value, bytes of one text, bytes of all. */
const maxTexts = 32
const maxText = 128
const maxArena = 512

const Part = { type: 0, line: 1, number: 2, bulk: 3, bulkEnd: 4 } as const
type Part = (typeof Part)[keyof typeof Part]

/** Digits of numbers that are read at once: those of any bulk string that lies in one run of bytes. */
const maxShortDigits = 6

const unending = -1
const CR = 13
const LF = 10

const isLetter = (c: number): boolean => (c | 32) >= 97 && (c | 32) <= 122

export class RespReader {
  /** Type of the outermost value, `RespType.none` before its first byte. */
  type: number = RespType.none
  isNull = false
  isDone = false
  isBroken = false
  /** Elements that the outermost aggregate declares; -1 while it is streamed. */
  arity = 0
  /** Texts kept: text `i` is arena[ends[i - 1], ends[i]). */
  texts = 0
  readonly ends = new Uint16Array(maxTexts)
  arena = new Uint8Array(64)

  private readonly isRequest: boolean
  private readonly remaining: Array<number> = []
  private readonly frames: Array<number> = []
  private depth = 0
  private part: Part = Part.type
  private current: number = RespType.none
  private value = 0
  private digits = 0
  private isNegative = false
  private isStreamed = false
  private lineLength = 0
  private bulkRemaining = 0
  private arenaLength = 0
  private textLength = 0
  private isKeeping = false

  constructor(isRequest: boolean) {
    this.isRequest = isRequest
  }

  begin(): void {
    this.type = RespType.none
    this.isNull = false
    this.isDone = false
    this.isBroken = false
    this.arity = 0
    this.texts = 0
    this.depth = 0
    this.part = Part.type
    this.arenaLength = 0
    this.isKeeping = false
  }

  textStart(index: number): number {
    return index === 0 ? 0 : this.ends[index - 1]
  }

  /** Reads on; returns the position after the value's last byte, or `end`, or where it broke. */
  scan(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    if (this.type === RespType.none && this.part === Part.type && this.depth === 0) {
      at = this.isRequest ? this.wholeCommand(bytes, start, end) : this.wholeBulk(bytes, start, end)
      if (at > start) return at
    }
    while (at < end && !this.isDone) {
      switch (this.part) {
        case Part.type:
          if (!this.readType(bytes[at])) {
            this.isBroken = true
            return at
          }
          at++
          break
        case Part.number:
          at = this.readNumber(bytes, at, end)
          break
        case Part.line:
          at = this.readLine(bytes, at, end)
          break
        case Part.bulk: {
          const taken = Math.min(this.bulkRemaining, end - at)
          if (this.isKeeping) this.keep(bytes, at, at + taken)
          this.bulkRemaining -= taken
          at += taken
          if (this.bulkRemaining === 0) this.endBulk()
          break
        }
        case Part.bulkEnd:
          if (bytes[at] === LF) this.bulkDone()
          else if (bytes[at] !== CR) this.isBroken = true
          at++
          break
      }
      if (this.isBroken) return at
    }
    return at
  }

  /**
   * A command of bulk strings that lies whole in bytes[start, end), as most do: read at once, without a state for each byte.
   * Returns its end; `start`, and nothing is read, when it is not such.
   */
  private wholeCommand(bytes: Uint8Array, start: number, end: number): number {
    if (bytes[start] !== RespType.array) return start
    let at = this.shortNumber(bytes, start + 1, end)
    if (at < 0) return start
    const count = this.value
    if (count === 0 || count > maxTexts) return start
    for (let i = 0; i < count; i++) {
      at = bytes[at] === RespType.bulk ? this.shortNumber(bytes, at + 1, end) : -1
      const stop = at + this.value
      if (at < 0 || stop + 2 > end || bytes[stop] !== CR || bytes[stop + 1] !== LF) {
        this.texts = this.arenaLength = 0
        return start
      }
      this.textLength = 0
      this.keep(bytes, at, stop)
      this.endText()
      at = stop + 2
    }
    this.type = RespType.array
    this.arity = count
    this.isDone = true
    return at
  }

  /** The same with a reply that is one bulk string. */
  private wholeBulk(bytes: Uint8Array, start: number, end: number): number {
    if (bytes[start] !== RespType.bulk) return start
    const at = this.shortNumber(bytes, start + 1, end)
    const stop = at + this.value
    if (at < 0 || stop + 2 > end || bytes[stop] !== CR || bytes[stop + 1] !== LF) return start
    this.type = RespType.bulk
    this.isDone = true
    return stop + 2
  }

  /** Reads the digits of a small number and the line's end into `value`; returns the position behind it, -1 when it is other. */
  private shortNumber(bytes: Uint8Array, start: number, end: number): number {
    let value = 0
    const last = Math.min(end - 2, start + maxShortDigits)
    for (let at = start; at <= last; at++) {
      const c = bytes[at]
      const digit = c - 48
      if (digit >= 0 && digit <= 9) value = value * 10 + digit
      else {
        this.value = value
        return c === CR && bytes[at + 1] === LF && at > start ? at + 2 : -1
      }
    }
    return -1
  }

  /** `count` bytes were not captured. Returns how many of them this value does not account for. */
  skip(count: number): number {
    if (this.part !== Part.bulk && this.part !== Part.bulkEnd) return count
    const ofBulk = Math.min(count, this.bulkRemaining)
    this.bulkRemaining -= ofBulk
    if (this.bulkRemaining === 0 && this.part === Part.bulk) this.endBulk()
    let left = count - ofBulk
    // Of the line end after the bulk either both bytes are missing or the first one.
    if (left >= 2 && this.part === Part.bulkEnd) {
      left -= 2
      this.bulkDone()
    } else if (left === 1 && this.part === Part.bulkEnd) left = 0
    return left
  }

  /** Divides the line of an inline command into texts at its blanks. */
  splitInline(): void {
    let length = 0
    let textLength = 0
    this.texts = 0
    for (let i = 0; i <= this.arenaLength; i++) {
      const c = i < this.arenaLength ? this.arena[i] : 32
      if (c !== 32 && c !== 9) {
        this.arena[length++] = c
        textLength++
      } else if (textLength > 0 && this.texts < maxTexts) {
        this.ends[this.texts++] = length
        textLength = 0
      }
    }
    this.arity = this.texts
  }

  private readType(c: number): boolean {
    this.current = c
    this.value = 0
    this.digits = 0
    this.isNegative = false
    this.isStreamed = false
    this.lineLength = 0
    const frame = this.depth > 0 ? this.frames[this.depth - 1] : RespType.none
    if (this.isRequest) {
      if (this.depth > 0) {
        if (c !== RespType.bulk) return false
      } else if (c !== RespType.array) return this.beginInline(c)
    }
    if (frame === RespType.bulk && c !== RespType.chunk) return false
    if (c === RespType.chunk && frame !== RespType.bulk) return false
    if (c === RespType.end) {
      if (this.depth === 0 || this.remaining[this.depth - 1] !== unending) return false
      this.part = Part.line
      return true
    }
    if (this.depth === 0 && c !== RespType.attribute) this.type = c
    if (isAggregate(c) || isBulk(c)) {
      this.part = Part.number
      return true
    }
    if (!isLine(c)) return false
    this.part = Part.line
    this.isKeeping = this.type !== RespType.none && this.depth <= 1
    this.textLength = 0
    return true
  }

  private beginInline(c: number): boolean {
    if (c === CR || c === LF) return true
    if (!isLetter(c)) return false
    this.type = this.current = RespType.inline
    this.part = Part.line
    this.isKeeping = true
    this.textLength = 0
    this.keepByte(c)
    return true
  }

  private readNumber(bytes: Uint8Array, start: number, end: number): number {
    for (let at = start; at < end; at++) {
      const c = bytes[at]
      const digit = c - 48
      if (digit >= 0 && digit <= 9) {
        this.value = this.value * 10 + digit
        this.digits++
        if (this.digits > 12) break
      } else if (c === LF) {
        this.endNumber()
        return at + 1
      } else if (c === 45 && this.digits === 0 && !this.isNegative) this.isNegative = true
      else if (c === 63 && this.digits === 0 && !this.isRequest) this.isStreamed = true
      else if (c !== CR) break
      if (at + 1 === end) return end
    }
    this.isBroken = true
    return start
  }

  private endNumber(): void {
    const type = this.current
    if (this.isStreamed) {
      const isStreamable = type === RespType.bulk || (isAggregate(type) && type !== RespType.attribute)
      if (this.digits > 0 || !isStreamable) this.isBroken = true
      else this.open(unending, type)
      return
    }
    if (this.digits === 0) {
      this.isBroken = true
      return
    }
    if (this.isNegative) {
      const isNull = this.value === 1 && (type === RespType.bulk || type === RespType.array)
      if (!isNull || (this.isRequest && this.depth > 0)) this.isBroken = true
      else {
        if (this.depth === 0) this.isNull = true
        else this.keepEmpty()
        this.valueDone()
      }
      return
    }
    if (isBulk(type)) this.beginBulk(type)
    else {
      const count = type === RespType.map || type === RespType.attribute ? this.value * 2 : this.value
      if (count > maxElements) this.isBroken = true
      else this.open(count, type)
    }
  }

  private beginBulk(type: number): void {
    if (this.value > maxBulk) {
      this.isBroken = true
      return
    }
    if (type === RespType.chunk && this.value === 0) {
      // Ends a streamed string: its frame is the value.
      this.depth--
      this.valueDone()
      return
    }
    this.bulkRemaining = this.value
    this.part = Part.bulk
    this.isKeeping =
      this.type !== RespType.none &&
      type !== RespType.chunk &&
      (this.depth === 1 || type === RespType.bulkError)
    this.textLength = 0
    if (this.bulkRemaining === 0) this.endBulk()
  }

  /** Opens an aggregate of `count` values. */
  private open(count: number, type: number): void {
    if (this.depth === 0) this.arity = count
    else if (this.depth === 1 && this.type !== RespType.none) this.keepEmpty()
    if (count === 0) {
      this.part = Part.type
      if (type !== RespType.attribute) this.valueDone()
      return
    }
    if (this.depth === maxDepth) {
      this.isBroken = true
      return
    }
    this.remaining[this.depth] = count
    this.frames[this.depth] = type
    this.depth++
    this.part = Part.type
  }

  private endBulk(): void {
    if (this.isKeeping) this.endText()
    this.isKeeping = false
    this.part = Part.bulkEnd
  }

  private bulkDone(): void {
    this.part = Part.type
    if (this.current !== RespType.chunk) this.valueDone()
  }

  private readLine(bytes: Uint8Array, start: number, end: number): number {
    for (let at = start; at < end; at++) {
      const c = bytes[at]
      if (c === LF) {
        this.endLine()
        return at + 1
      }
      if (++this.lineLength > maxLine || (c < 32 && c !== CR && c !== 9)) {
        this.isBroken = true
        return at
      }
      if (this.isKeeping && c !== CR) this.keepByte(c)
    }
    return end
  }

  private endLine(): void {
    if (this.isKeeping) this.endText()
    this.isKeeping = false
    this.part = Part.type
    if (this.current === RespType.end) this.depth--
    else if (this.current === RespType.nothing && this.depth === 0) this.isNull = true
    this.valueDone()
  }

  /** A value ended: closes every aggregate that it completes. */
  private valueDone(): void {
    this.part = Part.type
    while (this.depth > 0) {
      const top = this.depth - 1
      if (this.remaining[top] === unending) return
      if (--this.remaining[top] > 0) return
      this.depth--
      // An attribute only precedes the value it describes.
      if (this.frames[top] === RespType.attribute) return
    }
    this.isDone = true
  }

  private keep(bytes: Uint8Array, start: number, end: number): void {
    if (this.texts >= maxTexts) return
    const room = Math.min(maxText - this.textLength, maxArena - this.arenaLength)
    const count = Math.min(end - start, room)
    const to = this.arenaLength
    if (to + count > this.arena.length) this.growArena(to + count)
    const { arena } = this
    for (let i = 0; i < count; i++) arena[to + i] = bytes[start + i]
    this.arenaLength = to + count
    this.textLength += count
  }

  private keepByte(c: number): void {
    if (this.textLength >= maxText || this.arenaLength >= maxArena || this.texts >= maxTexts) return
    if (this.arenaLength === this.arena.length) this.growArena(this.arenaLength + 1)
    this.arena[this.arenaLength++] = c
    this.textLength++
  }

  private growArena(length: number): void {
    let size = this.arena.length
    while (size < length) size *= 2
    const grown = new Uint8Array(size)
    grown.set(this.arena)
    this.arena = grown
  }

  private keepEmpty(): void {
    this.textLength = 0
    this.endText()
  }

  private endText(): void {
    if (this.texts < maxTexts) this.ends[this.texts++] = this.arenaLength
  }
}
