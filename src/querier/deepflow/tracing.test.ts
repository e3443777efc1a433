import { describe, expect, it } from "vitest"
import { foundTraceOf, shopRows } from "../trace/traces.testing.ts"
import { givenSpans } from "./givenSpans.ts"
import { tracingAnswer } from "./tracingAnswer.ts"

interface Answer {
  readonly services: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly tracing: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly host_clock_correction: unknown
}

describe("the answer of DeepFlow's tracing service", () => {
  const rows = shopRows()
  const answer = tracingAnswer(foundTraceOf(rows), { hasAttributes: true }) as Answer

  it("has parents by position and by ids of its own", () => {
    const ids = rows.map(({ id, point }, at) => `${id}.${point}.${at}`)
    expect(
      answer.tracing.map((span) => [
        span.id,
        span.parent_id,
        span.deepflow_span_id,
        span.deepflow_parent_span_id,
      ]),
    ).toEqual([
      [0, -1, ids[0], ""],
      [1, 0, ids[1], ids[0]],
      [2, 1, ids[2], ids[1]],
      [3, 2, ids[3], ids[2]],
    ])
    expect(answer.tracing[1]).toMatchObject({
      _ids: [rows[1]!.id],
      related_ids: [`0-network-${rows[0]!.id}`, `2-syscall-${rows[2]!.id}`],
      set_parent_info: "same TCP sequence on both ends (certain)",
      tap_side: "s-p",
      signal_source: 3,
      process_id: 2,
      l7_protocol_str: "HTTP",
      response_status: 0,
      syscall_trace_id_request: "7",
      auto_service: "service-2",
      attributes: JSON.stringify({ pod: "b", "user_agent.original": "curl" }),
    })
  })

  it("has a call as its client's, where a program tells of it", () => {
    const call = { ...rows[0]!, point: "c-app", serverIp: "0.0.0.0" }
    const { tracing } = tracingAnswer(foundTraceOf([call]), { hasAttributes: false }) as Answer
    expect(tracing[0]).toMatchObject({ auto_service: "service-1", process_kname: "program-1" })
  })

  it("has stored times beside corrected ones", () => {
    const { start_time_us: stored, render_start_time_us: shown } = answer.tracing[3]!
    expect(Number(stored) - Number(shown)).toBe(1_000_000)
    expect(answer.host_clock_correction).toEqual({ 1: 0, 2: -1_000_000 })
  })

  it("has the share of each service", () => {
    expect(answer.services).toEqual([
      { service_uid: "service-3", service_uname: "service-3", duration: 6_000, duration_ratio: "60.00" },
      { service_uid: "service-2", service_uname: "service-2", duration: 3_980, duration_ratio: "39.80" },
      { service_uid: "service-1", service_uname: "service-1", duration: 20, duration_ratio: "0.20" },
    ])
  })
})

describe("spans that another system tells of", () => {
  const span = {
    trace_id: "t",
    span_id: "a",
    parent_span_id: "",
    span_kind: 3,
    start_time_us: 5,
    end_time_us: 9,
  }

  it("become rows", () => {
    expect(
      givenSpans([span, { ...span, span_kind: 2, span_id: "b" }, { ...span, span_kind: undefined }]),
    ).toMatchObject([
      { id: "given-0", point: "c-app", traceId: "t", spanId: "a", startUs: 5, endUs: 9 },
      { id: "given-1", point: "s-app", spanId: "b" },
      { id: "given-2", point: "app" },
    ])
  })

  it.each<readonly [string, unknown, string]>([
    ["no list", {}, "expected a list"],
    ["none", [], "at least one"],
    ["too many", Array.from({ length: 1_001 }, () => span), "more than 1000"],
    ["no objects", [5], "app_spans[0] is not an object"],
    ["no trace", [{ ...span, trace_id: "" }], "trace_id, span_id"],
    ["an endless id", [{ ...span, span_id: "x".repeat(129) }], "at most 128"],
    ["an end before the start", [{ ...span, end_time_us: 4 }], "microseconds"],
    ["no time", [{ ...span, start_time_us: "soon" }], "microseconds"],
    ["another kind", [{ ...span, span_kind: 9 }], "0 to 5"],
  ])("are refused: %s", (_, value, message) => {
    expect(givenSpans(value)).toContain(message)
  })
})
