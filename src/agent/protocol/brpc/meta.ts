// RpcMeta, which says everything of a message but its payload (brpc/policy/baidu_rpc_meta.proto).

import type { L7Message } from "../../../model/L7Session.ts"
import { ProtobufReader } from "../framed/ProtobufReader.ts"
import { TraceRank } from "../traceContext.ts"
import { readTraceField } from "../traceField.ts"

const Meta = {
  request: 1,
  response: 2,
  compression: 3,
  correlationId: 4,
  attachmentSize: 5,
  streamSettings: 8,
  userFields: 9,
} as const

const Request = {
  service: 1,
  method: 2,
  logId: 3,
  traceId: 4,
  spanId: 5,
  parentSpanId: 6,
  requestId: 7,
  timeoutMs: 8,
} as const

const Response = { errorCode: 1, errorText: 2 } as const

const maxPairs = 64

const fields = new ProtobufReader()
const inner = new ProtobufReader()
const pair = new ProtobufReader()

/** Tag of the first field of a pair. */
const pairTag = 0x0a

export class RpcMeta {
  isRequest = false
  isResponse = false
  service = ""
  method = ""
  logId = ""
  requestId = ""
  timeoutMs = 0
  errorCode = 0
  errorText = ""
  compression = 0
  correlationId = -1
  attachmentSize = 0
  opensStream = false
  private rank: number = TraceRank.none
  private pairs = 0

  /** Reads bytes[start, end); trace ids go to `message`. False when it is no RpcMeta, or its end is cut off. */
  read(bytes: Uint8Array, start: number, end: number, message: L7Message): boolean {
    this.isRequest = this.isResponse = this.opensStream = false
    this.service = this.method = this.logId = this.requestId = this.errorText = ""
    this.timeoutMs = this.errorCode = this.compression = this.attachmentSize = 0
    this.correlationId = -1
    this.rank = TraceRank.none
    this.pairs = 0
    fields.begin(bytes, start, end)
    while (fields.step()) {
      const { field, value, at } = fields
      if (field === Meta.request && fields.isBytes) this.readRequest(bytes, at, at + value, message)
      else if (field === Meta.response && fields.isBytes) this.readResponse(bytes, at, at + value)
      else if (field === Meta.compression) this.compression = value
      else if (field === Meta.correlationId) this.correlationId = fields.idValue()
      else if (field === Meta.attachmentSize) this.attachmentSize = value
      else if (field === Meta.streamSettings) this.opensStream = true
      else if (field === Meta.userFields && fields.isBytes) this.takePair(bytes, at, at + value, message)
    }
    return !fields.isShort && fields.at >= end && this.isRequest !== this.isResponse
  }

  private readRequest(bytes: Uint8Array, start: number, end: number, message: L7Message): void {
    this.isRequest = true
    inner.begin(bytes, start, end)
    while (inner.step()) {
      switch (inner.field) {
        case Request.service:
          this.service = inner.fieldText()
          break
        case Request.method:
          this.method = inner.fieldText()
          break
        case Request.logId:
          // 0 is what clients send that set none.
          this.logId = inner.isBytes || inner.value === 0 ? "" : `${inner.value}`
          break
        case Request.traceId:
          if (this.rank === TraceRank.none) message.traceId = inner.hexValue()
          break
        case Request.spanId:
          if (this.rank === TraceRank.none) message.spanId = inner.hexValue()
          break
        case Request.parentSpanId:
          if (this.rank === TraceRank.none) message.parentSpanId = inner.hexValue()
          break
        case Request.requestId:
          // brpc-java and baidurpc have pairs here (extFields).
          if (inner.isBytes && bytes[inner.at] === pairTag)
            this.takePair(bytes, inner.at, inner.at + inner.value, message)
          else this.requestId = inner.fieldText()
          break
        case Request.timeoutMs:
          this.timeoutMs = inner.value
          break
      }
    }
  }

  private takePair(bytes: Uint8Array, start: number, end: number, message: L7Message): void {
    if (this.pairs++ < maxPairs) this.rank = readPair(bytes, start, end, message, this.rank)
  }

  private readResponse(bytes: Uint8Array, start: number, end: number): void {
    this.isResponse = true
    inner.begin(bytes, start, end)
    while (inner.step()) {
      if (inner.field === Response.errorCode) this.errorCode = inner.int32Value()
      else if (inner.field === Response.errorText) this.errorText = inner.fieldText()
    }
  }
}

/** A pair of a name and a value: headers of the application's own. */
const readPair = (
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
    if (pair.field === 1) name = pair.fieldText()
    else if (pair.field === 2) value = pair.fieldText()
  }
  return readTraceField(name, value, message, rank)
}
