// Reads what a Kafka request says of topic, partition, offset, group and transaction: of several topics or partitions the first.

import type { L7Message } from "../../../model/L7Session.ts"
import { Api } from "./apiKeys.ts"
import type { KafkaCall } from "./KafkaCall.ts"
import type { KafkaReader } from "./KafkaReader.ts"
import { readBatch } from "./recordBatch.ts"
import type { TopicNames } from "./TopicNames.ts"

/** The topic of an array's element: its name, or the id that newer versions carry instead. */
const readTopic = (reader: KafkaReader, call: KafkaCall, topics: TopicNames, idSince: number): void => {
  call.topic = call.version >= idSince ? topics.nameOf(reader.uuid()) : reader.string()
}

/** Returns the compression of the records. */
const readProduce = (
  reader: KafkaReader,
  call: KafkaCall,
  message: L7Message,
  topics: TopicNames,
): string => {
  if (call.version >= 3) call.transactionalId = reader.string()
  call.isOneWay = reader.i16() === 0 && !reader.isShort
  reader.skip(4)
  if (reader.arrayLength() === 0) return ""
  readTopic(reader, call, topics, 13)
  if (reader.arrayLength() === 0) return ""
  const partition = reader.i32()
  if (!reader.isShort) call.partition = partition
  const length = reader.bytesLength()
  if (length <= 0) return ""
  const compression = readBatch(reader, call, message)
  // The producer does not know the offset: what it writes there is relative.
  call.offset = -1
  return compression
}

const readFetch = (reader: KafkaReader, call: KafkaCall, topics: TopicNames): void => {
  const { version } = call
  if (version < 15) reader.skip(4)
  reader.skip(8)
  if (version >= 3) reader.skip(4)
  if (version >= 4) reader.skip(1)
  if (version >= 7) reader.skip(8)
  if (reader.arrayLength() === 0) return
  readTopic(reader, call, topics, 13)
  if (reader.arrayLength() === 0) return
  const partition = reader.i32()
  if (version >= 9) reader.skip(4)
  const offset = reader.i64()
  if (reader.isShort) return
  call.partition = partition
  call.offset = offset
}

const readMetadata = (reader: KafkaReader, call: KafkaCall, topics: TopicNames): void => {
  if (reader.arrayLength() === 0) return
  const id = call.version >= 10 ? reader.uuid() : ""
  const name = reader.string()
  call.topic = name !== "" || id === "" ? name : topics.nameOf(id)
}

const readListOffsets = (reader: KafkaReader, call: KafkaCall): void => {
  reader.skip(call.version >= 2 ? 5 : 4)
  if (reader.arrayLength() === 0) return
  call.topic = reader.string()
  if (reader.arrayLength() === 0) return
  const partition = reader.i32()
  if (!reader.isShort) call.partition = partition
}

const readOffsetCommit = (reader: KafkaReader, call: KafkaCall, topics: TopicNames): void => {
  const { version } = call
  call.group = reader.string()
  if (version >= 1) {
    reader.skip(4)
    reader.skipString()
  }
  if (version >= 7) reader.skipString()
  if (version >= 2 && version <= 4) reader.skip(8)
  if (reader.arrayLength() === 0) return
  readTopic(reader, call, topics, 10)
  if (reader.arrayLength() === 0) return
  const partition = reader.i32()
  const offset = reader.i64()
  if (reader.isShort) return
  call.partition = partition
  call.offset = offset
}

const readOffsetFetch = (reader: KafkaReader, call: KafkaCall, topics: TopicNames): void => {
  const { version } = call
  if (version >= 8 && reader.arrayLength() === 0) return
  call.group = reader.string()
  if (version >= 9) {
    reader.skipString()
    reader.skip(4)
  }
  if (reader.arrayLength() > 0) readTopic(reader, call, topics, 10)
}

/** Reads the body of the request that `call` is; returns the compression of its records. */
export const readRequest = (
  reader: KafkaReader,
  call: KafkaCall,
  message: L7Message,
  topics: TopicNames,
): string => {
  const { version } = call
  switch (call.apiKey) {
    case Api.produce:
      return readProduce(reader, call, message, topics)
    case Api.fetch:
      readFetch(reader, call, topics)
      break
    case Api.metadata:
      readMetadata(reader, call, topics)
      break
    case Api.listOffsets:
      readListOffsets(reader, call)
      break
    case Api.offsetCommit:
      readOffsetCommit(reader, call, topics)
      break
    case Api.offsetFetch:
      readOffsetFetch(reader, call, topics)
      break
    case Api.findCoordinator:
      // Type 0 is a group, 1 a transaction; up to version 3 the type follows the key.
      if (version < 4) {
        const name = reader.string()
        if (version === 0 || reader.u8() === 0) call.group = name
        else call.transactionalId = name
      } else {
        const type = reader.u8()
        const name = reader.arrayLength() > 0 ? reader.string() : ""
        if (type === 0) call.group = name
        else if (type === 1) call.transactionalId = name
      }
      break
    case Api.joinGroup:
    case Api.heartbeat:
    case Api.leaveGroup:
    case Api.syncGroup:
    case Api.consumerGroupHeartbeat:
    case Api.shareGroupHeartbeat:
      call.group = reader.string()
      break
    case Api.describeGroups:
    case Api.deleteGroups:
      if (reader.arrayLength() > 0) call.group = reader.string()
      break
    case Api.createTopics:
      if (reader.arrayLength() > 0) call.topic = reader.string()
      break
    case Api.deleteTopics:
      if (reader.arrayLength() > 0) call.topic = reader.string()
      break
    case Api.initProducerId:
    case Api.endTxn:
      call.transactionalId = reader.string()
      break
    case Api.addPartitionsToTxn:
      if (version < 4) call.transactionalId = reader.string()
      else if (reader.arrayLength() > 0) call.transactionalId = reader.string()
      break
    case Api.addOffsetsToTxn:
      call.transactionalId = reader.string()
      reader.skip(10)
      call.group = reader.string()
      break
    case Api.txnOffsetCommit:
      call.transactionalId = reader.string()
      call.group = reader.string()
      break
  }
  return ""
}
