import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { insertRequests, testEngine } from "../store/testEngine.ts"
import { processEvents } from "./processEvents.ts"
import { requestEvents } from "./requestEvents.ts"

/** Events are kept for a week. */
const second = Math.floor(Date.now() / 1_000) - 60
const baseUs = second * 1e6

let nextRow = 1n
const rowId = (): string => String((BigInt(second) << 32n) + nextRow++)

type Stored = Parameters<typeof insertRequests>[0][number]

const insert = (table: string, rows: ReadonlyArray<Stored>) =>
  Effect.flatMap(ClickHouse, (clickHouse) =>
    clickHouse.command(
      `INSERT INTO ${table} FORMAT JSONEachRow\n${rows.map((row) => JSON.stringify(row)).join("\n")}`,
    ),
  )

/** DateTime64 from JSON: decimal seconds. */
const at = (us: number): string => ((baseUs + us) / 1e6).toFixed(6)

/** `from`, `to`: microseconds. */
const served = (from: number, to: number, more: Stored = {}): Stored & { readonly _id: string } => ({
  _id: rowId(),
  time: second,
  start_time: baseUs + from,
  end_time: baseUs + to,
  agent_id: 1,
  observation_point: "s-p",
  process_id_1: 7,
  syscall_thread_1: 8,
  ...more,
})

const call = (name: string, from: number, to: number, more: Stored = {}): Stored => ({
  _id: rowId(),
  time: second,
  start_time: at(from),
  end_time: at(to),
  duration: to - from,
  agent_id: 1,
  event_type: "read",
  process_id: 7,
  syscall_thread: 8,
  file_dir: "/data",
  file_name: name,
  ...more,
})

const names = (id: string) =>
  Effect.map(requestEvents(id), ({ files }) => files.map(({ isCertain, path }) => [path, isCertain]))

layer(testEngine, { timeout: 120_000 })("events", (it) => {
  it.effect(
    "of a request are the calls of its thread in its time, without those known to be for others",
    () =>
      Effect.gen(function* () {
        const request = served(1_000, 9_000, { syscall_trace_id_request: 5 })
        const goroutine = served(1_000, 9_000, { syscall_thread_1: 9, syscall_coroutine_1: 4_096 })
        const loop = served(20_000, 30_000)
        const other = served(25_000, 40_000)
        const packets = served(1_000, 9_000, { observation_point: "s", syscall_thread_1: 0 })
        yield* insertRequests([request, goroutine, loop, other, packets])
        yield* insert("event.file_event", [
          call("own", 2_000, 3_000, { syscall_trace_id: 5 }),
          call("thread", 8_000, 12_000),
          call("another's", 4_000, 5_000, { syscall_trace_id: 6 }),
          call("before", 0, 900),
          call("after", 9_100, 9_200),
          call("thread of another", 2_000, 3_000, { syscall_thread: 10 }),
          call("process of another", 2_000, 3_000, { process_id: 70 }),
          call("agent of another", 2_000, 3_000, { agent_id: 2 }),
          call("goroutine", 2_000, 3_000, { syscall_thread: 11, syscall_coroutine: 4_096 }),
          call("goroutine of another", 2_000, 3_000, { syscall_coroutine: 8_192 }),
          call("in the loop", 26_000, 27_000),
        ])
        assert.deepStrictEqual(yield* names(request._id), [
          ["/data/own", true],
          ["/data/thread", false],
        ])
        assert.deepStrictEqual(yield* names(goroutine._id), [["/data/goroutine", false]])
        const { files, threads } = yield* requestEvents(loop._id)
        assert.deepStrictEqual(threads, [{ side: "server", pid: 7, thread: 8, otherRequests: 1 }])
        assert.deepInclude(files[0], { path: "/data/in the loop", durationUs: 1_000, type: "read" })
        assert.deepStrictEqual(yield* requestEvents(packets._id), {
          threads: [],
          files: [],
          truncated: false,
        })
        const error = yield* Effect.flip(requestEvents("1"))
        assert.strictEqual("status" in error ? error.status : 0, 404)
      }),
  )

  it.effect("of processes are found by kind, number and words, newest first", () =>
    Effect.gen(function* () {
      const change = (event_type: string, pid: number, us: number, more: Stored = {}): Stored => ({
        _id: rowId(),
        time: second,
        start_time: at(us),
        end_time: at(us),
        event_type,
        pid,
        ...more,
      })
      yield* insert("event.proc_ops_event", [
        change("exec", 1, 0, { cmdline: "/bin/One 'x" }),
        change("exit", 1, 10, { exit_code: 3, event_desc: "code 3" }),
        change("exec", 2, 20, { cmdline: "two" }),
        change("oom_kill", 2, 30),
      ])
      const range = `from=${baseUs - 1e6}&to=${baseUs + 5e6}`
      const found = (query: string) =>
        Effect.map(processEvents(new URLSearchParams(`${range}&${query}`)), ({ events }) =>
          events.map(({ pid, type }) => `${type} ${pid}`),
        )
      assert.deepStrictEqual(yield* found(""), ["oom_kill 2", "exec 2", "exit 1", "exec 1"])
      assert.deepStrictEqual(yield* found("limit=1"), ["oom_kill 2"])
      assert.deepStrictEqual(yield* found("type=exec&q=one '"), ["exec 1"])
      assert.deepStrictEqual(yield* found("pid=1"), ["exit 1", "exec 1"])
      const { events } = yield* processEvents(new URLSearchParams(`${range}&type=exit`))
      assert.deepInclude(events[0], { exitCode: 3, exitSignal: 0, outcome: "code 3", timeUs: baseUs + 10 })
      const refused = yield* Effect.flip(processEvents(new URLSearchParams("type=nothing")))
      assert.strictEqual("status" in refused ? refused.status : 0, 400)
    }),
  )
})
