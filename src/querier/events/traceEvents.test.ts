import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { insertRequests, testEngine } from "../store/testEngine.ts"
import { traceEvents } from "./traceEvents.ts"

/** Recent: events are kept for days. */
const second = Math.floor(Date.now() / 1_000) - 60
const id = (n: number): string => String((BigInt(second) << 32n) + BigInt(n))

const ends = { process_id_0: 10, process_id_1: 20, syscall_thread_0: 0, syscall_thread_1: 0 }

const row = (n: number, point: string, from: number, to: number, more: object) => ({
  _id: id(n),
  time: second,
  start_time: second * 1e6 + from,
  end_time: second * 1e6 + to,
  response_duration: to - from,
  observation_point: point,
  agent_id: 1,
  client_port: 40_000,
  server_port: 80,
  req_tcp_seq: 5,
  resp_tcp_seq: 6,
  request_type: "GET",
  endpoint: "/",
  ...ends,
  ...more,
})

const file = (n: number, from: number, to: number, more: object) => ({
  _id: id(n),
  time: second,
  start_time: second * 1e6 + from,
  end_time: second * 1e6 + to,
  duration: to - from,
  agent_id: 1,
  process_id: 20,
  syscall_thread: 21,
  event_type: "read",
  file_dir: "/data",
  file_name: `${n}`,
  ...more,
})

const stored = Effect.gen(function* () {
  yield* insertRequests([
    row(1, "c-p", 0, 900, { syscall_thread_0: 11 }),
    row(2, "s-p", 100, 800, { syscall_thread_1: 21, syscall_trace_id_request: 77 }),
  ])
  const files = [
    // By the served request, on another thread; by the thread alone; the client's own.
    file(101, 200, 300, { syscall_trace_id: 77, syscall_thread: 29 }),
    file(102, 400, 450, {}),
    file(103, 850, 880, { process_id: 10, syscall_thread: 11 }),
    // Of another request; of nobody's time; of another agent; of a goroutine.
    file(201, 200, 300, { syscall_trace_id: 78 }),
    file(202, 2_000, 3_000, {}),
    file(203, 200, 300, { agent_id: 2, syscall_trace_id: 77 }),
    file(204, 200, 300, { syscall_coroutine: 4 }),
  ]
  yield* (yield* ClickHouse).command(
    `INSERT INTO event.file_event FORMAT JSONEachRow\n${files.map((one) => JSON.stringify(one)).join("\n")}`,
  )
})

layer(testEngine, { timeout: 60_000 })("events of a trace", (it) => {
  it.effect("are those of its threads, each at its span", () =>
    Effect.gen(function* () {
      yield* stored
      const { files, truncated } = yield* traceEvents(id(1))
      assert.isFalse(truncated)
      assert.deepStrictEqual(
        files.map(({ durationUs, isCertain, path, side, span, spanId }) => [
          path,
          durationUs,
          side,
          span,
          spanId,
          isCertain,
        ]),
        [
          ["/data/101", 100, "server", 1, id(2), true],
          ["/data/102", 50, "server", 1, id(2), false],
          ["/data/103", 30, "client", 0, id(1), false],
        ],
      )
    }),
  )

  it.effect("says that there is no such trace", () =>
    Effect.gen(function* () {
      assert.include((yield* Effect.flip(traceEvents(id(999)))).message, `trace ${id(999)}`)
    }),
  )
})
