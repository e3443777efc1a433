// For tests: frames of HTTP/2 and header blocks without Huffman code, as an encoder would write them first.

import { Buffer } from "node:buffer"
import { Direction } from "../Protocol.ts"
import type { Run } from "../transcript.testing.ts"
import { FrameFlag, FrameType } from "./frame.ts"

export const frame = (
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | string = "",
): Buffer => {
  const bytes = typeof payload === "string" ? Buffer.from(payload, "latin1") : payload
  const header = Buffer.alloc(9)
  header.writeUIntBE(bytes.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(stream, 5)
  return Buffer.concat([header, bytes])
}

const integer = (value: number, prefix: number, first: number): Buffer => {
  const most = (1 << prefix) - 1
  if (value < most) return Buffer.from([first | value])
  const bytes = [first | most]
  let rest = value - most
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
  return Buffer.from(bytes)
}

const text = (value: string): Buffer =>
  Buffer.concat([integer(value.length, 7, 0), Buffer.from(value, "latin1")])

/** Literal fields; `indexed`: each is inserted into the table. */
export const block = (fields: Record<string, string>, indexed = false): Buffer =>
  Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [
      Buffer.from([indexed ? 0x40 : 0]),
      text(name),
      text(value),
    ]),
  )

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
export const settings = frame(FrameType.settings, 0, 0, Buffer.from("000300000064000400010000", "hex"))

export const headers = (stream: number, fields: Record<string, string>, ends = false): Buffer =>
  frame(FrameType.headers, FrameFlag.endHeaders | (ends ? FrameFlag.endStream : 0), stream, block(fields))

export const data = (stream: number, payload: Uint8Array | string, ends = false): Buffer =>
  frame(FrameType.data, ends ? FrameFlag.endStream : 0, stream, payload)

/** A message of gRPC with its prefix. */
export const grpcMessage = (payload: string): Buffer => {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(payload.length, 1)
  return Buffer.concat([prefix, Buffer.from(payload)])
}

export const request = (path: string, more: Record<string, string> = {}): Record<string, string> => ({
  ":method": "POST",
  ":scheme": "http",
  ":path": path,
  ":authority": "shop:8080",
  ...more,
})

export const client = (...frames: ReadonlyArray<Uint8Array>): Run => ({
  direction: Direction.toServer,
  bytes: Buffer.concat(frames),
})

export const server = (...frames: ReadonlyArray<Uint8Array>): Run => ({
  direction: Direction.toClient,
  bytes: Buffer.concat(frames),
})
