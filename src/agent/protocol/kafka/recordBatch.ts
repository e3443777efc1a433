// Reads the head of a record batch (magic 2, KIP-98) and the trace context in the headers of its first records. Keys and values
// are passed over. Headers of compressed batches are not read.

import type { L7Message } from "../../../model/L7Session.ts"
import { maxTraceName, maxTraceValue, readTraceField } from "../traceField.ts"
import type { KafkaCall } from "./KafkaCall.ts"
import type { KafkaReader } from "./KafkaReader.ts"

/** Records of a batch that are looked at for a trace; headers of one record. */
const maxRecords = 8
const maxHeaders = 32

const compressions = ["", "gzip", "snappy", "lz4", "zstd"]

const readHeaders = (reader: KafkaReader, message: L7Message, rankBefore: number): number => {
  let rank = rankBefore
  const headers = reader.zigzag()
  for (let i = 0; i < headers && i < maxHeaders && !reader.isShort; i++) {
    const nameLength = reader.zigzag()
    if (nameLength < 0 || nameLength > maxTraceName) {
      reader.skip(nameLength)
      const length = reader.zigzag()
      if (length > 0) reader.skip(length)
      continue
    }
    const name = reader.text(nameLength)
    const valueLength = reader.zigzag()
    if (valueLength <= 0) continue
    if (valueLength > maxTraceValue) reader.skip(valueLength)
    else rank = readTraceField(name, reader.longText(valueLength), message, rank)
  }
  return rank
}

/** Reads the batch at the reader's position; returns the name of its compression ("" for none). */
export const readBatch = (reader: KafkaReader, call: KafkaCall, message: L7Message): string => {
  const baseOffset = reader.i64()
  // Length of the batch, epoch of the leader.
  reader.skip(8)
  const magic = reader.u8()
  if (magic !== 2) return ""
  reader.skip(4)
  const attributes = reader.u16()
  reader.skip(4 + 8 + 8 + 8 + 2 + 4)
  const records = reader.i32()
  if (reader.isShort) return ""
  call.offset = baseOffset
  call.records = records
  const compression = attributes & 7
  if (compression !== 0) return compressions[compression] ?? "unknown"
  let rank = 0
  for (let i = 0; i < records && i < maxRecords && rank === 0; i++) {
    const length = reader.zigzag()
    const recordEnd = reader.at + length
    if (length < 0 || reader.isShort) break
    reader.skip(1)
    reader.varint()
    reader.varint()
    const keyLength = reader.zigzag()
    if (keyLength > 0) reader.skip(keyLength)
    const valueLength = reader.zigzag()
    if (valueLength > 0) reader.skip(valueLength)
    rank = readHeaders(reader, message, rank)
    if (reader.isShort || recordEnd > reader.end) break
    reader.at = recordEnd
  }
  return ""
}
