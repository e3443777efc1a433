// Real servers, real etcd: one leader after the other is killed, stopped or cut off, and no two ever act at once.

import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Coordination } from "../../runtime/coordination/Coordination.ts"
import { coordinationEtcd } from "../../runtime/coordination/etcd.ts"
import { hasEtcd, startEtcd, until } from "../../runtime/coordination/etcd.testing.ts"
import { startProxy, type TestProxy } from "../../runtime/coordination/proxy.testing.ts"

const prefix = "/sonde/test/"
const program = fileURLToPath(new URL("memberChild.fixture.ts", import.meta.url))
/** What a process may be late with a timer on a busy machine; a lease that is believed in for too long would be 2 s late. */
const lateMs = 1_000

const monotonic = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

interface Told {
  readonly kind: string
  readonly fence: number
  readonly atMs: number
}

interface Server {
  readonly id: string
  readonly child: ChildProcess
  readonly told: Array<Told>
  readonly proxy: TestProxy
}

/** A write of a leader, as the store has it. */
interface Act {
  readonly number: number
  readonly id: string
  readonly fence: number
  readonly revision: number
  readonly seenMs: number
}

const startServer = (
  id: string,
  endpoints: ReadonlyArray<string>,
): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.gen(function* () {
    const proxies = yield* Effect.forEach(endpoints, (endpoint) => startProxy(endpoint))
    const told: Array<Told> = []
    const child = spawn(
      process.execPath,
      [
        "--disable-warning=ExperimentalWarning",
        program,
        proxies.map(({ endpoint }) => endpoint).join(","),
        prefix,
        id,
      ],
      { stdio: ["ignore", "pipe", "ignore"] },
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => void child.kill("SIGKILL")))
    let rest = ""
    child.stdout.on("data", (bytes: Buffer) => {
      const lines = (rest + bytes.toString()).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) {
        const [kind = "", fence, atMs] = line.split(" ")
        if (["began", "acted", "ended", "refused"].includes(kind))
          told.push({ kind, fence: Number(fence), atMs: Number(atMs) })
      }
    })
    return { id, child, told, proxy: proxies[0] }
  })

/** Everything that leaders wrote, as it comes. */
const follow = (endpoints: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(coordinationEtcd({ endpoints }))
    const coordination = Context.get(context, Coordination)
    const acts: Array<Act> = []
    yield* Effect.forkScoped(
      Stream.runForEach(coordination.watch(`${prefix}history`, 0), (changes) =>
        Effect.map(monotonic, (seenMs) => {
          for (const change of changes) {
            if (change.kind !== "put") continue
            const [number, id, fence] = change.entry.value.split(" ")
            acts.push({
              number: Number(number),
              id,
              fence: Number(fence),
              revision: change.entry.modified,
              seenMs,
            })
          }
        }),
      ),
    )
    return { coordination, acts }
  })

const actsOf = (acts: ReadonlyArray<Act>, wanted: (act: Act) => boolean) =>
  Effect.sync(() => acts.filter(wanted).length > 3)

/** Waits until another than `before` has written; gives how long it took since `sinceMs`. */
const takenOver = (acts: ReadonlyArray<Act>, before: Act, sinceMs: number) =>
  Effect.gen(function* () {
    yield* until(
      "another to lead",
      actsOf(acts, ({ fence }) => fence > before.fence),
    )
    const next = acts.find(({ fence }) => fence > before.fence)!
    return { next, tookMs: Math.round(next.seenMs - sinceMs) }
  })

/** No number twice or missing, and no fence comes again behind a later one. */
const checkHistory = (acts: ReadonlyArray<Act>): void => {
  acts.forEach(({ fence, number, revision }, at) => {
    const before = acts[at - 1]
    assert.strictEqual(number, (before?.number ?? 0) + 1)
    assert.isAtLeast(fence, before?.fence ?? 0, `at revision ${revision} a leader of the past wrote`)
  })
}

describe.skipIf(!hasEtcd)("take-over of leadership", () => {
  it.live(
    "when the leader is killed, stopped and cut off",
    () =>
      Effect.gen(function* () {
        const { endpoints } = yield* startEtcd()
        const { acts, coordination } = yield* follow(endpoints)
        const servers = new Map<string, Server>()
        for (const id of ["a", "b", "c"]) servers.set(id, yield* startServer(id, endpoints))
        const living = Effect.map(
          Effect.orDie(coordination.list(`${prefix}server/`)),
          ({ entries }) => entries.length,
        )
        const settled = Effect.gen(function* () {
          yield* until(
            "three servers",
            Effect.map(living, (count) => count === 3),
          )
          yield* until(
            "somebody to act",
            actsOf(acts, () => true),
          )
          return acts.at(-1)!
        })
        const times: Record<string, Array<number>> = { killed: [], stopped: [], "cut off": [] }

        for (let round = 0; round < 3; round++) {
          const leader = yield* settled
          servers.get(leader.id)!.child.kill("SIGKILL")
          const { tookMs } = yield* takenOver(acts, leader, yield* monotonic)
          times["killed"].push(tookMs)
          servers.set(leader.id, yield* startServer(leader.id, endpoints))
        }

        for (let round = 0; round < 2; round++) {
          const leader = yield* settled
          const stopped = servers.get(leader.id)!
          stopped.child.kill("SIGSTOP")
          const { tookMs } = yield* takenOver(acts, leader, yield* monotonic)
          times["stopped"].push(tookMs)
          const wokeMs = yield* monotonic
          stopped.child.kill("SIGCONT")
          yield* until(
            "the one that slept to end its work",
            Effect.sync(() =>
              stopped.told.some(
                ({ atMs, fence, kind }) => kind === "ended" && fence === leader.fence && atMs >= wokeMs,
              ),
            ),
          )
          const late = stopped.told.filter(
            ({ atMs, fence, kind }) => kind === "acted" && fence === leader.fence && atMs > wokeMs,
          )
          // At most the answer to what it had asked before it was stopped.
          assert.isAtMost(late.length, 1)
        }

        for (let round = 0; round < 2; round++) {
          const leader = yield* settled
          const apart = servers.get(leader.id)!
          yield* apart.proxy.cut
          const { next, tookMs } = yield* takenOver(acts, leader, yield* monotonic)
          times["cut off"].push(tookMs)
          const ended = apart.told.find(({ fence, kind }) => kind === "ended" && fence === leader.fence)
          assert.isDefined(ended, "whoever is cut off has stopped when another acts")
          assert.isBelow(ended!.atMs, next.seenMs + lateMs)
          console.log(`cut off: had stopped ${Math.round(next.seenMs - ended!.atMs)} ms before another acted`)
          yield* apart.proxy.restore
        }
        yield* settled
        checkHistory(acts)
        console.log(`take-over in ms: ${JSON.stringify(times)}; ${acts.length} writes of leaders`)
      }),
    120_000,
  )

  it.live(
    "while etcd loses its own leader",
    () =>
      Effect.gen(function* () {
        const { endpoints, members } = yield* startEtcd({ members: 3 })
        const { acts } = yield* follow(endpoints)
        for (const id of ["a", "b", "c"]) yield* startServer(id, endpoints)
        yield* until(
          "somebody to act",
          actsOf(acts, () => true),
        )
        for (let round = 0; round < 2; round++) {
          const before = acts.at(-1)!
          const leading = yield* Effect.forEach(members, ({ isLeader }) => isLeader)
          const member = members[leading.indexOf(true)]
          const sinceMs = yield* monotonic
          yield* member.kill
          yield* until(
            "acts again",
            actsOf(acts, ({ number, seenMs }) => number > before.number + 1 && seenMs > sinceMs + 100),
            20_000,
          )
          const gapMs = acts
            .slice(1)
            .reduce((most, act, at) => Math.max(most, act.seenMs - acts[at].seenMs), 0)
          const changed =
            acts.at(-1)!.fence === before.fence ? "the same server leads" : "another server leads"
          console.log(`etcd lost its leader: nobody acted for ${Math.round(gapMs)} ms, ${changed}`)
          yield* member.restart
        }
        checkHistory(acts)
      }),
    120_000,
  )
})
