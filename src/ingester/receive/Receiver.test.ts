// The receiver against peers that are wrong, hostile or slow, over real sockets.

import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { connect, createServer } from "node:net"
import { zstdCompressSync } from "node:zlib"
import { ColumnEncoder } from "../../wire/ColumnEncoder.ts"
import { encodeFrame, FrameType, knownPeerLimits } from "../../wire/frame.ts"
import {
  type Batch,
  decodeAck,
  decodeNack,
  encodeBatch,
  encodeHello,
  type Nack,
} from "../../wire/messages.ts"
import { type FrameSocket, connectSocket } from "../../wire/socket.ts"
import { sampleBatch } from "../../wire/sampleBatch.ts"
import { AgentDirectory } from "./AgentDirectory.ts"
import { BatchSink, type ReceivedBatch } from "./BatchSink.ts"
import { Receiver, type ReceiverOptions } from "./Receiver.ts"

const body = new ColumnEncoder().encode(sampleBatch(5))[0].body
const hello = (token = "") =>
  encodeHello({ agent: "a", instance: "i-1", host: "h", version: "1", token, capabilities: [] })
const batch = (over: Partial<Batch> = {}) =>
  encodeBatch({
    agent: "a",
    instance: "i-1",
    seq: 1,
    kind: "l7",
    rows: 5,
    codec: "none",
    bytes: body.length,
    body,
    ...over,
  })

interface Started {
  readonly port: number
  readonly stats: () => Record<string, number>
  readonly stored: ReadonlyArray<ReceivedBatch>
}

const started = (options: Partial<ReceiverOptions> = {}, before: Effect.Effect<void> = Effect.void) =>
  Effect.gen(function* () {
    const stored: Array<ReceivedBatch> = []
    const sink = { write: (received: ReceivedBatch) => Effect.map(before, () => void stored.push(received)) }
    const context = yield* Layer.build(
      Receiver.layer({
        host: "127.0.0.1",
        port: 0,
        token: "",
        version: "1",
        maxConnections: 20,
        ...options,
      }).pipe(Layer.provide(Layer.succeed(BatchSink, sink)), Layer.provide(AgentDirectory.layer)),
    )
    return { ...Context.get(context, Receiver), stored } satisfies Started
  })

const dial = (port: number, ...bytes: ReadonlyArray<Uint8Array>) =>
  Effect.gen(function* () {
    const socket = yield* connectSocket({ host: "127.0.0.1", port })
    socket.setLimits(knownPeerLimits)
    for (const part of bytes) yield* socket.send(part)
    return socket
  })

/** What the server answers up to its first ACK or NACK. */
const answer = (socket: FrameSocket) =>
  Effect.gen(function* () {
    while (true) {
      const { type } = yield* socket.header
      const payload = yield* socket.payload
      if (type === FrameType.nack) return decodeNack(payload)!
      if (type === FrameType.ack) return decodeAck(payload)!
    }
  })

const live = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(
    name,
    () => test.pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")),
    20_000,
  )

const header = (change: (bytes: Buffer) => void): Buffer => {
  const frame = Buffer.from(encodeFrame(FrameType.ping))
  change(frame)
  return frame
}

const cases: ReadonlyArray<readonly [what: string, reason: string, bytes: ReadonlyArray<Uint8Array>]> = [
  ["another protocol", "magic", [Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]],
  ["another version", "version", [header((bytes) => (bytes[4] = 9))]],
  ["an unknown type", "type", [header((bytes) => (bytes[5] = 77))]],
  ["unknown flags", "flags", [header((bytes) => (bytes[6] = 1))]],
  ["a huge length", "length", [hello(), header((bytes) => bytes.writeUInt32LE(0xffff_ffff, 8))]],
  ["a batch before HELLO", "unexpected", [encodeFrame(FrameType.batch, Buffer.alloc(10))]],
  ["a large frame before HELLO", "length", [batch({ body: Buffer.alloc(100_000), bytes: 100_000 })]],
  ["a wrong checksum", "checksum", [hello(), header((bytes) => (bytes[12] ^= 1))]],
  ["a wrong token", "token", [hello("wrong")]],
  ["no token", "token", [hello()]],
  [
    "an unreadable HELLO",
    "malformed",
    [encodeFrame(FrameType.hello, Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]))],
  ],
  ["an unreadable BATCH", "malformed", [hello(), encodeFrame(FrameType.batch, Buffer.from([0x80]))]],
  ["a frame for agents", "unexpected", [hello(), encodeFrame(FrameType.pong)]],
]

describe("Receiver", () => {
  for (const [what, reason, bytes] of cases) {
    live(
      `refuses ${what} by name and closes`,
      Effect.gen(function* () {
        const { port, stats, stored } = yield* started({ token: reason === "token" ? "right" : "" })
        const socket = yield* dial(port, ...bytes)
        const nack = (yield* answer(socket)) as Nack
        assert.deepInclude(nack, { batch: null, reason, retriable: false })
        assert.strictEqual((yield* Effect.flip(socket.header))._tag, "ConnectionLost")
        assert.strictEqual(stats()[`rejected_${reason}_total`], 1)
        assert.lengthOf(stored, 0)
        // It goes on for others.
        const other = yield* dial(port, hello("right"), batch())
        assert.deepStrictEqual(yield* answer(other), { instance: "i-1", seq: 1 })
      }),
    )
  }

  const bomb = zstdCompressSync(Buffer.alloc(32 * 1024 * 1024))
  const refusals: ReadonlyArray<readonly [what: string, reason: string, over: Partial<Batch>]> = [
    ["an unknown kind", "kind", { kind: "toString" }],
    ["a damaged body", "malformed", { body: body.subarray(0, 100) }],
    ["rows that differ", "malformed", { rows: 6 }],
    ["what is no zstd", "malformed", { codec: "zstd" }],
    ["a body that grows beyond its declared length", "malformed", { codec: "zstd", body: bomb, bytes: 1000 }],
  ]
  for (const [what, reason, over] of refusals) {
    live(
      `refuses a batch with ${what} and goes on`,
      Effect.gen(function* () {
        const { port, stored } = yield* started()
        const socket = yield* dial(port, hello(), batch({ ...over, seq: 7 }))
        const nack = (yield* answer(socket)) as Nack
        assert.deepInclude(nack, { reason, retriable: false, batch: { instance: "i-1", seq: 7 } })
        yield* socket.send(batch({ seq: 8, codec: "zstd", body: zstdCompressSync(body) }))
        assert.deepStrictEqual(yield* answer(socket), { instance: "i-1", seq: 8 })
        assert.strictEqual(stored[0].batch.rows, 5)
      }),
    )
  }

  live(
    "acknowledges only what is stored, and stores what was received when it ends",
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { port, stored, stats } = yield* started({}, Deferred.await(gate))
      const socket = yield* dial(port, hello(), batch())
      while (stats()["batches_in_progress"] < 1) yield* Effect.sleep(2)
      assert.strictEqual(stats()["acknowledged_batches_total"], 0)
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* answer(socket), { instance: "i-1", seq: 1 })
      assert.lengthOf(stored, 1)
    }),
  )

  live(
    "gives up silent, slow and half-finished peers",
    Effect.gen(function* () {
      const { port, stats } = yield* started({ helloTimeout: 50, frameTimeout: 50, idleTimeout: 50 })
      const silent = yield* dial(port)
      assert.deepInclude(yield* answer(silent), { reason: "timeout", retriable: true })
      const slow = yield* dial(port, hello(), batch().subarray(0, 200))
      assert.deepInclude(yield* answer(slow), { reason: "timeout" })
      const idle = yield* dial(port, hello())
      assert.deepInclude(yield* answer(idle), { reason: "timeout" })
      yield* Effect.scoped(dial(port, hello(), batch().subarray(0, 20)))
      while (stats()["connections"] > 0) yield* Effect.sleep(2)
      assert.strictEqual(stats()["batches_in_progress"], 0)
    }),
  )

  live(
    "turns away agents beyond the most it takes",
    Effect.gen(function* () {
      const { port } = yield* started({ maxConnections: 1 })
      yield* dial(port, hello())
      assert.deepInclude(yield* answer(yield* dial(port)), { reason: "busy", retriable: true })
    }),
  )

  live(
    "survives random bytes after HELLO",
    Effect.gen(function* () {
      const { port, stats } = yield* started()
      const good = batch()
      const mutations = fc.sample(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        40,
      )
      for (const mutation of mutations) {
        const bytes = Buffer.from(good)
        for (const [at, value] of mutation) bytes[at] = value
        yield* Effect.scoped(
          Effect.ignore(dial(port, hello(), bytes, Buffer.from(fc.sample(fc.uint8Array(), 1)[0]))),
        )
      }
      while (stats()["connections"] > 0) yield* Effect.sleep(2)
      assert.strictEqual(stats()["batches_in_progress"], 0)
      const socket = yield* dial(port, hello(), good)
      assert.deepStrictEqual(yield* answer(socket), { instance: "i-1", seq: 1 })
    }),
  )

  live(
    "names the process that holds its port, and never opens itself to the network without TLS",
    Effect.gen(function* () {
      const holder = createServer()
      const port = yield* Effect.acquireRelease(
        Effect.callback<number>((resume) => {
          holder.listen(0, "127.0.0.1", () =>
            resume(Effect.succeed((holder.address() as { port: number }).port)),
          )
        }),
        () => Effect.sync(() => holder.close()),
      )
      const taken = yield* Effect.flip(started({ port }))
      assert.strictEqual(taken.reason, "taken")
      assert.include(taken.message, `pid ${process.pid}`)
      assert.include(taken.message, "ingest.port")
      const open = yield* Effect.flip(started({ host: "0.0.0.0" }))
      assert.strictEqual(open.reason, "open")
    }),
  )

  live(
    "reads frames however the stream is cut",
    Effect.gen(function* () {
      const { port, stored } = yield* started()
      const socket = connect(port, "127.0.0.1")
      const bytes = Buffer.concat([hello(), batch({ seq: 1 }), batch({ seq: 2 })])
      for (let at = 0; at < bytes.length; at += 997) {
        socket.write(bytes.subarray(at, at + 997))
        yield* Effect.sleep(1)
      }
      while (stored.length < 2) yield* Effect.sleep(2)
      assert.deepStrictEqual(stored.map(({ seq }) => seq).sort(), [1, 2])
      socket.destroy()
    }),
  )
})
