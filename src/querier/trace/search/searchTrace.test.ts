import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ClickHouse } from "../../../runtime/clickhouse/ClickHouse.ts"
import { insertRequests, testEngine } from "../../store/testEngine.ts"
import type { Asked } from "../assemble/assembleTrace.ts"
import { traceLimits, type TraceLimits } from "../limits.ts"
import { traceOf } from "../traceOf.ts"

const second = 1_790_000_000

type Stored = Parameters<typeof insertRequests>[0][number]

let nextRow = 1n

const rowId = (at: number): string => String((BigInt(second + at) << 32n) + nextRow++)

/** `at`: seconds after the first; `fromUs`, `forUs`: within it. */
const stored = (
  at: number,
  fromUs: number,
  forUs: number,
  more: Stored,
): Stored & { readonly _id: string } => ({
  _id: rowId(at),
  time: second + at,
  start_time: (second + at) * 1e6 + fromUs,
  end_time: (second + at) * 1e6 + fromUs + forUs,
  agent_id: 1,
  ...more,
})

interface CallOptions {
  readonly at?: number
  readonly fromUs: number
  readonly forUs: number
  readonly seq: number
  readonly from: number
  readonly to: number
  readonly endpoint: string
  /** Causal id at the caller, and at the one who answers. */
  readonly causal?: readonly [number, number]
  readonly more?: Stored
}

/** Both ends of a call between processes of agent 1. */
const call = ({
  at = 0,
  causal = [0, 0],
  endpoint,
  forUs,
  from,
  fromUs,
  more = {},
  seq,
  to,
}: CallOptions) => {
  const shared = {
    endpoint,
    request_type: "GET",
    protocol: 6,
    client_port: 30_000 + seq,
    server_port: 80,
    process_id_0: from,
    process_id_1: to,
    auto_service_0: `service-${from}`,
    auto_service_1: `service-${to}`,
    process_kname_0: `program-${from}`,
    process_kname_1: `program-${to}`,
    req_tcp_seq: seq,
    resp_tcp_seq: seq + 500_000,
    ...more,
  }
  return [
    stored(at, fromUs, forUs, { ...shared, observation_point: "c-p", syscall_trace_id_request: causal[0] }),
    stored(at, fromUs + 10, forUs - 20, {
      ...shared,
      observation_point: "s-p",
      syscall_trace_id_request: causal[1],
    }),
  ] as const
}

const drawn = (asked: Asked, limits: Partial<TraceLimits> = {}) =>
  Effect.map(traceOf(asked, { ...traceLimits, ...limits }), (trace) =>
    (trace?.spans ?? []).map(
      ({ depth, link, name, point, service }) =>
        `${"  ".repeat(depth)}${point} ${service} ${name}${link === null ? "" : ` <${link.reason}`}`,
    ),
  )

const nothingAround: TraceLimits["around"] = { ...traceLimits.around, times: 0 }

layer(testEngine, { timeout: 60_000 })("traces in the store", (it) => {
  it.effect("are found over causal ids and sequence numbers, from each of their rows, over long times", () =>
    Effect.gen(function* () {
      const rows = [
        ...call({ fromUs: 0, forUs: 900e6, seq: 1, from: 1, to: 2, endpoint: "/a", causal: [0, 20] }),
        ...call({ at: 800, fromUs: 5, forUs: 900, seq: 2, from: 2, to: 3, endpoint: "/b", causal: [20, 30] }),
        ...call({
          at: 800,
          fromUs: 99,
          forUs: 200,
          seq: 3,
          from: 3,
          to: 4,
          endpoint: "/c",
          causal: [30, 40],
        }),
      ]
      // Strangers: the same numbers on another connection, the same causal id at another agent.
      const strangers = [
        ...call({
          at: 800,
          fromUs: 5,
          forUs: 10,
          seq: 2,
          from: 8,
          to: 9,
          endpoint: "/x",
          more: { client_port: 7 },
        }),
        ...call({
          at: 800,
          fromUs: 5,
          forUs: 10,
          seq: 9,
          from: 2,
          to: 9,
          endpoint: "/y",
          causal: [20, 0],
          more: { agent_id: 2 },
        }),
      ]
      yield* insertRequests([...rows, ...strangers])
      const expected = [
        "c-p service-1 GET /a",
        "  s-p service-2 GET /a <tcp_seq",
        "    c-p service-2 GET /b <causal_id",
        "      s-p service-3 GET /b <tcp_seq",
        "        c-p service-3 GET /c <causal_id",
        "          s-p service-4 GET /c <tcp_seq",
      ]
      for (const row of rows) assert.deepStrictEqual(yield* drawn({ rowId: row._id }), expected)
      const trace = yield* traceOf({ rowId: rows[5]!._id })
      assert.strictEqual(trace!.asked, 5)
      assert.deepStrictEqual(trace!.limits, [])
      assert.include(trace!.spans[2]!.link!.text, "same causal id 20 in process program-2 (2)")
      assert.deepStrictEqual(
        trace!.services.map(({ service, spans }) => [service, spans]),
        [
          ["service-2", 2],
          ["service-3", 2],
          ["service-4", 1],
          ["service-1", 1],
        ],
      )
      assert.isBelow(trace!.search.rounds, 10)
    }),
  )

  it.effect("are found by their trace id, in either form, and by X-Request-ID", () =>
    Effect.gen(function* () {
      const hex = "0af7651916cd43dd8448eb211c80319c"
      for (const [n, traceId] of [hex, "some trace"].entries()) {
        const seq = 1_000 + n * 100
        const rows = [
          ...call({
            at: 10,
            fromUs: 0,
            forUs: 500,
            seq,
            from: 1,
            to: 2,
            endpoint: "/t",
            more: { trace_id: traceId },
          }),
          ...call({
            at: 90,
            fromUs: 0,
            forUs: 500,
            seq: seq + 1,
            from: 3,
            to: 4,
            endpoint: "/u",
            more: { trace_id: traceId },
          }),
        ]
        yield* insertRequests(rows)
        const expected = [
          "c-p service-1 GET /t",
          "  s-p service-2 GET /t <tcp_seq",
          "c-p service-3 GET /u",
          "  s-p service-4 GET /u <tcp_seq",
        ]
        assert.deepStrictEqual(yield* drawn({ traceId }), expected)
        assert.deepStrictEqual(yield* drawn({ rowId: rows[1]!._id }), expected)
      }
      const x = { x_request_id_0: "req-1" }
      const rows = [
        ...call({ at: 20, fromUs: 0, forUs: 500, seq: 2_000, from: 1, to: 2, endpoint: "/p", more: x }),
        ...call({ at: 20, fromUs: 50, forUs: 300, seq: 2_001, from: 2, to: 3, endpoint: "/q", more: x }),
      ]
      yield* insertRequests(rows)
      assert.deepStrictEqual(yield* drawn({ rowId: rows[3]!._id }), [
        "c-p service-1 GET /p",
        "  s-p service-2 GET /p <tcp_seq",
        "    c-p service-2 GET /q <x_request_id",
        "      s-p service-3 GET /q <tcp_seq",
      ])
    }),
  )

  it.effect("are found by trace ids that are stored as bytes", () =>
    Effect.gen(function* () {
      const { command } = yield* ClickHouse
      const traceId = "1bf7651916cd43dd8448eb211c80319c"
      yield* command(
        `INSERT INTO flow_log.l7_flow_log (time, _id, start_time, end_time, observation_point, endpoint, type, l7_protocol, is_ipv4, _trace_id)
         SELECT ${second}, ${rowId(0)}, ${second}, ${second}, 's-p', '/bytes', 2, 20, 1, unhex('${traceId}')`,
      )
      const trace = yield* traceOf({ traceId })
      assert.strictEqual(trace!.traceId, traceId)
      assert.deepStrictEqual(
        trace!.spans.map(({ endpoint }) => endpoint),
        ["/bytes"],
      )
      // By the index: else it would take another.
      assert.strictEqual(trace!.search.questions, 1)
    }),
  )

  it.effect("of rows that the index does not know are found by their trace id all the same", () =>
    Effect.gen(function* () {
      const rows = call({
        at: 30,
        fromUs: 0,
        forUs: 9,
        seq: 3_000,
        from: 1,
        to: 2,
        endpoint: "/old",
        more: { trace_id: "old" },
      })
      yield* insertRequests(rows)
      const { command } = yield* ClickHouse
      yield* command("TRUNCATE TABLE flow_log.id_index")
      assert.lengthOf(yield* drawn({ traceId: "old" }), 2)
      assert.lengthOf(yield* drawn({ traceId: "none" }), 0)
      assert.lengthOf(yield* drawn({ rowId: "5" }), 0)
    }),
  )

  it.effect("end at their limits and say so", () =>
    Effect.gen(function* () {
      const server = call({
        at: 40,
        fromUs: 0,
        forUs: 900_000,
        seq: 4_000,
        from: 1,
        to: 2,
        endpoint: "/many",
        causal: [0, 50],
      })
      const calls = Array.from({ length: 30 }, (_, n) =>
        call({
          at: 40,
          fromUs: 100 + n,
          forUs: 50,
          seq: 4_001 + n,
          from: 2,
          to: 3,
          endpoint: `/${n}`,
          causal: [50, 100 + n],
        }),
      ).flat()
      yield* insertRequests([...server, ...calls])
      const limitsOf = (limits: Partial<TraceLimits>) =>
        Effect.map(traceOf({ rowId: server[0]._id }, { ...traceLimits, ...limits }), (trace) =>
          trace!.limits.map(({ limit, name }) => [name, limit]),
        )
      assert.deepStrictEqual(yield* limitsOf({}), [])
      assert.deepStrictEqual(yield* limitsOf({ spans: 10 }), [["spans", 10]])
      assert.deepStrictEqual(yield* limitsOf({ rounds: 1, around: nothingAround }), [["rounds", 1]])
      assert.deepStrictEqual(yield* limitsOf({ milliseconds: 0 }), [["time", 0]])
    }),
  )

  it.effect("are found at once by what was under way meanwhile, and as well without", () =>
    Effect.gen(function* () {
      const chain = Array.from({ length: 8 }, (_, n) =>
        call({
          at: 70,
          fromUs: n * 1_000,
          forUs: 900_000 - n * 2_000,
          seq: 7_000 + n,
          from: 201 + n,
          to: 202 + n,
          endpoint: `/${n}`,
          causal: [n === 0 ? 0 : 700 + n, 701 + n],
        }),
      ).flat()
      yield* insertRequests(chain)
      const find = (limits: TraceLimits) =>
        Effect.map(traceOf({ rowId: chain[7]!._id }, limits), (trace) => ({
          ids: trace!.spans.map(({ id }) => id).toSorted(),
          questions: trace!.search.questions,
        }))
      const looked = yield* find(traceLimits)
      const hopped = yield* find({ ...traceLimits, around: nothingAround })
      assert.lengthOf(looked.ids, 16)
      assert.deepStrictEqual(hopped.ids, looked.ids)
      assert.isAtMost(looked.questions, 4)
      assert.isAtLeast(hopped.questions, 8)
    }),
  )

  it.effect("do not follow an X-Request-ID that too many share", () =>
    Effect.gen(function* () {
      const rows = Array.from({ length: 20 }, (_, n) =>
        call({
          at: 50,
          fromUs: n * 1_000,
          forUs: 500,
          seq: 5_000 + n,
          from: 1,
          to: 2,
          endpoint: `/${n}`,
          more: { x_request_id_0: "-" },
        }),
      ).flat()
      yield* insertRequests(rows)
      const trace = yield* traceOf({ rowId: rows[4]!._id }, { ...traceLimits, rowsOfXRequestId: 10 })
      assert.lengthOf(trace!.spans, 2)
      assert.deepStrictEqual(
        trace!.limits.map(({ text }) => text),
        ["X-Request-ID - is in 10 requests or more; it was not followed"],
      )
    }),
  )

  it.effect("follow so many trace ids and no more", () =>
    Effect.gen(function* () {
      // Each service begins a trace of its own.
      const rows = Array.from({ length: 6 }, (_, n) =>
        call({
          at: 60,
          fromUs: n * 10,
          forUs: 1_000 - n * 50,
          seq: 6_000 + n,
          from: 100 + n,
          to: 101 + n,
          endpoint: `/${n}`,
          causal: [n === 0 ? 0 : 600 + n, 601 + n],
          more: { trace_id: `t${n}` },
        }),
      ).flat()
      yield* insertRequests(rows)
      const trace = yield* traceOf({ rowId: rows[0]!._id }, { ...traceLimits, traceIds: 3 })
      assert.lengthOf(trace!.spans, 12)
      assert.lengthOf(trace!.roots, 1)
      assert.lengthOf(trace!.traceIds, 6)
      assert.deepStrictEqual(
        trace!.limits.map(({ name }) => name),
        ["trace_ids"],
      )
    }),
  )
})
