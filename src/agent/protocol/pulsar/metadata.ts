// Reads the metadata of a message that is sent or delivered: properties hold the trace context. Of a batch that is not compressed
// those of its first message.

import type { L7Message } from "../../../model/L7Session.ts"
import { u32At, u16At } from "../framed/ByteReader.ts"
import { latin1Text, utf8Text } from "../latin1.ts"
import { maxTraceName, maxTraceValue, readTraceField } from "../traceField.ts"
import { ProtobufReader } from "../framed/ProtobufReader.ts"

/** Marks of what may precede the metadata: a checksum, and what the broker adds. */
const checksumMark = 0x0e01
const brokerMark = 0x0e02

const Metadata = { properties: 4, partitionKey: 6, compression: 8, messagesInBatch: 11 } as const
const compressions = ["", "lz4", "zlib", "zstd", "snappy"]
const maxProperties = 64

const fields = new ProtobufReader()
const pair = new ProtobufReader()

/** A KeyValue in bytes[start, end). */
const readProperty = (
  bytes: Uint8Array,
  start: number,
  end: number,
  message: L7Message,
  rank: number,
): number => {
  let name = ""
  let value = ""
  pair.begin(bytes, start, end)
  while (pair.step()) {
    if (!pair.isBytes) continue
    if (pair.field === 1 && pair.value <= maxTraceName)
      name = latin1Text(bytes, pair.at, pair.at + pair.value)
    else if (pair.field === 2 && pair.value <= maxTraceValue)
      value = utf8Text(bytes, pair.at, pair.at + pair.value)
  }
  return name === "" ? rank : readTraceField(name, value, message, rank)
}

/** The properties with this number among the fields of bytes[start, end). */
const readProperties = (
  bytes: Uint8Array,
  start: number,
  end: number,
  number: number,
  message: L7Message,
): number => {
  let rank = 0
  fields.begin(bytes, start, end)
  for (let i = 0; i < maxProperties && fields.step(); i++) {
    if (fields.field === number && fields.isBytes)
      rank = readProperty(bytes, fields.at, fields.at + fields.value, message, rank)
  }
  return rank
}

/** Reads what follows a command in bytes[start, end); returns attributes of the message. */
export const readMetadata = (
  bytes: Uint8Array,
  start: number,
  end: number,
  message: L7Message,
): ReadonlyArray<string> => {
  let at = start
  if (at + 6 <= end && u16At(bytes, at) === brokerMark) at += 6 + u32At(bytes, at + 2)
  if (at + 6 <= end && u16At(bytes, at) === checksumMark) at += 6
  if (at + 4 > end) return []
  const length = u32At(bytes, at)
  at += 4
  const metadataEnd = at + length
  let compression = 0
  let inBatch = 0
  fields.begin(bytes, at, Math.min(end, metadataEnd))
  while (fields.step()) {
    if (fields.field === Metadata.compression) compression = fields.value
    else if (fields.field === Metadata.messagesInBatch) inBatch = fields.value
  }
  const rank = readProperties(bytes, at, Math.min(end, metadataEnd), Metadata.properties, message)
  if (rank === 0 && inBatch > 0 && compression === 0 && metadataEnd + 4 <= end) {
    const single = metadataEnd + 4
    readProperties(bytes, single, Math.min(end, single + u32At(bytes, metadataEnd)), 1, message)
  }
  const attributes: Array<string> = []
  if (inBatch > 0) attributes.push("messages", `${inBatch}`)
  if (compression > 0) attributes.push("compression", compressions[compression] ?? `${compression}`)
  return attributes
}
