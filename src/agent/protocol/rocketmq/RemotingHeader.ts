// The header of a remoting command in both of its encodings: JSON, and RocketMQ's own binary form.

import type { ByteReader } from "../framed/ByteReader.ts"
import { latin1Text, utf8Text } from "../latin1.ts"
import { hasShortNames } from "./codes.ts"
import { walkFields } from "../framed/JsonFields.ts"

const maxExtFields = 64
const maxValue = 2048

const integer = /^-?\d{1,10}$/

export class RemotingHeader {
  code = -1
  version = 0
  opaque = -1
  flag = 0
  remark = ""
  topic = ""
  group = ""
  queueId = ""
  /** `name\x01value\x02...` of a message that is sent. */
  properties = ""
  transactionId = ""
  private readonly ext = new Map<string, string>()

  get isResponse(): boolean {
    return (this.flag & 1) !== 0
  }

  get isOneWay(): boolean {
    return (this.flag & 2) !== 0
  }

  /** Reads bytes[start, end), of which the end may be cut off; false when code or id are not there. */
  readJson(bytes: Uint8Array, start: number, end: number): boolean {
    this.reset()
    walkFields(utf8Text(bytes, start, end), (name, value) => this.take(name, value))
    this.pick()
    return this.code >= 0 && this.opaque >= 0
  }

  readBinary(reader: ByteReader): boolean {
    this.reset()
    this.code = reader.u16()
    reader.skip(1)
    this.version = reader.u16()
    const opaque = reader.u32()
    this.flag = reader.i32()
    if (reader.isShort) return false
    this.opaque = opaque
    this.remark = reader.text(reader.i32())
    const ext = reader.i32()
    const end = Math.min(reader.end, reader.at + ext)
    for (let i = 0; i < maxExtFields && reader.at < end && !reader.isShort; i++) {
      const name = reader.text(reader.u16())
      const length = reader.i32()
      if (length < 0 || length > maxValue) reader.skip(length)
      else {
        const at = reader.at
        reader.skip(length)
        if (!reader.isShort) this.ext.set(name, utf8Text(reader.bytes, at, at + length))
      }
    }
    this.pick()
    return true
  }

  private reset(): void {
    this.code = this.opaque = -1
    this.version = this.flag = 0
    this.remark = this.topic = this.group = this.queueId = this.properties = this.transactionId = ""
    this.ext.clear()
  }

  private take(name: string, value: string): void {
    switch (name) {
      case "code":
        if (integer.test(value)) this.code = Number(value)
        break
      case "version":
        if (integer.test(value)) this.version = Number(value)
        break
      case "opaque":
        if (integer.test(value)) this.opaque = Number(value) >>> 0
        break
      case "flag":
        if (integer.test(value)) this.flag = Number(value)
        break
      case "remark":
        this.remark = value
        break
      default:
        if (this.ext.size < maxExtFields && value.length <= maxValue) this.ext.set(name, value)
    }
  }

  private pick(): void {
    const { ext } = this
    const isShort = hasShortNames(this.code)
    const get = (name: string): string => ext.get(name) ?? ""
    this.topic = (isShort ? get("b") : get("topic")) || get("topic")
    this.group =
      (isShort ? get("a") : "") ||
      get("consumerGroup") ||
      get("producerGroup") ||
      get("group") ||
      get("groupName")
    this.queueId = isShort ? get("e") : get("queueId")
    this.properties = isShort ? get("i") : get("properties")
    this.transactionId = get("transactionId")
  }
}

/** Type of encoding, in the highest byte of the header's length. */
export const Encoding = { json: 0, binary: 1 } as const

const jsonNames = ["code", "extFields", "flag", "language", "opaque", "remark", "serialize", "version"]

/** Whether bytes[at, end) begin with a command's header in JSON, as far as they go. */
export const mayBeJson = (bytes: Uint8Array, at: number, end: number): boolean => {
  const text = latin1Text(bytes, at, Math.min(end, at + 12))
  return jsonNames.some((name) => {
    const expected = `{"${name}`
    return text.length < expected.length ? expected.startsWith(text) : text.startsWith(expected)
  })
}

const maxLanguage = 15
const maxFlag = 3

/** The same in binary: language and flag are small. */
export const mayBeBinary = (bytes: Uint8Array, at: number, end: number): boolean => {
  if (at + 2 < end && bytes[at + 2] > maxLanguage) return false
  for (let i = at + 9; i < Math.min(end, at + 12); i++) {
    if (bytes[i] !== 0) return false
  }
  return at + 12 >= end || bytes[at + 12] <= maxFlag
}
