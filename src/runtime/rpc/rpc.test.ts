import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import { connect } from "node:net"
import { connectRpc, withBearer } from "./connectRpc.ts"
import { RpcStats, serveRpc } from "./serveRpc.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

const group = RpcGroup.make(
  Rpc.make("Echo", {
    payload: { text: Schema.String, bytes: Schema.Uint8Array },
    success: Schema.Struct({ text: Schema.String, bytes: Schema.Uint8Array, token: Schema.String }),
    error: Refused,
  }),
  Rpc.make("Count", { payload: { to: Schema.Number }, success: Schema.Number, stream: true }),
  Rpc.make("Wait", {}),
)

type Options = Parameters<typeof serveRpc<RpcGroup.Rpcs<typeof group>, never>>[1]

interface Seen {
  waiting: number
  interrupted: number
  closed: number
  counted: number
}

const start = (
  maxConnections = 1_200,
  limits: Pick<Options, "callsMost" | "idleMs" | "messageBytesMost"> = {},
) =>
  Effect.gen(function* () {
    const seen: Seen = { waiting: 0, interrupted: 0, closed: 0, counted: 0 }
    const stats = new RpcStats()
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const port = yield* serveRpc(group, {
      address: { host: "127.0.0.1", port: 0 },
      maxConnections,
      ...limits,
      stats,
      handlers: () =>
        Effect.gen(function* () {
          yield* Effect.addFinalizer(() => Effect.sync(() => void seen.closed++))
          return group.of({
            Echo: ({ bytes, text }, { headers }) => {
              if (text === "defect") throw new Error("a bug")
              return text === "no"
                ? Effect.fail(new Refused({ why: "told so" }))
                : Effect.succeed({ text, bytes, token: headers["authorization"] ?? "" })
            },
            Count: ({ to }) =>
              Stream.range(1, to).pipe(
                Stream.tap(() => Effect.sync(() => void seen.counted++)),
                Stream.rechunk(1),
              ),
            Wait: () =>
              Effect.andThen(
                Effect.sync(() => void seen.waiting++),
                Effect.onInterrupt(Effect.never, () => Effect.sync(() => void seen.interrupted++)),
              ),
          })
        }),
    }).pipe(Scope.provide(scope))
    return { port, seen, stats, stop: Scope.close(scope, Exit.void) }
  })

const client = (port: number) =>
  connectRpc(group, { address: { host: "127.0.0.1", port }, timeoutMs: 20_000 })

const until = (isTrue: () => boolean) =>
  Effect.gen(function* () {
    while (!isTrue()) yield* Effect.sleep(2)
  })

const live = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(
    name,
    () => test.pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")),
    60_000,
  )

const nothing = new Uint8Array()

describe("RPC over a connection", () => {
  live(
    "answers calls, streams, errors and headers",
    Effect.gen(function* () {
      const { port } = yield* start()
      const { client: calls } = yield* client(port)
      const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => at & 255)
      const answer = yield* calls.Echo({ text: "höre", bytes }).pipe(withBearer("secret"))
      assert.strictEqual(answer.text, "höre")
      assert.strictEqual(answer.token, "Bearer secret")
      assert.deepStrictEqual(answer.bytes, bytes)
      const refused = yield* Effect.flip(calls.Echo({ text: "no", bytes: nothing }))
      assert.deepInclude(refused, { _tag: "Refused", why: "told so" })
      const counted = yield* Stream.runCollect(calls.Count({ to: 5_000 }))
      assert.lengthOf([...counted], 5_000)
    }),
  )

  live(
    "outlives a handler's bug",
    Effect.gen(function* () {
      const { port, seen } = yield* start(10, { callsMost: 5 })
      const { client: calls } = yield* client(port)
      const waiting = yield* Effect.forkChild(calls.Wait())
      yield* until(() => seen.waiting === 1)
      for (let call = 0; call < 20; call++) yield* Effect.exit(calls.Echo({ text: "defect", bytes: nothing }))
      assert.isUndefined(waiting.pollUnsafe())
      assert.isTrue(Exit.hasDies(yield* Effect.exit(calls.Echo({ text: "defect", bytes: nothing }))))
      assert.strictEqual((yield* calls.Echo({ text: "on", bytes: nothing })).text, "on")
    }),
  )

  live(
    "interrupts what a client waits for when it goes, and closes what was its own",
    Effect.gen(function* () {
      const { port, seen } = yield* start()
      const scope = yield* Scope.make()
      const { client: calls } = yield* client(port).pipe(Scope.provide(scope))
      yield* Effect.forkChild(Effect.exit(calls.Wait()))
      yield* until(() => seen.waiting === 1)
      yield* Scope.close(scope, Exit.void)
      yield* until(() => seen.interrupted === 1 && seen.closed === 1)
    }),
  )

  live(
    "fails what waits when the server goes",
    Effect.gen(function* () {
      const { port, seen, stop } = yield* start()
      const { client: calls, closed } = yield* client(port)
      const waiting = yield* Effect.forkChild(Effect.exit(calls.Wait()))
      yield* until(() => seen.waiting === 1)
      yield* stop
      assert.include((yield* closed).message, "closed")
      assert.isTrue(Exit.isFailure(yield* Fiber.join(waiting)))
      const refused = yield* Effect.flip(Effect.scoped(client(port)))
      assert.include(refused.message, "ECONNREFUSED")
    }),
  )

  live(
    "does not run ahead of a client that reads slowly",
    Effect.gen(function* () {
      const { port, seen } = yield* start()
      const { client: calls } = yield* client(port)
      const gate = yield* Deferred.make<void>()
      const reading = yield* Effect.forkChild(
        Stream.runForEach(calls.Count({ to: 1_000_000 }), () => Deferred.await(gate)),
      )
      yield* Effect.sleep(300)
      assert.isBelow(seen.counted, 10_000)
      yield* Fiber.interrupt(reading)
    }),
  )

  live(
    "ends connections that send what is no message, without a word and without memory",
    Effect.gen(function* () {
      const { port, seen, stats } = yield* start()
      const { client: calls } = yield* client(port)
      const hostile = [
        Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]),
        Buffer.from([4, 0, 0, 0, 0xdd, 0xff, 0xff, 0xff]),
        Buffer.from([1, 0, 0, 0, 0xc1]),
      ]
      for (const bytes of hostile) {
        yield* Effect.callback<void>((resume) => {
          const socket = connect(port, "127.0.0.1")
          socket.on("error", () => {})
          socket.on("close", () => resume(Effect.void))
          socket.resume()
          socket.write(bytes)
        })
      }
      yield* until(() => seen.closed === hostile.length)
      assert.strictEqual(stats.tooLong, 2)
      assert.strictEqual(stats.malformed, 2)
      assert.strictEqual((yield* calls.Echo({ text: "on", bytes: nothing })).text, "on")
    }),
  )

  live(
    "cuts off who makes calls without end, says too much at once, or nothing",
    Effect.gen(function* () {
      const { port, seen, stats } = yield* start(10, { callsMost: 50, messageBytesMost: 10_000 })
      const { client: calls, closed } = yield* client(port)
      const flood = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 100 }, () => Effect.exit(calls.Wait())),
          { concurrency: "unbounded" },
        ),
      )
      yield* closed
      assert.isTrue((yield* Fiber.join(flood)).every(Exit.isFailure))
      assert.strictEqual(stats.flooded, 1)
      yield* until(() => seen.interrupted === seen.waiting && seen.waiting <= 50)

      const { client: modest } = yield* client(port)
      for (let call = 0; call < 120; call++) yield* modest.Echo({ text: "x", bytes: nothing })
      const long = yield* client(port)
      assert.isTrue(
        Exit.isFailure(yield* Effect.exit(long.client.Echo({ text: "long", bytes: new Uint8Array(20_000) }))),
      )
      assert.strictEqual(stats.tooLong, 1)

      const quiet = yield* start(10, { idleMs: 50 })
      yield* Effect.callback<void>((resume) => {
        const socket = connect(quiet.port, "127.0.0.1")
        socket.on("close", () => resume(Effect.void))
        socket.resume()
      })
      yield* until(() => quiet.stats.idle === 1 && quiet.stats.connections === 0)
    }),
  )

  live(
    "takes messages in any pieces",
    Effect.gen(function* () {
      const { port, seen } = yield* start()
      // A message that says nothing of RPC is answered by a defect, not by a crash.
      yield* Effect.callback<void>((resume) => {
        const socket = connect(port, "127.0.0.1")
        socket.on("error", () => {})
        socket.on("close", () => resume(Effect.void))
        socket.resume()
        const bytes = Buffer.from([1, 0, 0, 0, 0x80, 1, 0, 0, 0, 0xc0])
        let at = 0
        const timer = setInterval(() => {
          if (at === bytes.length) {
            clearInterval(timer)
            socket.destroy()
          } else socket.write(bytes.subarray(at, ++at))
        }, 1)
      })
      yield* until(() => seen.closed === 1)
      const { client: calls } = yield* client(port)
      assert.strictEqual((yield* calls.Echo({ text: "on", bytes: nothing })).text, "on")
    }),
  )

  live(
    "serves 1,000 connections and turns further ones away",
    Effect.gen(function* () {
      const { port, stats } = yield* start(1_000)
      const clients = yield* Effect.forEach(Array.from({ length: 1_000 }), () => client(port), {
        concurrency: 50,
      })
      const answers = yield* Effect.forEach(
        clients,
        ({ client: calls }, at) => calls.Echo({ text: String(at), bytes: nothing }),
        { concurrency: 100 },
      )
      assert.lengthOf(new Set(answers.map(({ text }) => text)), 1_000)
      const { closed } = yield* client(port)
      yield* closed
      assert.strictEqual(stats.turnedAway, 1)
      assert.strictEqual(stats.connections, 1_000)
    }),
  )
})
