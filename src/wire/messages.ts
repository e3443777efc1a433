// What frames say (docs/specs/wire.md, Messages): one schema for each type, MessagePack by msgpackr. What a peer sent is
// checked for shape and bounds before it is believed; an unreadable payload is `undefined`.

import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Packr, Unpackr } from "msgpackr"
import type { AgentStatus } from "../model/AgentStatus.ts"
import { AgentStatusSchema } from "./agentStatus.ts"
import { encodeFrame, FrameType } from "./frame.ts"
import { bodyMost, rowsMost, statusPayloadMost } from "./limits.ts"
import { isPlainMsgpack } from "../runtime/rpc/plainMsgpack.ts"

const name = Schema.String.check(Schema.isMaxLength(256))
const count = (most: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: most }))
const seq = count(Number.MAX_SAFE_INTEGER)
const instance = Schema.String.check(Schema.isPattern(/^[0-9a-z-]{1,64}$/))

/** The first message of an agent. */
export const Hello = Schema.Struct({
  agent: name,
  instance,
  host: name,
  /** Sonde's version, for people. */
  version: name,
  /** The shared secret; empty when none is configured. */
  token: Schema.String.check(Schema.isMaxLength(1024)),
  /** What the agent can do beyond this version of the protocol; nothing yet. */
  capabilities: Schema.Array(name).check(Schema.isMaxLength(64)),
})
export type Hello = typeof Hello.Type

/** The server's answer to HELLO: batches may come. */
export const Welcome = Schema.Struct({ version: name, inFlight: count(1024) })
export type Welcome = typeof Welcome.Type

export const Batch = Schema.Struct({
  agent: name,
  instance,
  seq,
  kind: name,
  rows: count(rowsMost),
  codec: Schema.Literals(["none", "zstd"]),
  /** Length of the body before compression. */
  bytes: count(bodyMost),
  body: Schema.Uint8Array,
})
export type Batch = typeof Batch.Type

/** The batch is stored. */
export const Ack = Schema.Struct({ instance, seq })
export type Ack = typeof Ack.Type

/** A batch is refused; without `batch` the connection is, and ends. */
export const Nack = Schema.Struct({
  batch: Schema.NullOr(Ack),
  reason: name,
  /** The same may succeed later. */
  retriable: Schema.Boolean,
  message: Schema.String.check(Schema.isMaxLength(2048)),
})
export type Nack = typeof Nack.Type

/** The reasons this version gives. */
export type NackReason =
  | "magic"
  | "version"
  | "type"
  | "flags"
  | "length"
  | "checksum"
  | "malformed"
  | "unexpected"
  | "token"
  | "identity"
  | "timeout"
  | "busy"
  | "kind"
  | "storage"

const packr = new Packr({ useRecords: false, variableMapSize: true })
const unpackr = new Unpackr({ useRecords: false, int64AsType: "number" })

/** msgpackr throws for keys that are no texts. */
const unpack = (payload: Buffer): unknown => {
  try {
    return unpackr.unpack(payload) as unknown
  } catch {
    return undefined
  }
}

const encodeMessage = (type: FrameType, message: unknown): Buffer => encodeFrame(type, packr.pack(message))

const decoder = <S extends Schema.ConstraintDecoder<unknown>>(schema: S, itemsMost: number) => {
  const decode = Schema.decodeUnknownOption(schema)
  return (payload: Buffer): S["Type"] | undefined => {
    if (!isPlainMsgpack(payload, itemsMost)) return undefined
    return Option.getOrUndefined(decode(unpack(payload)))
  }
}

export const encodeHello = (hello: Hello): Buffer => encodeMessage(FrameType.hello, hello)
export const encodeWelcome = (welcome: Welcome): Buffer => encodeMessage(FrameType.welcome, welcome)
export const encodeBatch = (batch: Batch): Buffer => encodeMessage(FrameType.batch, batch)
export const encodeAck = (ack: Ack): Buffer => encodeMessage(FrameType.ack, ack)
export const encodeNack = (
  reason: NackReason,
  retriable: boolean,
  message: string,
  batch: Ack | null = null,
): Buffer => encodeMessage(FrameType.nack, { batch, reason, retriable, message: message.slice(0, 2048) })

/** As many of the processes as fit a STATUS frame. */
export const encodeStatus = (status: AgentStatus): Buffer => {
  let processes = status.processes
  while (true) {
    const payload = packr.pack({ ...status, processes })
    if (payload.length <= statusPayloadMost || processes.length === 0)
      return encodeFrame(FrameType.status, payload)
    processes = processes.slice(0, processes.length >> 1)
  }
}

export const decodeHello = decoder(Hello, 128)
export const decodeWelcome = decoder(Welcome, 128)
export const decodeBatch = decoder(Batch, 64)
export const decodeAck = decoder(Ack, 64)
export const decodeNack = decoder(Nack, 64)
export const decodeStatus = decoder(AgentStatusSchema, 262_144)
