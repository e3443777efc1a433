// The receiver with TLS: an agent delivers in its own name, or not at all.

import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import type { ConnectionOptions } from "node:tls"
import { dayMs } from "../../runtime/tls/authority.ts"
import { Gate } from "../../runtime/tls/Gate.ts"
import { LiveCredentials } from "../../runtime/tls/LiveCredentials.ts"
import { testRegion } from "../../runtime/tls/region.testing.ts"
import { clientTls, serverTls } from "../../runtime/tls/tlsOptions.ts"
import { ColumnEncoder } from "../../wire/ColumnEncoder.ts"
import { FrameType, knownPeerLimits } from "../../wire/frame.ts"
import { decodeAck, decodeNack, encodeBatch, encodeHello } from "../../wire/messages.ts"
import { sampleBatch } from "../../wire/sampleBatch.ts"
import { connectSocket } from "../../wire/socket.ts"
import { AgentDirectory } from "./AgentDirectory.ts"
import { BatchSink, type ReceivedBatch } from "./BatchSink.ts"
import { Receiver, type ReceiverOptions } from "./Receiver.ts"

const body = new ColumnEncoder().encode(sampleBatch(5))[0]!.body
const hello = (agent: string) =>
  encodeHello({ agent, instance: "i-1", host: "h", version: "1", token: "", capabilities: [] })
const batch = (agent: string, seq: number) =>
  encodeBatch({
    agent,
    instance: "i-1",
    seq,
    kind: "l7",
    rows: 5,
    codec: "none",
    bytes: body.length,
    body,
  })

const live = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(
    name,
    () => test.pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")),
    20_000,
  )

const started = (options: Partial<ReceiverOptions> = {}) =>
  Effect.gen(function* () {
    const stored: Array<ReceivedBatch> = []
    const sink = { write: (received: ReceivedBatch) => Effect.sync(() => void stored.push(received)) }
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
    return { ...Context.get(context, Receiver), stored }
  })

const secured = Effect.gen(function* () {
  const region = yield* testRegion()
  const credentials = new LiveCredentials(yield* region.credentials("server", "s1"))
  const gate = new Gate()
  const receiver = yield* started({ tls: serverTls(credentials, gate), token: "not asked" })
  return { region, credentials, gate, ...receiver }
})

/** Sends all, and gives as many ACKs and NACKs as were asked for. */
const exchange = (
  port: number,
  tls: ConnectionOptions | undefined,
  answers: number,
  ...frames: ReadonlyArray<Uint8Array>
) =>
  Effect.gen(function* () {
    const socket = yield* connectSocket({ host: "127.0.0.1", port }, tls)
    socket.setLimits(knownPeerLimits)
    for (const frame of frames) yield* socket.send(frame)
    const heard: Array<string> = []
    while (heard.length < answers) {
      const { type } = yield* socket.header
      const payload = yield* socket.payload
      if (type === FrameType.ack) heard.push(`ack ${decodeAck(payload)!.seq}`)
      if (type !== FrameType.nack) continue
      const { batch: refused, message, reason, retriable } = decodeNack(payload)!
      assert.isFalse(retriable)
      heard.push(`nack ${refused?.seq ?? "connection"} ${reason}: ${message}`)
    }
    return heard
  }).pipe(Effect.scoped)

describe("Receiver with TLS", () => {
  live(
    "takes batches of the agent that the certificate names, and no others",
    Effect.gen(function* () {
      const { port, region, stored } = yield* secured
      const tls = clientTls(yield* region.credentials("agent", "a"))
      const heard = yield* exchange(port, tls, 3, hello("a"), batch("a", 1), batch("b", 2), batch("a", 3))
      assert.deepStrictEqual(heard.toSorted(), [
        "ack 1",
        "ack 3",
        "nack 2 identity: the batch is of agent b, the certificate of a",
      ])
      assert.deepStrictEqual(
        stored.map(({ agentId }) => agentId),
        ["a", "a"],
      )
    }),
  )

  live(
    "refuses whoever is no agent of the region, with the reason",
    Effect.gen(function* () {
      const { port, region, stats, stored } = yield* secured
      const { certificate: authority } = region.authority
      const other = yield* Effect.flatMap(testRegion(), ({ credentials }) => credentials("agent", "a"))
      const cases: ReadonlyArray<readonly [tls: ConnectionOptions, agent: string, word: string]> = [
        [clientTls(yield* region.credentials("agent", "a")), "b", "that of agent a, not of b"],
        [clientTls({ authority }), "a", "expected an agent's certificate, found none: enrol with a token"],
        [clientTls(yield* region.credentials("server", "s2")), "s2", "found that of server s2"],
        [clientTls(yield* region.credentials("agent", "a", { atMs: -30 * dayMs })), "a", "is expired"],
        [clientTls({ ...other, authority }), "a", "of another authority"],
      ]
      for (const [tls, agent, word] of cases) {
        const [answer] = yield* exchange(port, tls, 1, hello(agent), batch(agent, 1))
        assert.include(answer, "nack connection identity: ")
        assert.include(answer, word)
      }
      assert.strictEqual(stats()["rejected_identity_total"], cases.length)
      assert.lengthOf(stored, 0)
    }),
  )

  live(
    "says what is missing when one side has TLS and the other has not",
    Effect.gen(function* () {
      const { port, region, stats } = yield* secured
      const plain = yield* Effect.flip(exchange(port, undefined, 1, hello("a")))
      assert.include(plain.message, "it may ask for TLS at this port")
      while (stats()["unsafe_connections_total"] !== 1) yield* Effect.sleep(2)
      const open = yield* started()
      const tls = clientTls(yield* region.credentials("agent", "a"))
      const refused = yield* Effect.flip(exchange(open.port, tls, 1, hello("a")))
      assert.include(refused.message, "does not speak TLS at this port")
      while (open.stats()["rejected_magic_total"] !== 1) yield* Effect.sleep(2)
    }),
  )

  live(
    "cuts whoever may not deliver any more, and tells why when it comes again",
    Effect.gen(function* () {
      const { gate, port, region } = yield* secured
      const tlsOf = (agent: string) => Effect.map(region.credentials("agent", agent), clientTls)
      let isOut = false
      gate.add(({ identity }) => (isOut && identity.name === "a" ? "agent a is disabled" : undefined))
      const greeted = (agent: string) =>
        Effect.gen(function* () {
          const socket = yield* connectSocket({ host: "127.0.0.1", port }, yield* tlsOf(agent))
          yield* socket.send(hello(agent))
          assert.strictEqual((yield* socket.header).type, FrameType.welcome)
          yield* socket.payload
          return socket
        })
      const [a, b] = [yield* greeted("a"), yield* greeted("b")]
      gate.review()
      yield* a.send(batch("a", 1))
      assert.strictEqual((yield* a.header).type, FrameType.ack)
      yield* a.payload
      isOut = true
      gate.review()
      assert.strictEqual((yield* Effect.flip(a.header))._tag, "ConnectionLost")
      assert.deepStrictEqual(yield* exchange(port, yield* tlsOf("a"), 1, hello("a"), batch("a", 2)), [
        "nack connection identity: agent a is disabled",
      ])
      yield* b.send(batch("b", 1))
      assert.strictEqual((yield* b.header).type, FrameType.ack)
      assert.strictEqual(gate.cut, 1)
      isOut = false
      assert.deepStrictEqual(yield* exchange(port, yield* tlsOf("a"), 1, hello("a"), batch("a", 2)), [
        "ack 2",
      ])
    }),
  )

  live(
    "goes on with a renewed certificate, open connections included",
    Effect.gen(function* () {
      const { credentials, port, region } = yield* secured
      const tls = clientTls(yield* region.credentials("agent", "a"))
      const socket = yield* connectSocket({ host: "127.0.0.1", port }, tls)
      yield* socket.send(hello("a"))
      assert.strictEqual((yield* socket.header).type, FrameType.welcome)
      yield* socket.payload
      credentials.replace(yield* region.credentials("server", "s1"))
      assert.deepStrictEqual(yield* exchange(port, tls, 1, hello("a"), batch("a", 1)), ["ack 1"])
      yield* socket.send(batch("a", 2))
      assert.strictEqual((yield* socket.header).type, FrameType.ack)
    }),
  )

  live(
    "listens where others can reach it with TLS, or when it is told that plain is meant",
    Effect.gen(function* () {
      const host = "0.0.0.0"
      const refused = yield* Effect.flip(started({ host, token: "secret" }))
      assert.strictEqual(refused.reason, "open")
      assert.include(refused.message, "cluster.secret")
      assert.isAbove((yield* started({ host, token: "secret", allowPlain: true })).port, 0)
      const region = yield* testRegion()
      const tls = serverTls(new LiveCredentials(yield* region.credentials("server", "s1")))
      assert.isAbove((yield* started({ host, tls })).port, 0)
    }),
  )
})
