// Reads OpenWire objects in the loose and the tight encoding: in the latter all booleans stand packed before the object. Keeps
// the names of destinations that are sent once and referred to by number. Bound: 2,048 names of 256 bytes.

import { ByteReader } from "../framed/ByteReader.ts"
import { type Field, fieldsOf, isMessage, Kind, Use } from "./dataTypes.ts"

/** What the peers agreed on. */
export interface WireFormat {
  version: number
  isTight: boolean
  isCacheEnabled: boolean
  hasStackTraces: boolean
}

const maxDepth = 8
const maxElements = 64
const maxStack = 512
const maxNames = 2048

/** Sizes of the packed booleans that are followed by a longer size. */
const byteSize = 0xc0
const shortSize = 0x80

export class ObjectReader extends ByteReader {
  destination = ""
  correlationText = ""
  brokerUrl = ""
  brokerName = ""
  clientId = ""
  correlation = -1
  error = ""
  /** Command id of a message within, -1: none. */
  messageCommand = -1
  /** Place of a message's properties; 0 length when it has none. */
  propertiesAt = 0
  propertiesLength = 0

  private format: WireFormat = { version: 1, isTight: false, isCacheEnabled: true, hasStackTraces: true }
  private names: Map<number, string> = new Map()
  private bitsAt = 0
  private bitsEnd = 0
  private bit = 0
  private depth = 0

  /** Begins a command at the reader's position. */
  start(format: WireFormat, names: Map<number, string>): void {
    this.format = format
    this.names = names
    this.destination =
      this.correlationText =
      this.brokerUrl =
      this.brokerName =
      this.clientId =
      this.error =
        ""
    this.correlation = this.messageCommand = -1
    this.propertiesAt = this.propertiesLength = 0
    this.depth = 0
    if (format.isTight) this.readBits()
  }

  /** Reads the fields of an object; returns the name of a destination, else nothing. */
  readFields(type: number): string {
    const fields = fieldsOf(type)
    if (fields === undefined || this.depth >= maxDepth) {
      // Its length is not known: nothing behind it can be read.
      this.giveUp()
      return ""
    }
    this.depth++
    let name = ""
    for (const field of fields) {
      if (field.since > this.format.version) continue
      const text = this.readField(field)
      if (this.isShort) break
      if (field.use === Use.name) name = text
      else if (field.use !== Use.none) this.take(field.use, text)
    }
    this.depth--
    return name
  }

  boolean(): boolean {
    if (!this.format.isTight) return this.u8() !== 0
    if (this.bitsAt >= this.bitsEnd) {
      this.giveUp()
      return false
    }
    const value = ((this.bytes[this.bitsAt] >> this.bit) & 1) === 1
    if (++this.bit === 8) {
      this.bit = 0
      this.bitsAt++
    }
    return value
  }

  private giveUp(): void {
    this.isShort = true
    this.at = this.end
  }

  private readBits(): void {
    let length = this.u8()
    if (length === byteSize) length = this.u8()
    else if (length === shortSize) length = this.u16()
    this.bitsAt = this.at
    this.bit = 0
    this.skip(length)
    this.bitsEnd = this.isShort ? this.bitsAt : this.at
  }

  private readField(field: Field): string {
    switch (field.kind) {
      case Kind.bool:
        this.boolean()
        return ""
      case Kind.byte:
        this.skip(1)
        return ""
      case Kind.int: {
        const value = this.u32()
        if (field.use === Use.correlation && !this.isShort) this.correlation = value
        return ""
      }
      case Kind.long:
        this.skip(this.longBytes())
        return ""
      case Kind.string:
        return this.readString()
      case Kind.bytes:
        this.readBytes(field.use)
        return ""
      case Kind.nested:
        return this.readNested()
      case Kind.cached:
        return this.readCached()
      case Kind.array:
        this.readArray()
        return ""
      case Kind.throwable:
        return this.readThrowable(0)
    }
  }

  private longBytes(): number {
    if (!this.format.isTight) return 8
    if (this.boolean()) return this.boolean() ? 8 : 4
    return this.boolean() ? 2 : 0
  }

  private readString(): string {
    if (!this.boolean()) return ""
    // Whether it is ASCII only: that is UTF-8 too.
    if (this.format.isTight) this.boolean()
    return this.text(this.u16())
  }

  private readBytes(use: Use): void {
    if (!this.boolean()) return
    const length = this.u32()
    if (use === Use.properties && !this.isShort) {
      this.propertiesAt = this.at
      this.propertiesLength = Math.min(length, this.end - this.at)
    }
    this.skip(length)
  }

  private readNested(): string {
    if (!this.boolean()) return ""
    const type = this.u8()
    if (this.format.isTight && isMessage(type) && this.boolean()) {
      // The form in which it came: a command of its own with a length and booleans of its own.
      this.skip(5)
      this.readBits()
    }
    if (isMessage(type)) {
      // It is a command itself, with an id of its producer and a wish that was fulfilled.
      const commandId = this.u32()
      this.boolean()
      if (!this.isShort) this.messageCommand = commandId
    }
    return this.isShort ? "" : this.readFields(type)
  }

  private readCached(): string {
    if (!this.format.isCacheEnabled) return this.readNested()
    const isNew = this.boolean()
    const index = this.u16()
    if (!isNew) return this.isShort ? "" : (this.names.get(index) ?? "")
    const name = this.readNested()
    if (this.isShort) return ""
    if (name === "") this.names.delete(index)
    else if (this.names.size < maxNames || this.names.has(index)) this.names.set(index, name)
    return name
  }

  private readArray(): void {
    if (!this.boolean()) return
    const count = this.u16()
    if (count > maxElements) this.giveUp()
    for (let i = 0; i < count && !this.isShort; i++) this.readNested()
  }

  /** Class and message of an exception; its stack and causes are passed over. */
  private readThrowable(causes: number): string {
    if (!this.boolean()) return ""
    const className = this.readString()
    const text = this.readString()
    const shown = text === "" ? className : `${className}: ${text}`
    if (!this.format.hasStackTraces || causes >= maxDepth) return shown
    const hadAll = !this.isShort
    const count = this.u16()
    if (count > maxStack) this.giveUp()
    for (let i = 0; i < count && !this.isShort; i++) {
      this.readString()
      this.readString()
      this.readString()
      this.skip(4)
    }
    if (!this.isShort) this.readThrowable(causes + 1)
    // Of a long stack only the beginning is at hand: what it is about is known.
    if (this.isShort && hadAll && causes === 0) this.error = shown
    return shown
  }

  private take(use: Use, text: string): void {
    switch (use) {
      case Use.destination:
        if (text !== "" || this.destination === "") this.destination = text
        break
      case Use.correlationText:
        this.correlationText = text
        break
      case Use.brokerUrl:
        this.brokerUrl = text
        break
      case Use.brokerName:
        this.brokerName = text
        break
      case Use.clientId:
        this.clientId = text
        break
      case Use.error:
        this.error = text
        break
    }
  }
}
