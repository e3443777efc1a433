import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { l7FlowLog } from "./l7FlowLog.ts"
import { spanKey } from "./spanIndex.ts"
import { testTables } from "./tables.testing.ts"

const tables = testTables()

beforeAll(async () => {
  const columns =
    "time, _id, _trace_id, _trace_id_text, _span_id, _span_id_text, _parent_span_id, x_request_id_0, x_request_id_1, agent_id, " +
    "syscall_trace_id_request, syscall_trace_id_response, req_tcp_seq, resp_tcp_seq, client_port, server_port"
  await tables.command(`INSERT INTO flow_log.l7_flow_log (${columns}) VALUES
    (1790000000, 1, unhex('0af7651916cd43dd8448eb211c80319c'), '', reinterpretAsUInt64(reverse(unhex('00f067aa0ba902b7'))), '', 1, 'x', 'x', 7, 70, 70, 5, 6, 1, 2),
    (1790000060, 2, unhex('0af7651916cd43dd8448eb211c80319c'), '', 0, 'Root Span', 0, '', 'y', 7, 70, 71, 0, 6, 1, 2),
    (1790000010, 3, toFixedString('', 16), 'not hexadecimal', 0, '', 0, '', '', 8, 0, 0, 0, 0, 1, 2),
    (1790000020, 4, toFixedString('', 16), '', 0, '', 0, '', '', 8, 0, 0, 0, 0, 0, 0)`)
}, 60_000)

afterAll(() => tables.dispose())

describe(`traces in ${l7FlowLog.name}`, () => {
  it("read as the text they came as", async () => {
    expect(
      await tables.query("SELECT trace_id, span_id, parent_span_id FROM flow_log.l7_flow_log ORDER BY _id"),
    ).toEqual([
      {
        trace_id: "0af7651916cd43dd8448eb211c80319c",
        span_id: "00f067aa0ba902b7",
        parent_span_id: "0000000000000001",
      },
      { trace_id: "0af7651916cd43dd8448eb211c80319c", span_id: "Root Span", parent_span_id: "" },
      { trace_id: "not hexadecimal", span_id: "", parent_span_id: "" },
      { trace_id: "", span_id: "", parent_span_id: "" },
    ])
  })
})

describe("flow_log.id_index", () => {
  it.each([
    ["a trace id", spanKey.traceId("toFixedString(unhex('0af7651916cd43dd8448eb211c80319c'), 16)"), [0, 60]],
    ["a trace id of another form", spanKey.traceText("'not hexadecimal'"), [10]],
    ["an X-Request-ID of both messages", spanKey.xRequestId("'x'"), [0]],
    ["an X-Request-ID of the response", spanKey.xRequestId("'y'"), [60]],
    ["a causal id", spanKey.causalId("7", "70"), [0, 60]],
    ["a causal id of the response", spanKey.causalId("7", "71"), [60]],
    ["a causal id of another agent", spanKey.causalId("8", "70"), []],
    ["the sequence number of a request", spanKey.tcpSequence("5"), [0]],
    ["that of a response without its request", spanKey.tcpSequence("6"), [60]],
    ["the ports of a connection without sequence numbers", spanKey.connection("1", "2"), [10]],
  ])("leads from %s to its seconds", async (_, entry, seconds) => {
    expect(
      await tables.query(
        `SELECT DISTINCT toUnixTimestamp(time) - 1790000000 AS second FROM flow_log.id_index WHERE search_index = ${entry} ORDER BY second`,
      ),
    ).toEqual(seconds.map((second) => ({ second: String(second) })))
  })

  it("has an entry for each id and second, and none for what has no id", async () => {
    expect(await tables.query("SELECT count() AS n FROM flow_log.id_index FINAL")).toEqual([{ n: "11" }])
  })
})
