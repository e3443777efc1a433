// Reads what a Kafka response says of success: the error code of the call, or the first one that is not 0 among its topics,
// partitions or groups. Of bodies that are long only the beginning is at hand: what it says counts.

import type { L7Message } from "../../../model/L7Session.ts"
import { Api } from "./apiKeys.ts"
import type { KafkaCall } from "./KafkaCall.ts"
import type { KafkaReader } from "./KafkaReader.ts"
import { readBatch } from "./recordBatch.ts"
import type { TopicNames } from "./TopicNames.ts"

/** No error code was read. */
export const noCode = -32_768

/** Elements of a body that are looked at. */
const maxElements = 256

/** Calls whose response begins with [throttle time] error code, by the version from which on the time is there. */
const throttleSince: Record<number, number> = {
  [Api.joinGroup]: 2,
  [Api.heartbeat]: 1,
  [Api.leaveGroup]: 1,
  [Api.syncGroup]: 1,
  [Api.listGroups]: 1,
  [Api.initProducerId]: 0,
  [Api.addOffsetsToTxn]: 0,
  [Api.endTxn]: 0,
  [Api.consumerGroupHeartbeat]: 0,
  [Api.getTelemetrySubscriptions]: 0,
  [Api.pushTelemetry]: 0,
  [Api.shareGroupHeartbeat]: 0,
  [Api.saslHandshake]: 32_767,
  [Api.saslAuthenticate]: 32_767,
  [Api.apiVersions]: 32_767,
}

/** The worse of two codes: the first that is an error, else the one that was read. */
const worse = (code: number, next: number): number => (code === noCode || code === 0 ? next : code)

const readCode = (reader: KafkaReader, code: number): number => {
  const next = reader.i16()
  return reader.isShort ? code : worse(code, next)
}

const readProduce = (reader: KafkaReader, call: KafkaCall, topics: TopicNames): number => {
  const { version } = call
  let code = noCode
  const count = reader.arrayLength()
  for (let i = 0; i < count && i < maxElements && !reader.isShort; i++) {
    const topic = version >= 13 ? topics.nameOf(reader.uuid()) : reader.string()
    const partitions = reader.arrayLength()
    for (let j = 0; j < partitions && j < maxElements && !reader.isShort; j++) {
      const partition = reader.i32()
      code = readCode(reader, code)
      const offset = reader.i64()
      if (i === 0 && j === 0 && !reader.isShort) {
        if (topic !== "") call.topic = topic
        call.partition = partition
        call.offset = offset
      }
      if (version >= 2) reader.skip(8)
      if (version >= 5) reader.skip(8)
      if (version >= 8) {
        const errors = reader.arrayLength()
        for (let k = 0; k < errors && !reader.isShort; k++) {
          reader.skip(4)
          reader.skipString()
          reader.tags()
        }
        reader.skipString()
      }
      reader.tags()
    }
    reader.tags()
  }
  return code
}

const readFetch = (
  reader: KafkaReader,
  call: KafkaCall,
  message: L7Message,
  topics: TopicNames,
): { code: number; compression: string } => {
  const { version } = call
  let compression = ""
  let code = noCode
  if (version >= 1) reader.skip(4)
  if (version >= 7) {
    code = readCode(reader, code)
    reader.skip(4)
  }
  let hasRecords = false
  const count = reader.arrayLength()
  for (let i = 0; i < count && i < maxElements && !reader.isShort; i++) {
    const topic = version >= 13 ? topics.nameOf(reader.uuid()) : reader.string()
    const partitions = reader.arrayLength()
    for (let j = 0; j < partitions && j < maxElements && !reader.isShort; j++) {
      const partition = reader.i32()
      code = readCode(reader, code)
      reader.skip(8)
      if (version >= 4) reader.skip(8)
      if (version >= 5) reader.skip(8)
      if (version >= 4) {
        const aborted = reader.arrayLength()
        for (let k = 0; k < aborted && !reader.isShort; k++) {
          reader.skip(16)
          reader.tags()
        }
      }
      if (version >= 11) reader.skip(4)
      const length = reader.bytesLength()
      if (reader.isShort) break
      const recordsEnd = reader.at + Math.max(0, length)
      if (!hasRecords && (length > 0 || (i === 0 && j === 0 && call.topic === ""))) {
        hasRecords = length > 0
        call.topic = topic
        call.partition = partition
        call.offset = -1
        if (length > 0) compression = readBatch(reader, call, message)
      }
      reader.isShort = false
      reader.at = Math.min(recordsEnd, reader.end)
      if (recordsEnd > reader.end) reader.isShort = true
      reader.tags()
    }
    reader.tags()
  }
  return { code, compression }
}

const readMetadata = (reader: KafkaReader, call: KafkaCall, topics: TopicNames): number => {
  const { version } = call
  let code = noCode
  if (version >= 3) reader.skip(4)
  const brokers = reader.arrayLength()
  for (let i = 0; i < brokers && !reader.isShort; i++) {
    reader.skip(4)
    reader.skipString()
    reader.skip(4)
    if (version >= 1) reader.skipString()
    reader.tags()
  }
  if (version >= 2) reader.skipString()
  if (version >= 1) reader.skip(4)
  const count = reader.arrayLength()
  if (count === 0 && !reader.isShort) code = 0
  for (let i = 0; i < count && i < maxElements && !reader.isShort; i++) {
    code = readCode(reader, code)
    const name = reader.string()
    const id = version >= 10 ? reader.uuid() : ""
    if (id !== "" && !reader.isShort) topics.learn(id, name)
    if (version >= 1) reader.skip(1)
    const partitions = reader.arrayLength()
    for (let j = 0; j < partitions && !reader.isShort; j++) {
      // A partition without a leader is no failure of the call.
      reader.skip(version >= 7 ? 14 : 10)
      reader.skipArray(4)
      reader.skipArray(4)
      if (version >= 5) reader.skipArray(4)
      reader.tags()
    }
    if (version >= 8) reader.skip(4)
    reader.tags()
  }
  return code
}

/** Topics with partitions, each `index, ..., error code, ...`; the bytes before and behind the code are given. */
const readPartitions = (
  reader: KafkaReader,
  topicBytes: number,
  before: number,
  skipRest: (reader: KafkaReader) => void,
): number => {
  let code = noCode
  const count = reader.arrayLength()
  for (let i = 0; i < count && i < maxElements && !reader.isShort; i++) {
    if (topicBytes > 0) reader.skip(topicBytes)
    else reader.skipString()
    const partitions = reader.arrayLength()
    for (let j = 0; j < partitions && j < maxElements && !reader.isShort; j++) {
      reader.skip(before)
      code = readCode(reader, code)
      skipRest(reader)
      reader.tags()
    }
    reader.tags()
  }
  return code === noCode && !reader.isShort ? 0 : code
}

const nothing = (): void => {}

const readListOffsets = (reader: KafkaReader, version: number): number => {
  if (version >= 2) reader.skip(4)
  return readPartitions(reader, 0, 4, (at) => {
    if (version === 0) at.skipArray(8)
    else at.skip(version >= 4 ? 20 : 16)
  })
}

const readOffsetFetch = (reader: KafkaReader, version: number): number => {
  let code = noCode
  if (version >= 3) reader.skip(4)
  const groups = version >= 8 ? reader.arrayLength() : 1
  for (let i = 0; i < groups && i < maxElements && !reader.isShort; i++) {
    if (version >= 8) reader.skipString()
    const count = reader.arrayLength()
    for (let j = 0; j < count && j < maxElements && !reader.isShort; j++) {
      if (version >= 10) reader.skip(16)
      else reader.skipString()
      const partitions = reader.arrayLength()
      for (let k = 0; k < partitions && k < maxElements && !reader.isShort; k++) {
        reader.skip(version >= 5 ? 16 : 12)
        reader.skipString()
        code = readCode(reader, code)
        reader.tags()
      }
      reader.tags()
    }
    if (version >= 2) code = readCode(reader, code)
    reader.tags()
  }
  return code
}

const readFindCoordinator = (reader: KafkaReader, version: number): number => {
  if (version >= 1) reader.skip(4)
  if (version < 4) return readCode(reader, noCode)
  let code = noCode
  const count = reader.arrayLength()
  for (let i = 0; i < count && i < maxElements && !reader.isShort; i++) {
    reader.skipString()
    reader.skip(4)
    reader.skipString()
    reader.skip(4)
    code = readCode(reader, code)
    reader.skipString()
    reader.tags()
  }
  return code
}

/** An array of `name, [id], error code, ...` of which the first element is read. */
const readNamed = (reader: KafkaReader, idBytes: number): number => {
  if (reader.arrayLength() === 0) return reader.isShort ? noCode : 0
  reader.skipString()
  reader.skip(idBytes)
  return readCode(reader, noCode)
}

export interface ResponseFacts {
  code: number
  compression: string
}

/** Reads the body of the response to `call`. */
export const readResponse = (
  reader: KafkaReader,
  call: KafkaCall,
  message: L7Message,
  topics: TopicNames,
  facts: ResponseFacts,
): void => {
  const { version, apiKey } = call
  facts.code = noCode
  facts.compression = ""
  const since = throttleSince[apiKey]
  if (since !== undefined) {
    if (version >= since) reader.skip(4)
    facts.code = readCode(reader, noCode)
    return
  }
  switch (apiKey) {
    case Api.produce:
      facts.code = readProduce(reader, call, topics)
      break
    case Api.fetch: {
      const { code, compression } = readFetch(reader, call, message, topics)
      facts.code = code
      facts.compression = compression
      break
    }
    case Api.metadata:
      facts.code = readMetadata(reader, call, topics)
      break
    case Api.listOffsets:
      facts.code = readListOffsets(reader, version)
      break
    case Api.offsetCommit:
      if (version >= 3) reader.skip(4)
      facts.code = readPartitions(reader, version >= 10 ? 16 : 0, 4, nothing)
      break
    case Api.txnOffsetCommit:
      reader.skip(4)
      facts.code = readPartitions(reader, 0, 4, nothing)
      break
    case Api.offsetFetch:
      facts.code = readOffsetFetch(reader, version)
      break
    case Api.findCoordinator:
      facts.code = readFindCoordinator(reader, version)
      break
    case Api.describeGroups:
      if (version >= 1) reader.skip(4)
      if (reader.arrayLength() > 0) facts.code = readCode(reader, noCode)
      break
    case Api.deleteGroups:
      reader.skip(4)
      facts.code = readNamed(reader, 0)
      break
    case Api.createTopics:
      if (version >= 2) reader.skip(4)
      facts.code = readNamed(reader, version >= 7 ? 16 : 0)
      break
    case Api.deleteTopics:
      if (version >= 1) reader.skip(4)
      facts.code = readNamed(reader, version >= 6 ? 16 : 0)
      break
  }
}
