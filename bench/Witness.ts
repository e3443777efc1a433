// Reads along between agents and servers: which batch a sequence number stands for, and which batches were acknowledged. It hears of
// an acknowledgement before the agent does.

import { zstdDecompressSync } from "node:zlib"
import type { ReadAlong } from "../src/runtime/coordination/proxy.testing.ts"
import { decodeBody } from "../src/wire/decodeBody.ts"
import { FrameReader, FrameType } from "../src/wire/frame.ts"
import { decodeAck, decodeBatch } from "../src/wire/messages.ts"
import { rowsOfBatch } from "./chaosBatches.ts"

export type BatchNumber = number

export class Witness {
  readonly acknowledged = new Set<BatchNumber>()
  readonly sent = new Set<BatchNumber>()
  readonly #numbers = new Map<string, BatchNumber>()

  /** For one connection. */
  readonly connection = (): ReadAlong => {
    const readers = { client: new FrameReader(), server: new FrameReader() }
    return (from, bytes) => {
      const reader = readers[from]
      reader.push(bytes)
      for (let header = reader.header(); typeof header === "object"; header = reader.header()) {
        const payload = reader.payload()
        if (payload === undefined || typeof payload === "string") return
        if (from === "client" && header.type === FrameType.batch) this.#batch(payload)
        if (from === "server" && header.type === FrameType.ack) this.#ack(payload)
      }
    }
  }

  #batch(payload: Buffer): void {
    const batch = decodeBatch(payload)
    if (batch === undefined || (batch.kind !== "l7" && batch.kind !== "application")) return
    const body = batch.codec === "zstd" ? zstdDecompressSync(batch.body) : batch.body
    const decoded = decodeBody(batch.kind, body)
    if (typeof decoded === "string") throw new Error(`unreadable batch: ${decoded}`)
    const { columns } = decoded.batch
    const number =
      "flow_id" in columns
        ? Math.floor(columns.flow_id[0]! / rowsOfBatch)
        : "endpoint" in columns
          ? Number(columns.endpoint[0]!.split("/").at(-1))
          : -1
    this.sent.add(number)
    this.#numbers.set(`${batch.instance}:${batch.seq}`, number)
  }

  #ack(payload: Buffer): void {
    const ack = decodeAck(payload)
    if (ack === undefined) return
    const key = `${ack.instance}:${ack.seq}`
    const number = this.#numbers.get(key)
    if (number === undefined) return
    this.acknowledged.add(number)
    this.#numbers.delete(key)
  }
}
