// Reads the properties of an MQTT 5.0 packet (section 2.2.2.2): those that identify a message and its trace.

import type { L7Message } from "../../../model/L7Session.ts"
import type { ByteReader } from "../framed/ByteReader.ts"
import { latin1Text } from "../latin1.ts"
import { maxTraceName, maxTraceValue, readTraceField } from "../traceField.ts"

const Property = { responseTopic: 8, correlationData: 9, reason: 31, alias: 35, user: 38 } as const

/** Form of a value: a number of bytes, or a text, two texts, a variable number. */
const Form = { text: -1, pair: -2, variable: -3 } as const

const forms: Record<number, number> = {
  1: 1,
  2: 4,
  3: Form.text,
  8: Form.text,
  9: Form.text,
  11: Form.variable,
  17: 4,
  18: Form.text,
  19: 2,
  21: Form.text,
  22: Form.text,
  23: 1,
  24: 4,
  25: 1,
  26: Form.text,
  28: Form.text,
  31: Form.text,
  33: 2,
  34: 2,
  35: 2,
  36: 1,
  37: 1,
  38: Form.pair,
  39: 4,
  40: 1,
  41: 1,
  42: 1,
}

const maxProperties = 64
/** Correlation data of more bytes is cut. */
const maxCorrelation = 64

export class Properties {
  responseTopic = ""
  reason = ""
  /** 0: none. */
  alias = 0

  /** Reads the properties at the reader's position into this and `message`; false when they are none. */
  read(reader: ByteReader, message: L7Message): boolean {
    this.responseTopic = this.reason = ""
    this.alias = 0
    const length = reader.varint()
    const end = reader.at + length
    let rank = 0
    for (let i = 0; i < maxProperties && reader.at < end && !reader.isShort; i++) {
      const id = reader.u8()
      const form = forms[id]
      if (form === undefined) return false
      if (id === Property.user) rank = this.readUser(reader, message, rank)
      else if (id === Property.alias) this.alias = reader.u16()
      else if (id === Property.correlationData) this.readCorrelation(reader, message)
      else if (id === Property.responseTopic) this.responseTopic = reader.text(reader.u16())
      else if (id === Property.reason) this.reason = reader.text(reader.u16())
      else if (form === Form.text) reader.skip(reader.u16())
      else if (form === Form.variable) reader.varint()
      else reader.skip(form)
    }
    if (reader.isShort) return false
    if (end > reader.end) return false
    reader.at = end
    return true
  }

  private readUser(reader: ByteReader, message: L7Message, rank: number): number {
    const nameLength = reader.u16()
    if (nameLength > maxTraceName) {
      reader.skip(nameLength)
      reader.skip(reader.u16())
      return rank
    }
    const name = reader.text(nameLength)
    const valueLength = reader.u16()
    if (valueLength > maxTraceValue) {
      reader.skip(valueLength)
      return rank
    }
    return readTraceField(name, reader.longText(valueLength), message, rank)
  }

  /** Binary; shown as text where it is printable and in hexadecimal otherwise. */
  private readCorrelation(reader: ByteReader, message: L7Message): void {
    const length = reader.u16()
    const at = reader.at
    if (!reader.has(length)) return
    reader.at = at + length
    const text = latin1Text(reader.bytes, at, at + Math.min(length, maxCorrelation))
    message.xRequestId = /^[\x21-\x7e]*$/.test(text) ? text : hexOf(text)
  }
}

const hexOf = (text: string): string => {
  let hex = ""
  for (let i = 0; i < text.length; i++) hex += text.charCodeAt(i).toString(16).padStart(2, "0")
  return hex
}
