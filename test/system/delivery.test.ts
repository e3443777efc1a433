// Sender and receiver together over real sockets: what is acknowledged is stored, nothing is stored twice, nothing vanishes.

import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Sender, type SenderOptions } from "../../src/agent/send/Sender.ts"
import { LiveCredentials } from "../../src/runtime/tls/LiveCredentials.ts"
import { testRegion } from "../../src/runtime/tls/region.testing.ts"
import { clientTls, liveClientTls, serverTls } from "../../src/runtime/tls/tlsOptions.ts"
import { ColumnEncoder, type EncodedBatch } from "../../src/wire/ColumnEncoder.ts"
import { sampleBatch } from "../../src/wire/sampleBatch.ts"
import { AgentDirectory, AgentRegistry } from "../../src/ingester/receive/AgentDirectory.ts"
import { BatchSink, type ReceivedBatch, WriteError } from "../../src/ingester/receive/BatchSink.ts"
import { Receiver, type ReceiverOptions } from "../../src/ingester/receive/Receiver.ts"

const encoder = new ColumnEncoder()
const someRows = (rows: number): EncodedBatch => encoder.encode(sampleBatch(rows))[0]

/** Deduplicates as tables do, by (instance, seq). */
class Store {
  readonly rows = new Map<string, number>()
  writes = 0
  before: Effect.Effect<void, WriteError> = Effect.void

  readonly sink = BatchSink.of({
    write: (received: ReceivedBatch) =>
      Effect.andThen(
        Effect.suspend(() => this.before),
        Effect.sync(() => {
          this.writes++
          this.rows.set(`${received.instance}/${received.seq}`, received.batch.rows)
        }),
      ),
  })

  get total(): number {
    let total = 0
    for (const rows of this.rows.values()) total += rows
    return total
  }
}

const server = (store: Store, options: Partial<ReceiverOptions> = {}, agents = new AgentRegistry()) =>
  Receiver.layer({
    host: "127.0.0.1",
    port: 0,
    token: "",
    version: "test",
    maxConnections: 10,
    ...options,
  }).pipe(
    Layer.provide(Layer.succeed(BatchSink, store.sink)),
    Layer.provide(Layer.succeed(AgentDirectory, agents)),
  )

const start = <I, E>(layer: Layer.Layer<I, E>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(layer, scope)
    return { context, stop: Scope.close(scope, Exit.void) }
  })

const agent = (port: number, options: Partial<SenderOptions> = {}) =>
  Sender.layer({
    server: { host: "127.0.0.1", port },
    token: "",
    agentId: "agent-1",
    host: "box",
    version: "test",
    memoryBytes: 64 * 1024 * 1024,
    reconnectMostMs: 100,
    pauseMs: 10,
    pauseMostMs: 50,
    flushMs: 2_000,
    ...options,
  })

const spoolDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-spool-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true })),
)

const assertBooks = (stats: Record<string, number>) => {
  for (const unit of ["rows", "batches"]) {
    const dropped = Object.entries(stats)
      .filter(([name]) =>
        new RegExp(
          `^send_dropped_(memory_full|spool_full|spool_damaged|refused|shutdown)_${unit}_total$`,
        ).test(name),
      )
      .reduce((sum, [, value]) => sum + value, 0)
    assert.strictEqual(
      stats[`send_pushed_${unit}_total`] + stats[`send_recovered_${unit}_total`],
      stats[`send_acknowledged_${unit}_total`] +
        stats[`send_memory_${unit}`] +
        stats[`send_spool_${unit}`] +
        dropped,
      unit,
    )
  }
}

/** Waits for what must come true; vitest's own time limit ends what never does. */
const until = (isTrue: () => boolean) =>
  Effect.gen(function* () {
    while (!isTrue()) yield* Effect.sleep(5)
  })

const live = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(
    name,
    () => test.pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")),
    20_000,
  )

const never = Effect.never as Effect.Effect<void, WriteError>
const fails = (retriable: boolean) => Effect.fail(new WriteError({ retriable, message: "disk full" }))

describe("delivery", () => {
  live(
    "delivers batches and the agent's status",
    Effect.gen(function* () {
      const store = new Store()
      const agents = new AgentRegistry()
      const receiver = yield* start(server(store, {}, agents))
      const sender = yield* start(agent(Context.get(receiver.context, Receiver).port))
      const { push, tell, settled, stats } = Context.get(sender.context, Sender)
      tell({
        tier: 2,
        features: [],
        counters: { sonde_agent_x: 1 },
        processes: [],
        machine: { machineId: "", host: "box", kernel: "", os: "", addresses: [] },
      })
      for (let batch = 0; batch < 50; batch++) push(someRows(100 + batch))
      yield* settled
      assert.strictEqual(store.total, stats()["send_pushed_rows_total"])
      assertBooks(stats())
      assert.strictEqual(stats()["send_memory_bytes"], 0)
      const [known] = agents.list()
      assert.deepInclude(known, { id: "agent-1", host: "box", connected: true, batches: 50 })
      assert.deepInclude(known.status, { tier: 2, counters: { sonde_agent_x: 1 } })
      yield* sender.stop
      yield* receiver.stop
      assert.isFalse(agents.list()[0].connected)
    }),
  )

  live(
    "moves to another server: the one that is left acknowledges what it has, the other gets the rest, none gets both",
    Effect.gen(function* () {
      const stores = [new Store(), new Store()]
      for (const store of stores) store.before = Effect.sleep(20)
      const receivers = [yield* start(server(stores[0])), yield* start(server(stores[1]))]
      const ports = receivers.map(({ context }) => Context.get(context, Receiver).port)
      const sender = yield* start(agent(ports[0]))
      const { deliverTo, push, settled, stats } = Context.get(sender.context, Sender)
      for (let move = 1; move <= 6; move++) {
        for (let batch = 0; batch < 30; batch++) push(someRows(10))
        yield* until(() => stores[(move + 1) % 2].writes > 20 * Math.ceil(move / 2))
        deliverTo({ host: "127.0.0.1", port: ports[move % 2] })
      }
      yield* settled
      assert.strictEqual(stores[0].total + stores[1].total, 1_800)
      assert.strictEqual(stores[0].rows.size + stores[1].rows.size, 180)
      for (const key of stores[0].rows.keys()) assert.isFalse(stores[1].rows.has(key))
      assert.strictEqual(stats()["send_resent_elsewhere_rows_total"], 0)
      assertBooks(stats())
      yield* sender.stop
    }),
  )

  live(
    "counts what it sends to another server because the one before fell silent",
    Effect.gen(function* () {
      const silent = new Store()
      silent.before = never
      const other = new Store()
      const receivers = [yield* start(server(silent)), yield* start(server(other))]
      const ports = receivers.map(({ context }) => Context.get(context, Receiver).port)
      const sender = yield* start(agent(ports[0], { handOverMs: 100 }))
      const { deliverTo, push, settled, stats } = Context.get(sender.context, Sender)
      push(someRows(10))
      yield* until(() => stats()["send_in_flight_batches"] === 1)
      deliverTo({ host: "127.0.0.1", port: ports[1] })
      yield* settled
      assert.strictEqual(other.total, 10)
      assert.strictEqual(stats()["send_resent_elsewhere_rows_total"], 10)
      yield* sender.stop
    }),
  )

  live(
    "keeps everything until it is told of a server",
    Effect.gen(function* () {
      const store = new Store()
      const receiver = yield* start(server(store))
      const sender = yield* start(
        Sender.layer({ agentId: "agent-1", host: "box", token: "", version: "test", memoryBytes: 1e6 }),
      )
      const { deliverTo, push, settled } = Context.get(sender.context, Sender)
      push(someRows(10))
      yield* Effect.sleep(50)
      deliverTo({ host: "127.0.0.1", port: Context.get(receiver.context, Receiver).port })
      yield* settled
      assert.strictEqual(store.total, 10)
      yield* sender.stop
    }),
  )

  live(
    "loses nothing and stores nothing twice while the server dies again and again",
    Effect.gen(function* () {
      const store = new Store()
      let writes = 0
      store.before = Effect.suspend(() => (++writes % 7 === 3 ? fails(true) : Effect.sleep((writes % 5) * 3)))
      const agents = new AgentRegistry()
      let receiver = yield* start(server(store, { drainTimeout: 0 }, agents))
      const { port } = Context.get(receiver.context, Receiver)
      const directory = yield* spoolDirectory
      const spool = { directory, maxBytes: 64 * 1024 * 1024 }
      const sender = yield* start(agent(port, { spool, spoolAfterMs: 30 }))
      const { push, settled, stats } = Context.get(sender.context, Sender)
      for (let round = 0; round < 6; round++) {
        for (let batch = 0; batch < 20; batch++) {
          push(someRows(10 + batch))
          yield* Effect.sleep(2)
        }
        // No time to finish writes and acknowledgements: what a kill leaves behind.
        yield* receiver.stop
        assert.isAtMost(stats()["send_acknowledged_rows_total"], store.total)
        assertBooks(stats())
        yield* Effect.sleep(round * 30)
        receiver = yield* start(server(store, { port, drainTimeout: 0 }, agents))
      }
      yield* settled
      assertBooks(stats())
      assert.strictEqual(stats()["send_acknowledged_batches_total"], 120)
      assert.strictEqual(store.rows.size, 120)
      assert.strictEqual(store.total, stats()["send_pushed_rows_total"])
      assert.isAbove(stats()["send_resent_batches_total"], 0)
      yield* until(() => readdirSync(directory).length === 0)
      yield* sender.stop
      yield* receiver.stop
    }),
  )

  live(
    "counts what the server will never take, by kind",
    Effect.gen(function* () {
      const store = new Store()
      store.before = fails(false)
      const receiver = yield* start(server(store))
      const sender = yield* start(agent(Context.get(receiver.context, Receiver).port))
      const { push, settled, stats } = Context.get(sender.context, Sender)
      push(someRows(12))
      yield* settled
      assertBooks(stats())
      assert.strictEqual(stats()["send_dropped_refused_rows_total"], 12)
      assert.strictEqual(stats()["send_dropped_l7_rows_total"], 12)
      assert.strictEqual(store.total, 0)
      assert.strictEqual(Context.get(receiver.context, Receiver).stats()["rejected_storage_total"], 1)
      yield* sender.stop
      yield* receiver.stop
    }),
  )

  live(
    "stops reading while the sink hangs, spools meanwhile, and delivers once it is back",
    Effect.gen(function* () {
      const store = new Store()
      store.before = never
      const receiver = yield* start(server(store, { batchesPerConnection: 3, writeTimeout: 200 }))
      const received = () => Context.get(receiver.context, Receiver).stats()
      const spool = { directory: yield* spoolDirectory, maxBytes: 64 * 1024 * 1024 }
      const sender = yield* start(
        agent(Context.get(receiver.context, Receiver).port, { spool, spoolAfterMs: 50 }),
      )
      const { push, settled, stats } = Context.get(sender.context, Sender)
      for (let batch = 0; batch < 40; batch++) push(someRows(20))
      yield* until(() => received()["batches_in_progress"] === 3)
      assert.isAtMost(received()["received_batches_total"], 3)
      assert.isAtMost(stats()["send_in_flight_batches"], 16)
      yield* until(() => stats()["send_spool_batches"] === 40 && received()["rejected_storage_total"] > 3)
      assert.isAtMost(received()["batches_in_progress"], 3)
      assert.strictEqual(stats()["send_memory_bytes"], 0)
      assertBooks(stats())
      store.before = Effect.void
      yield* settled
      assert.strictEqual(store.total, 800)
      assertBooks(stats())
      yield* sender.stop
      yield* receiver.stop
    }),
  )

  live(
    "keeps at its end what the server did not take, and the next agent delivers it",
    Effect.gen(function* () {
      const spool = { directory: yield* spoolDirectory, maxBytes: 64 * 1024 * 1024 }
      const first = yield* start(agent(1, { spool, spoolAfterMs: 60_000 }))
      const { push, stats } = Context.get(first.context, Sender)
      for (let batch = 0; batch < 5; batch++) push(someRows(10))
      yield* first.stop
      assertBooks(stats())
      assert.strictEqual(stats()["send_spool_rows"], 50)
      assert.lengthOf(readdirSync(spool.directory), 5)
      // A damaged file and one that was never finished cost themselves only.
      const [victim] = readdirSync(spool.directory)
      const path = join(spool.directory, victim)
      writeFileSync(path, readFileSync(path).subarray(0, 1000))
      writeFileSync(`${path}.part`, "unfinished")

      const store = new Store()
      const receiver = yield* start(server(store))
      const second = yield* start(agent(Context.get(receiver.context, Receiver).port, { spool }))
      const { settled, stats: secondStats } = Context.get(second.context, Sender)
      yield* settled
      assertBooks(secondStats())
      assert.strictEqual(secondStats()["send_recovered_rows_total"], 50)
      assert.strictEqual(secondStats()["send_dropped_spool_damaged_rows_total"], 10)
      assert.strictEqual(store.total, 40)
      yield* until(() => readdirSync(spool.directory).length === 0)
      yield* second.stop
      yield* receiver.stop
    }),
  )

  live(
    "gives up the oldest when spool and memory are full, and counts it",
    Effect.gen(function* () {
      const one = someRows(500)
      const spool = { directory: yield* spoolDirectory, maxBytes: 200_000 }
      const sender = yield* start(agent(1, { spool, spoolAfterMs: 0, memoryBytes: one.body.length * 3 }))
      const { push, stats } = Context.get(sender.context, Sender)
      for (let batch = 0; batch < 10; batch++) push(someRows(500))
      assert.isAtMost(stats()["send_memory_bytes"], one.body.length * 3)
      assert.isAbove(stats()["send_dropped_memory_full_rows_total"], 0)
      assertBooks(stats())
      while (stats()["send_dropped_spool_full_batches_total"] < 5) {
        push(someRows(500))
        yield* Effect.sleep(20)
        assert.isAtMost(stats()["send_spool_bytes"], 200_000)
        assertBooks(stats())
      }
      yield* sender.stop
      assertBooks(stats())
      assert.strictEqual(stats()["send_memory_rows"], 0)
      const bytes = readdirSync(spool.directory).map(
        (name) => readFileSync(join(spool.directory, name)).length,
      )
      assert.isAtMost(
        bytes.reduce((sum, length) => sum + length, 0),
        200_000,
      )
    }),
  )

  live(
    "goes on in memory when the spool directory cannot be used",
    Effect.gen(function* () {
      const store = new Store()
      const receiver = yield* start(server(store))
      const spool = { directory: "/proc/no-such-place", maxBytes: 1_000_000 }
      const sender = yield* start(agent(Context.get(receiver.context, Receiver).port, { spool }))
      const { push, settled } = Context.get(sender.context, Sender)
      push(someRows(3))
      yield* settled
      assert.strictEqual(store.total, 3)
      yield* sender.stop
      yield* receiver.stop
    }),
  )

  live(
    "delivers once the token is right",
    Effect.gen(function* () {
      const store = new Store()
      const wrong = yield* start(server(store, { token: "right" }))
      const { port, stats: refusals } = Context.get(wrong.context, Receiver)
      const sender = yield* start(agent(port, { token: "other" }))
      const { push, settled, stats } = Context.get(sender.context, Sender)
      push(someRows(3))
      yield* until(() => refusals()["rejected_token_total"] >= 4)
      assert.strictEqual(stats()["send_memory_rows"], 3)
      yield* wrong.stop
      const right = yield* start(server(store, { token: "other", port }))
      yield* settled
      assert.strictEqual(store.total, 3)
      yield* sender.stop
      yield* right.stop
    }),
  )

  live(
    "delivers over TLS while certificates change on both sides",
    Effect.gen(function* () {
      const region = yield* testRegion()
      const ofServer = new LiveCredentials(yield* region.credentials("server", "s1"))
      const ofAgent = new LiveCredentials(yield* region.credentials("agent", "agent-1"))
      const store = new Store()
      const receiver = yield* start(server(store, { tls: serverTls(ofServer) }))
      const { port, stats: received } = Context.get(receiver.context, Receiver)
      const sender = yield* start(agent(port, { tls: liveClientTls(ofAgent) }))
      const { push, settled, stats } = Context.get(sender.context, Sender)
      for (let round = 0; round < 5; round++) {
        for (let at = 0; at < 20; at++) push(someRows(100))
        yield* settled
        ofServer.replace(yield* region.credentials("server", "s1"))
        ofAgent.replace(yield* region.credentials("agent", "agent-1"))
      }
      assert.strictEqual(store.total, 10_000)
      assertBooks(stats())
      assert.strictEqual(received()["connections_total"], 1)

      // Without its certificate it delivers nothing, and loses nothing.
      const other = yield* testRegion()
      const { key, certificate } = yield* other.credentials("agent", "agent-1")
      const stranger = yield* start(
        agent(port, { tls: () => clientTls({ authority: ofAgent.current.authority, key, certificate }) }),
      )
      Context.get(stranger.context, Sender).push(someRows(100))
      yield* until(() => received()["rejected_identity_total"]! >= 2)
      assert.strictEqual(Context.get(stranger.context, Sender).stats()["send_memory_rows"], 100)
      assert.strictEqual(store.total, 10_000)
      yield* stranger.stop
      yield* sender.stop
      yield* receiver.stop
    }),
  )

  live(
    "delivers what an agent had spooled before it was killed",
    Effect.gen(function* () {
      const directory = yield* spoolDirectory
      const fixture = join(import.meta.dirname, "../../src/agent/send/senderChild.fixture.ts")
      const child = spawn(process.execPath, [fixture, directory], { stdio: ["ignore", "pipe", "inherit"] })
      let output = ""
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()))
      const spooled = () => Number(/.*spooled (\d+)\n/s.exec(output)?.[1] ?? 0)
      yield* until(() => spooled() >= 25 || child.exitCode !== null)
      child.kill("SIGKILL")
      yield* until(() => child.signalCode === "SIGKILL")
      const claimed = spooled()
      assert.isAtLeast(claimed, 25)

      const store = new Store()
      const receiver = yield* start(server(store))
      const spool = { directory, maxBytes: 1024 * 1024 * 1024 }
      const sender = yield* start(agent(Context.get(receiver.context, Receiver).port, { spool }))
      const { settled, stats } = Context.get(sender.context, Sender)
      yield* settled
      assertBooks(stats())
      assert.isAtLeast(store.rows.size, claimed)
      assert.strictEqual(stats()["send_dropped_spool_damaged_batches_total"], 0)
      assert.strictEqual(store.total, store.rows.size * 50)
      yield* sender.stop
      yield* receiver.stop
    }),
  )
})
