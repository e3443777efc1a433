import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { l7FlowLog } from "./l7FlowLog.ts"
import { testTables } from "./tables.testing.ts"

const tables = testTables()

beforeAll(async () => {
  const columns = "time, _id, _trace_id, _trace_id_text, _span_id, _span_id_text, _parent_span_id"
  await tables.command(`INSERT INTO flow_log.l7_flow_log (${columns}) VALUES
    (1790000000, 1, unhex('0af7651916cd43dd8448eb211c80319c'), '', reinterpretAsUInt64(reverse(unhex('00f067aa0ba902b7'))), '', 1),
    (1790000060, 2, unhex('0af7651916cd43dd8448eb211c80319c'), '', 0, 'Root Span', 0),
    (1790000010, 3, toFixedString('', 16), 'not hexadecimal', 0, '', 0),
    (1790000020, 4, toFixedString('', 16), '', 0, '', 0)`)
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

  it("are noted with their time as they are stored", async () => {
    expect(
      await tables.query(
        `SELECT trace_id, any(toUnixTimestamp(i.time)) AS first, any(toUnixTimestamp(i.end_time)) AS last
         FROM flow_log.l7_flow_log AS l JOIN flow_log.trace_index AS i ON l.trace_id_index = i.search_index
         GROUP BY trace_id ORDER BY trace_id`,
      ),
    ).toEqual([
      { trace_id: "0af7651916cd43dd8448eb211c80319c", first: 1790000000, last: 1790000060 },
      { trace_id: "not hexadecimal", first: 1790000010, last: 1790000010 },
    ])
    expect(await tables.query("SELECT count() AS n FROM flow_log.trace_index")).toEqual([{ n: "2" }])
  })
})
