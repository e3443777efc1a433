import { describe, expect, it } from "vitest"
import { attributesOf, everyColumn, fieldsOf, rowOf, usOf } from "./storedRow.ts"

const stored = {
  _id: "7712341785514868883",
  start_time: "2026-01-02 03:04:05.000006",
  end_time: "2026-01-02 03:04:05.5",
  response_duration: "702",
  is_ipv4: 0,
  ip4_0: "0.0.0.0",
  ip6_0: "::1",
  ip4_1: "0.0.0.0",
  ip6_1: "::2",
  client_port: 1,
  server_port: 2,
  l7_protocol_name: "HTTP",
  response_status_name: "ok",
  response_code: null,
  response_length: "78",
  request_type: "GET",
  request_resource: "/a",
  trace_id: "",
  attribute_names: ["user_agent", "odd"],
  attribute_values: ["curl"],
}

describe("storedRow", () => {
  it("reads times to the microsecond", () => {
    expect(usOf("2026-01-02 03:04:05.000006")).toBe(Date.UTC(2026, 0, 2, 3, 4, 5) * 1_000 + 6)
    expect(usOf("2026-01-02 03:04:05.5") - usOf("2026-01-02 03:04:05")).toBe(500_000)
    expect(usOf("never")).toBe(0)
  })

  it("is a row of the list", () => {
    expect(rowOf(stored)).toMatchObject({
      id: "7712341785514868883",
      durationUs: 702,
      clientIp: "::1",
      serverIp: "::2",
      code: null,
      responseLength: 78,
      requestLength: null,
      client: "",
    })
  })

  it("knows nothing of an end without an address", () => {
    const row = { ...stored, is_ipv4: 1, auto_service_0: "shop", auto_service_1: "0.0.0.0:0" }
    expect(rowOf(row)).toMatchObject({ client: "shop", server: "", clientIp: "", serverIp: "" })
  })

  it("shows what there is", () => {
    expect(fieldsOf(stored, "request")).toEqual([
      { name: "Type", value: "GET" },
      { name: "Resource", value: "/a" },
    ])
    expect(fieldsOf(stored, "trace")).toEqual([])
    expect(attributesOf(stored)).toEqual([
      { name: "user_agent", value: "curl" },
      { name: "odd", value: "" },
    ])
    expect(attributesOf({})).toEqual([])
    expect(everyColumn(stored).find(({ name }) => name === "attribute_names")?.value).toBe(
      '["user_agent","odd"]',
    )
  })
})
