// Does a run of bytes begin with AMQP 0-9-1? The protocol header says so; on connections that are older than the capture, a
// frame with a known method or with a content header.

import { u16At, u32At } from "../framed/ByteReader.ts"
import { Evidence } from "../Protocol.ts"
import { amqpFrameLength, frameHead, FrameType, isProtocolHeader, protocolHeader } from "./frames.ts"
import { methodKey, methodOf, Sender } from "./methods.ts"

const lookahead = 64
/** Payload of a method longer than this is not taken for the beginning of a connection that is joined late. */
const maxMethod = 131_072

const detectHeader = (bytes: Uint8Array, start: number, stop: number): Evidence => {
  if (stop - start >= protocolHeader)
    return amqpFrameLength(bytes, start, stop) === protocolHeader ? Evidence.request : Evidence.none
  for (let i = start; i < stop; i++) {
    if (i - start < 4 && bytes[i] !== "AMQP".charCodeAt(i - start)) return Evidence.none
  }
  return Evidence.unclear
}

const detectMethod = (bytes: Uint8Array, start: number, stop: number): Evidence => {
  if (stop - start < frameHead + 4) return bytes[start + 3] === 0 ? Evidence.unclear : Evidence.none
  if (u32At(bytes, start + 3) > maxMethod) return Evidence.none
  const classId = u16At(bytes, start + frameHead)
  const method = methodOf(methodKey(classId, u16At(bytes, start + frameHead + 2)))
  if (method === undefined) return Evidence.none
  // Methods of the class connection are those of channel 0.
  if ((classId === 10) !== (u16At(bytes, start + 1) === 0)) return Evidence.none
  if (method.sender === Sender.client) return Evidence.request
  return method.sender === Sender.server ? Evidence.response : Evidence.either
}

export const detectAmqp = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  if (isProtocolHeader(bytes, start)) return detectHeader(bytes, start, stop)
  const length = amqpFrameLength(bytes, start, stop)
  if (length < 0) return Evidence.none
  switch (bytes[start]) {
    case FrameType.method:
      return detectMethod(bytes, start, stop)
    case FrameType.header:
      // Class basic, weight 0.
      return stop - start >= frameHead + 4 && u32At(bytes, start + frameHead) === 0x003c_0000
        ? Evidence.unclear
        : Evidence.none
    case FrameType.heartbeat:
      return length > 0 ? Evidence.unclear : Evidence.none
    default:
      return Evidence.none
  }
}
