// The control line of a NATS protocol message: its operation and words, found in place. Bound: 6 words.

import { nameText } from "../framed/names.ts"
import { latin1Text } from "../latin1.ts"

export const Op = {
  none: 0,
  info: 1,
  connect: 2,
  pub: 3,
  hpub: 4,
  sub: 5,
  unsub: 6,
  msg: 7,
  hmsg: 8,
  ping: 9,
  pong: 10,
  ok: 11,
  err: 12,
} as const
export type Op = (typeof Op)[keyof typeof Op]

/** As DeepFlow names them. */
const opNames: ReadonlyArray<string> = [
  "",
  "Info",
  "Connect",
  "Pub",
  "Hpub",
  "Sub",
  "Unsub",
  "Msg",
  "Hmsg",
  "Ping",
  "Pong",
  "Ok",
  "Err",
]

export const opName = (op: Op): string => opNames[op]

const words: ReadonlyArray<readonly [string, Op]> = [
  ["PUB", Op.pub],
  ["MSG", Op.msg],
  ["HPUB", Op.hpub],
  ["HMSG", Op.hmsg],
  ["PING", Op.ping],
  ["PONG", Op.pong],
  ["SUB", Op.sub],
  ["UNSUB", Op.unsub],
  ["+OK", Op.ok],
  ["-ERR", Op.err],
  ["INFO", Op.info],
  ["CONNECT", Op.connect],
]

const space = 32
const tab = 9
const CR = 13

const matches = (bytes: Uint8Array, at: number, word: string): boolean => {
  for (let i = 0; i < word.length; i++) {
    const c = bytes[at + i]
    const expected = word.charCodeAt(i)
    if (c !== expected && (c & 0xdf) !== expected) return false
  }
  return true
}

/** The operation named at bytes[at, end), ended by a blank or the line's end; in any case of letters. */
export const opAt = (bytes: Uint8Array, at: number, end: number): Op => {
  for (const [word, op] of words) {
    const { length } = word
    if (end - at < length || !matches(bytes, at, word)) continue
    const after = bytes[at + length]
    if (at + length === end || after === space || after === tab || after === CR) return op
  }
  return Op.none
}

/** Whether bytes[at, end) may be the beginning of an operation's name. */
export const mayBeOp = (bytes: Uint8Array, at: number, end: number): boolean => {
  for (const [word] of words) {
    if (matches(bytes, at, end - at < word.length ? word.slice(0, end - at) : word)) return true
  }
  return false
}

const maxWords = 6

export class ControlLine {
  op: Op = Op.none
  /** Words behind the operation, of which the first six are found. */
  count = 0
  private readonly starts = new Int32Array(maxWords)
  private readonly ends = new Int32Array(maxWords)
  private bytes: Uint8Array = new Uint8Array(0)
  private start = 0

  /** Whether the line that was read last begins there: then it need not be read again. */
  isAt(bytes: Uint8Array, start: number): boolean {
    return this.bytes === bytes && this.start === start && this.op !== Op.none
  }

  /** Reads bytes[start, end), a line without its end; false when it is none of the protocol's. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.bytes = bytes
    this.start = start
    this.count = 0
    this.op = opAt(bytes, start, end)
    if (this.op === Op.none) return false
    let at = start
    while (at < end && bytes[at] !== space && bytes[at] !== tab) at++
    // Of these the rest of the line is one text.
    if (this.op === Op.info || this.op === Op.connect || this.op === Op.err) {
      while (at < end && (bytes[at] === space || bytes[at] === tab)) at++
      this.starts[0] = at
      this.ends[0] = end
      this.count = 1
      return true
    }
    while (at < end) {
      if (bytes[at] === space || bytes[at] === tab) {
        at++
        continue
      }
      if (this.count === maxWords) return false
      this.starts[this.count] = at
      while (at < end && bytes[at] !== space && bytes[at] !== tab) {
        if (bytes[at] < 0x21 || bytes[at] === 0x7f) return false
        at++
      }
      this.ends[this.count++] = at
    }
    return this.hasRightWords()
  }

  word(index: number): string {
    return index >= 0 && index < this.count ? nameText(this.bytes, this.starts[index], this.ends[index]) : ""
  }

  /** Text of the line behind the operation (INFO, CONNECT, -ERR). */
  get rest(): string {
    return latin1Text(this.bytes, this.starts[0], this.ends[0])
  }

  /** A word as a number; -1 when it is none below a thousand million. */
  number(index: number): number {
    if (index < 0 || index >= this.count) return -1
    const start = this.starts[index]
    const end = this.ends[index]
    if (end - start > 9) return -1
    let value = 0
    for (let i = start; i < end; i++) {
      const digit = this.bytes[i] - 48
      if (digit < 0 || digit > 9) return -1
      value = value * 10 + digit
    }
    return value
  }

  /** Bytes behind the line: payload and headers with the line end after them; 0 for operations without. */
  get payloadBytes(): number {
    switch (this.op) {
      case Op.pub:
      case Op.msg:
      case Op.hpub:
      case Op.hmsg:
        return this.number(this.count - 1) + 2
      default:
        return 0
    }
  }

  /** Bytes of headers at the beginning of the payload. */
  get headerBytes(): number {
    return this.op === Op.hpub || this.op === Op.hmsg ? this.number(this.count - 2) : 0
  }

  private hasRightWords(): boolean {
    const { count } = this
    const last = count - 1
    switch (this.op) {
      case Op.pub:
        return count >= 2 && count <= 3 && this.number(last) >= 0
      case Op.hpub:
        return count >= 3 && count <= 4 && this.areSizes()
      case Op.msg:
        return count >= 3 && count <= 4 && this.number(last) >= 0
      case Op.hmsg:
        return count >= 4 && count <= 5 && this.areSizes()
      case Op.sub:
        return count >= 2 && count <= 3
      case Op.unsub:
        return count >= 1 && count <= 2
      default:
        return count === 0
    }
  }

  private areSizes(): boolean {
    const head = this.number(this.count - 2)
    return head >= 0 && head <= this.number(this.count - 1)
  }
}
