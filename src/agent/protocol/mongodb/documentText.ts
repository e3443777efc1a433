// A BSON document as one line of text, values replaced by `?` unless they name things.
// Bound: `maxText` characters; credentials are replaced in any case.

import { Buffer } from "node:buffer"
import { utf8Text } from "../latin1.ts"
import { BsonReader, BsonType, f64, i32, i64, u32 } from "./BsonReader.ts"

export const maxText = 4096
const maxDepth = 12
/** Binary values and texts are shown up to here. */
const maxValue = 1024

/** Every request has them and they say nothing of it. */
const isNoise = (name: string): boolean => name === "lsid" || name === "$clusterTime"

/** Payloads of a login may be a password in clear. */
const isSecret = (name: string): boolean => name === "payload" || name === "pwd"

const isNested = (type: number): boolean => type === BsonType.document || type === BsonType.array

const hex = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.subarray(start, end)).toString("hex")

/** `2023-10-08 2:46:22.3 +00:00:00`, as DeepFlow prints it. */
const dateText = (ms: number): string => {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) return `${ms}`
  const iso = date.toISOString()
  const fraction = iso.slice(-5, -1).replace(/0+$/, "")
  const clock = `${date.getUTCHours()}:${iso.slice(-10, -5)}`
  return `DateTime("${iso.slice(0, iso.indexOf("T"))} ${clock}${fraction === "." ? ".0" : fraction} +00:00:00")`
}

const scalarText = (reader: BsonReader, bytes: Uint8Array): string => {
  const { type, valueAt, valueEnd } = reader
  switch (type) {
    case BsonType.double:
      return String(f64(bytes, valueAt))
    case BsonType.text:
      return `"${utf8Text(bytes, valueAt + 4, Math.min(valueEnd - 1, valueAt + 4 + maxValue))}"`
    case BsonType.binary: {
      const stop = Math.min(valueEnd, valueAt + 5 + maxValue)
      const value = Buffer.from(bytes.subarray(valueAt + 5, stop)).toString("base64")
      return `Binary(0x${bytes[valueAt + 4].toString(16)}, ${value})`
    }
    case BsonType.objectId:
      return `ObjectId("${hex(bytes, valueAt, valueEnd)}")`
    case BsonType.boolean:
      return bytes[valueAt] === 0 ? "false" : "true"
    case BsonType.date:
      return dateText(i64(bytes, valueAt))
    case BsonType.null:
      return "null"
    case BsonType.int32:
      return String(i32(bytes, valueAt))
    case BsonType.int64:
      return String(i64(bytes, valueAt))
    case BsonType.timestamp:
      return `Timestamp(${u32(bytes, valueAt + 4)}, ${u32(bytes, valueAt)})`
    default:
      return "?"
  }
}

const writeNested = (
  bytes: Uint8Array,
  start: number,
  end: number,
  masks: boolean,
  isArray: boolean,
  depth: number,
  isCommand: boolean,
): string => {
  if (depth > maxDepth) return "?"
  const reader = new BsonReader(bytes, start, end)
  let text = ""
  let isFirst = true
  while (text.length < maxText && reader.next()) {
    const name = isArray ? "" : reader.name
    if (masks && depth === 0 && isNoise(name)) continue
    let value: string
    if (isNested(reader.type))
      value = writeNested(
        bytes,
        reader.valueAt,
        reader.valueEnd,
        masks,
        reader.type === BsonType.array,
        depth + 1,
        false,
      )
    else {
      // The first value of a command is the collection, or a number without meaning.
      const isShown =
        !masks || (isCommand && depth === 0 && (isFirst || name === "$db" || name === "collection"))
      value = isShown && !isSecret(name) ? scalarText(reader, bytes) : "?"
    }
    // A list of values is as good as one.
    if (!(isArray && masks && value === "?" && text === "?"))
      text = `${text}${isFirst ? "" : ", "}${isArray ? "" : `"${name}": `}${value}`
    isFirst = false
  }
  if (isArray) return `[${text}]`
  return text === "" ? "{}" : `{ ${text} }`
}

/** `isCommand`: its first value names a collection. */
export const documentText = (
  bytes: Uint8Array,
  start: number,
  end: number,
  masks: boolean,
  isCommand: boolean,
): string => writeNested(bytes, start, end, masks, false, 0, isCommand).slice(0, maxText)
