import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Change, Coordination, type CoordinationError } from "./Coordination.ts"
import { coordinationEtcd } from "./etcd.ts"
import { hasEtcd, startEtcd, temporaryDirectory, until } from "./etcd.testing.ts"
import { EtcdClient, type EtcdOptions } from "./EtcdClient.ts"
import { startProxy } from "./proxy.testing.ts"

const ttlMs = 2_000

const connect = (
  options: EtcdOptions,
): Effect.Effect<Coordination["Service"], CoordinationError, Scope.Scope> =>
  Effect.map(Layer.build(coordinationEtcd(options)), (context) => Context.get(context, Coordination))

const monotonic = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

const put = (coordination: Coordination["Service"], key: string, value = "") =>
  coordination.commit({ writes: [{ put: key, value }] })

/** Puts `prefix`0, 1, 2, ... one after the other, each until it is certainly there; gives how long the longest took. */
const putMany = (coordination: Coordination["Service"], prefix: string, count: number) =>
  Effect.gen(function* () {
    let longestMs = 0
    for (let at = 0; at < count; at++) {
      const startedMs = yield* monotonic
      yield* Effect.retry(put(coordination, `${prefix}${at}`), {
        times: 50,
        while: ({ reason }) => reason === "unavailable",
      })
      longestMs = Math.max(longestMs, (yield* monotonic) - startedMs)
    }
    return longestMs
  })

const collect = (coordination: Coordination["Service"], prefix: string) =>
  Effect.gen(function* () {
    const seen: Array<Change> = []
    const { revision } = yield* coordination.list(prefix)
    yield* Effect.forkScoped(
      Stream.runForEach(coordination.watch(prefix, revision), (changes) =>
        Effect.sync(() => void seen.push(...changes)),
      ),
    )
    return seen
  })

const keyOf = (change: Change): string => (change.kind === "put" ? change.entry.key : change.key)

describe.skipIf(!hasEtcd)("coordinationEtcd", () => {
  it.effect("says what is wrong with endpoints", () =>
    Effect.gen(function* () {
      const messageOf = (options: EtcdOptions) =>
        Effect.map(Effect.flip(connect(options)), ({ message }) => message)
      assert.include(yield* messageOf({ endpoints: [] }), "at least one")
      assert.include(
        yield* messageOf({ endpoints: ["localhost:2379"] }),
        "no endpoint of etcd: expected http",
      )
      assert.include(yield* messageOf({ endpoints: ["http://a:1", "https://b:1"] }), "use one kind")
      assert.include(
        yield* messageOf({ endpoints: ["http://a:1"], ca: Buffer.from("") }),
        "leave the authority out",
      )
    }),
  )

  it.live("says that nobody answers, and in time", () =>
    Effect.gen(function* () {
      const coordination = yield* connect({ endpoints: ["http://127.0.0.1:1"], patienceMs: 200 })
      const error = yield* Effect.flip(coordination.get("a"))
      assert.strictEqual(error.reason, "unavailable")
      assert.match(error.message, /etcd at 127\.0\.0\.1:1: .*ECONNREFUSED.* is it running/)
    }),
  )

  it.live("honours a lease time that etcd has raised", () =>
    Effect.gen(function* () {
      const { endpoints } = yield* startEtcd()
      const coordination = yield* connect({ endpoints })
      assert.strictEqual((yield* coordination.lease(1_000)).ttlMs, 2_000)
      assert.strictEqual((yield* coordination.lease(2_000)).ttlMs, 2_000)
    }),
  )

  it.live("gives a lease up before etcd does, when it is cut off in silence", () =>
    Effect.gen(function* () {
      const { endpoints } = yield* startEtcd()
      const proxy = yield* startProxy(endpoints[0])
      const apart = yield* connect({ endpoints: [proxy.endpoint], callMs: 300, patienceMs: 500 })
      const witness = yield* connect({ endpoints })
      const lease = yield* apart.lease(ttlMs)
      yield* apart.commit({ writes: [{ put: "a", value: "", lease }] })
      yield* Effect.sleep(1_300)
      yield* proxy.cut
      const cutMs = yield* monotonic
      const vanished = yield* Effect.forkScoped(
        until(
          "the key to vanish",
          Effect.map(Effect.orDie(witness.get("a")), (entry) => entry === undefined),
        ).pipe(Effect.andThen(monotonic)),
      )
      const error = yield* Effect.flip(apart.get("a"))
      assert.strictEqual(error.reason, "unavailable")
      // Whatever was on its way when the connection was cut has arrived or is given up.
      yield* Effect.sleep(600)
      const deadlineMs = lease.heldUntilMs()
      yield* lease.lost
      const lostMs = yield* monotonic
      assert.isAtLeast(lostMs, deadlineMs)
      const goneMs = yield* Fiber.join(vanished)
      assert.isBelow(deadlineMs, goneMs)
      console.log(
        `cut off: given up after ${Math.round(lostMs - cutMs)} ms, gone after ${Math.round(goneMs - cutMs)} ms`,
      )
      yield* proxy.restore
      assert.isUndefined(yield* apart.get("a"))
    }),
  )

  it.live("a watch goes on where it was, over lost and silent connections", () =>
    Effect.gen(function* () {
      const { endpoints } = yield* startEtcd()
      const proxy = yield* startProxy(endpoints[0])
      const through = yield* connect({ endpoints: [proxy.endpoint], callMs: 300 })
      const direct = yield* connect({ endpoints })
      const seen = yield* collect(through, "w/")
      let count = 0
      for (const trouble of [
        proxy.drop,
        proxy.drop,
        Effect.andThen(proxy.cut, Effect.sleep(500)),
        proxy.deafen,
        Effect.void,
      ]) {
        for (let at = 0; at < 20; at++) yield* put(direct, `w/${count++}`)
        yield* trouble
        for (let at = 0; at < 20; at++) yield* put(direct, `w/${count++}`)
        if (trouble !== proxy.deafen) yield* proxy.restore
        yield* until(
          `${count} changes`,
          Effect.sync(() => seen.length >= count),
        )
      }
      assert.deepEqual(
        seen.map(keyOf),
        Array.from({ length: count }, (_, at) => `w/${at}`),
      )
    }),
  )

  it.live(
    "lasts over the loss of a member, and of its leader",
    () =>
      Effect.gen(function* () {
        const { endpoints, members } = yield* startEtcd({ members: 3 })
        const coordination = yield* connect({ endpoints })
        const seen = yield* collect(coordination, "m/")
        const lease = yield* coordination.lease(10_000)
        yield* coordination.commit({ writes: [{ put: "leased", value: "", lease }] })
        let longestMs = yield* putMany(coordination, "m/a", 20)
        const leading = yield* Effect.forEach(members, ({ isLeader }) => isLeader)
        assert.strictEqual(leading.filter((one) => one).length, 1)
        const leader = members[leading.indexOf(true)]
        yield* leader.kill
        longestMs = yield* putMany(coordination, "m/b", 20)
        console.log(`etcd's leader killed: the longest write took ${Math.round(longestMs)} ms`)
        assert.isDefined(yield* coordination.get("leased"))
        assert.isAbove(lease.heldUntilMs(), yield* monotonic)
        yield* leader.restart
        for (const [at, member] of members.entries()) {
          yield* member.stop
          longestMs = yield* putMany(coordination, `m/c${at}/`, 5)
          yield* member.continue
          console.log(`member ${at} stopped: the longest write took ${Math.round(longestMs)} ms`)
        }
        yield* until(
          "all changes",
          Effect.sync(() => new Set(seen.map(keyOf)).size === 20 + 20 + 3 * 5),
        )
        // A write that was tried again may be there twice, but each revision is seen once, in order.
        const revisions = seen.map((change) =>
          change.kind === "put" ? change.entry.modified : change.revision,
        )
        assert.deepEqual(
          revisions,
          [...new Set(revisions)].sort((one, other) => one - other),
        )
        assert.isDefined(yield* coordination.get("leased"))
        assert.isAbove(lease.heldUntilMs(), yield* monotonic)
      }),
    60_000,
  )

  it.live("tells a full store from a busy one", () =>
    Effect.gen(function* () {
      const { endpoints } = yield* startEtcd({ flags: ["--quota-backend-bytes", "8000000"] })
      const coordination = yield* connect({ endpoints })
      const value = "x".repeat(900_000)
      let reason = "none"
      for (let at = 0; at < 40 && reason === "none"; at++) {
        const outcome = yield* Effect.result(put(coordination, `f/${at}`, value))
        if (Result.isFailure(outcome)) reason = outcome.failure.reason
      }
      assert.strictEqual(reason, "full")
      assert.isDefined(yield* coordination.get("f/0"))
    }),
  )

  it.live("tells etcd's own limit of requests", () =>
    Effect.gen(function* () {
      const { endpoints } = yield* startEtcd({ flags: ["--max-request-bytes", "100000"] })
      const coordination = yield* connect({ endpoints })
      for (const bytes of [150_000, 900_000]) {
        const error = yield* Effect.flip(put(coordination, "a", "x".repeat(bytes)))
        assert.strictEqual(error.reason, "too large", error.message)
      }
    }),
  )

  it.live(
    "speaks as a user, and does so again when etcd has forgotten it",
    () =>
      Effect.gen(function* () {
        const { endpoints, members } = yield* startEtcd()
        const root = yield* EtcdClient.make({ endpoints })
        const password = "secret"
        yield* root.call("Auth", "userAdd", { name: "root", password }, true)
        yield* root.call("Auth", "roleAdd", { name: "root" }, true)
        yield* root.call("Auth", "userGrantRole", { user: "root", role: "root" }, true)
        yield* root.call("Auth", "userAdd", { name: "nobody", password }, true)
        yield* root.call("Auth", "authEnable", {}, true)
        const coordination = yield* connect({ endpoints, user: "root", password })
        yield* put(coordination, "a")
        const seen = yield* collect(coordination, "w/")
        yield* members[0].restart
        yield* putMany(coordination, "w/", 3)
        yield* until(
          "the watch",
          Effect.sync(() => seen.length >= 3),
        )
        const messageOf = (options: Partial<EtcdOptions>) =>
          Effect.gen(function* () {
            const { message, reason } = yield* Effect.flip(
              Effect.flatMap(connect({ endpoints, patienceMs: 500, ...options }), (one) => one.get("a")),
            )
            return `${reason}: ${message}`
          })
        assert.match(
          yield* messageOf({ user: "root", password: "wrong" }),
          /^refused: .*authentication failed/,
        )
        assert.match(yield* messageOf({ user: "nobody", password }), /^refused: .*permission denied/)
        assert.match(yield* messageOf({}), /^refused: .*user name is empty/)
        const nobody = yield* connect({ endpoints, user: "nobody", password })
        const error = yield* Effect.flip(Stream.runHead(nobody.watch("w/", 1)))
        assert.strictEqual(error.reason, "refused")
      }),
    60_000,
  )

  it.live("speaks TLS to a member whose authority it knows, and only to that", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const [key, certificate, other] = ["key.pem", "certificate.pem", "other.pem"].map((name) =>
        join(directory, name),
      )
      for (const [keyFile, file] of [
        [key, certificate],
        [join(directory, "other-key.pem"), other],
      ]) {
        const request = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=etcd`
        execFileSync(
          "openssl",
          [...request.split(" "), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", keyFile, "-out", file],
          { stdio: "ignore" },
        )
      }
      const { endpoints } = yield* startEtcd({ tls: { certificate, key } })
      const coordination = yield* connect({ endpoints, ca: readFileSync(certificate) })
      assert.isTrue((yield* put(coordination, "a")).isDone)
      const stranger = yield* connect({ endpoints, ca: readFileSync(other), callMs: 500, patienceMs: 500 })
      const error = yield* Effect.flip(stranger.get("a"))
      assert.strictEqual(error.reason, "unavailable")
      assert.match(error.message, /certificate/)
    }),
  )
})
