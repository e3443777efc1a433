// Steps over values of Hessian 2.0 (hessian.caucho.com/doc/hessian-serialization.html), reading the few that are asked for.
// Each value takes a byte at least, references are not followed: no more steps than bytes. Bounds: 32 levels, 256 classes of
// 256 fields. What is beyond, or no Hessian, ends the reading (`isShort`).

import { ByteReader } from "../framed/ByteReader.ts"
import { javaTextEnd } from "../framed/javaText.ts"
import { utf8Text } from "../latin1.ts"

const maxDepth = 32
const maxClasses = 256
const maxFields = 256
/** Entries of a map that are read. */
const maxEntries = 256
/** Bytes of a text that are kept: a trace header, or the beginning of a message. */
const maxText = 1024

interface HessianClass {
  readonly name: string
  readonly fields: ReadonlyArray<string>
}

const Code = {
  binaryChunk: 0x41,
  binary: 0x42,
  classDefinition: 0x43,
  double: 0x44,
  false: 0x46,
  untypedMap: 0x48,
  int: 0x49,
  dateMs: 0x4a,
  dateMinutes: 0x4b,
  long: 0x4c,
  typedMap: 0x4d,
  null: 0x4e,
  object: 0x4f,
  reference: 0x51,
  textChunk: 0x52,
  text: 0x53,
  true: 0x54,
  openList: 0x55,
  list: 0x56,
  openUntypedList: 0x57,
  untypedList: 0x58,
  longInt: 0x59,
  end: 0x5a,
  doubleZero: 0x5b,
  doubleOne: 0x5c,
  doubleByte: 0x5d,
  doubleShort: 0x5e,
  doubleFloat: 0x5f,
} as const

/** A thrown object: its class and what it says. */
interface Thrown {
  readonly className: string
  readonly text: string
}

export class Hessian2Reader extends ByteReader {
  private readonly classes: Array<HessianClass> = []
  private depth = 0

  begin(bytes: Uint8Array, start: number, end: number): void {
    this.reset(bytes, start, end)
    this.classes.length = 0
    this.depth = 0
  }

  /** The text that comes next; empty for a value of another kind, which is passed over. */
  textValue(): string {
    if (this.isTextNext()) return this.readText(true)
    this.skipValue()
    return ""
  }

  /** The integer of one to five bytes that comes next; -1 for another value, where the reader stays. */
  intValue(): number {
    const code = this.peek()
    if (code >= 0x80 && code <= 0xbf) return this.u8() - 0x90
    if (code >= 0xc0 && code <= 0xcf) return ((this.u8() - 0xc8) << 8) + this.u8()
    if (code >= 0xd0 && code <= 0xd7) return ((this.u8() - 0xd4) << 16) + this.u16()
    if (code !== Code.int) return -1
    this.u8()
    return this.i32()
  }

  /** Calls `entry` with the texts of the map that comes next; values of other kinds are passed over. */
  textEntries(entry: (name: string, value: string) => void): void {
    const code = this.u8()
    if (code === Code.typedMap) this.skipType()
    else if (code !== Code.untypedMap) return
    for (let i = 0; i < maxEntries && !this.isEnd(); i++) {
      const name = this.textValue()
      if (this.isShort) return
      const isText = this.isTextNext()
      const value = this.textValue()
      if (this.isShort) return
      if (isText && name !== "") entry(name, value)
    }
  }

  /** Reads the thrown object that comes next; null when another value does. */
  thrown(): Thrown | null {
    this.skipDefinitions()
    const found = this.objectClass()
    if (found === null) return null
    let text = ""
    for (const field of found.fields) {
      if (field !== "detailMessage") this.skipValue()
      else {
        text = this.textValue()
        break
      }
      if (this.isShort) break
    }
    return { className: found.name, text }
  }

  skipValue(): void {
    if (this.depth >= maxDepth) {
      this.giveUp()
      return
    }
    this.depth++
    this.skipDefinitions()
    const code = this.peek()
    if (this.isTextNext()) this.readText(false)
    else if (code >= 0x80 && code <= 0xd7) this.intValue()
    else if (code >= 0x60 && code <= 0x6f) this.skipObject()
    else if (code >= 0x70 && code <= 0x77) this.skipList(this.u8() - 0x70, true)
    else if (code >= 0x78 && code <= 0x7f) this.skipList(this.u8() - 0x78, false)
    else if (code >= 0x20 && code <= 0x2f) this.skip(1 + code - 0x20)
    else if (code >= 0x34 && code <= 0x37) this.skip(((this.u8() - 0x34) << 8) + this.u8())
    else if (code >= 0x38 && code <= 0x3f) this.skip(3)
    else if (code >= 0xd8 && code <= 0xef) this.skip(1)
    else if (code >= 0xf0) this.skip(2)
    else this.skipNamed(this.u8())
    this.depth--
  }

  private skipNamed(code: number): void {
    switch (code) {
      case Code.null:
      case Code.true:
      case Code.false:
      case Code.doubleZero:
      case Code.doubleOne:
        return
      case Code.doubleByte:
        this.skip(1)
        return
      case Code.doubleShort:
        this.skip(2)
        return
      case Code.int:
      case Code.longInt:
      case Code.dateMinutes:
      case Code.doubleFloat:
        this.skip(4)
        return
      case Code.long:
      case Code.double:
      case Code.dateMs:
        this.skip(8)
        return
      case Code.reference:
        this.intValue()
        return
      case Code.binary:
        this.skip(this.u16())
        return
      case Code.binaryChunk:
        this.skip(this.u16())
        this.skipValue()
        return
      case Code.object:
        this.at--
        this.skipObject()
        return
      case Code.typedMap:
        this.skipType()
        this.skipUntilEnd()
        return
      case Code.openList:
        this.skipType()
        this.skipUntilEnd()
        return
      case Code.untypedMap:
      case Code.openUntypedList:
        this.skipUntilEnd()
        return
      case Code.list:
        this.skipType()
        this.skipList(this.intValue(), false)
        return
      case Code.untypedList:
        this.skipList(this.intValue(), false)
        return
      default:
        this.giveUp()
    }
  }

  private skipObject(): void {
    const found = this.objectClass()
    if (found === null) {
      this.giveUp()
      return
    }
    for (let i = 0; i < found.fields.length && !this.isShort; i++) this.skipValue()
  }

  /** The class of the object that begins here, whose fields come next; null when there is none. */
  private objectClass(): HessianClass | null {
    const code = this.peek()
    let number: number
    if (code >= 0x60 && code <= 0x6f) number = this.u8() - 0x60
    else if (code === Code.object) {
      this.u8()
      number = this.intValue()
    } else return null
    return this.classes[number] ?? null
  }

  private skipDefinitions(): void {
    while (this.peek() === Code.classDefinition && !this.isShort) {
      this.u8()
      const name = this.textValue()
      const count = this.intValue()
      if (count < 0 || count > maxFields || this.classes.length >= maxClasses) {
        this.giveUp()
        return
      }
      const fields: Array<string> = []
      for (let i = 0; i < count && !this.isShort; i++) fields.push(this.textValue())
      this.classes.push({ name, fields })
    }
  }

  private skipList(length: number, isTyped: boolean): void {
    if (isTyped) this.skipType()
    if (length < 0) this.giveUp()
    for (let i = 0; i < length && !this.isShort; i++) this.skipValue()
  }

  private skipUntilEnd(): void {
    while (!this.isEnd()) this.skipValue()
  }

  /** Steps over the end of a map or list; also true when the bytes are over. */
  private isEnd(): boolean {
    if (this.isShort) return true
    if (this.peek() !== Code.end) return false
    this.at++
    return true
  }

  /** A type is a text, or the number of one that was sent before. */
  private skipType(): void {
    if (this.isTextNext()) this.readText(false)
    else if (this.intValue() < 0) this.giveUp()
  }

  private isTextNext(): boolean {
    const code = this.peek()
    return code <= 0x1f || (code >= 0x30 && code <= 0x33) || code === Code.text || code === Code.textChunk
  }

  private readText(isWanted: boolean): string {
    let text = ""
    for (;;) {
      const code = this.u8()
      const isLast = code !== Code.textChunk
      let length: number
      if (code <= 0x1f) length = code
      else if (code >= 0x30 && code <= 0x33) length = ((code - 0x30) << 8) + this.u8()
      else if (code === Code.text || code === Code.textChunk) length = this.u16()
      else {
        this.giveUp()
        return ""
      }
      const from = this.at
      const next = javaTextEnd(this.bytes, from, this.end, length)
      if (next < 0) {
        this.giveUp()
        return ""
      }
      this.at = next
      if (isWanted && text.length < maxText)
        text += utf8Text(this.bytes, from, Math.min(this.at, from + maxText))
      if (isLast) return text
    }
  }

  private peek(): number {
    if (this.at < this.end) return this.bytes[this.at]
    this.isShort = true
    return Code.null
  }

  private giveUp(): void {
    this.isShort = true
    this.at = this.end
  }
}
