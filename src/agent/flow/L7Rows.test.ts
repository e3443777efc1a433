import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { makeBatch } from "../../model/ColumnBatch.ts"
import { l7Columns } from "../../model/columns.ts"
import { RecordType, ResponseStatus } from "../../model/L7Session.ts"
import { ObservationPoint } from "../../model/observation.ts"
import { makeProtocols } from "../protocol/protocols.ts"
import { Side } from "./Connection.ts"
import { ConnectionTable } from "./ConnectionTable.ts"
import { systemCalls } from "./connections.testing.ts"
import { appendL7Row } from "./L7Rows.ts"

const start = (capacity = 8) => {
  const batch = makeBatch("l7", capacity)
  const results: Array<boolean> = []
  const table = new ConnectionTable({
    protocols: makeProtocols(),
    timeoutUs: 1000,
    onSession: (session, connection) => results.push(appendL7Row(batch, session, connection)),
  })
  const say = (key: number, sender: Side, text: string, atUs: number, tcpSeq = 0, missing = 0) => {
    const bytes = Buffer.from(text)
    const connection = table.get(key) ?? table.open(key, systemCalls(), atUs)
    connection.feed(
      sender,
      bytes,
      0,
      bytes.length,
      missing,
      atUs,
      tcpSeq,
      { thread: 100 + atUs, coroutine: atUs, number: atUs * 2 },
      0,
    )
  }
  const row = (index: number) =>
    Object.fromEntries(
      l7Columns.map(({ name, type }) => {
        const data = batch.columns[name]
        return [
          name,
          type === "ip"
            ? Buffer.from(data.slice(index * 16, index * 16 + 16) as Uint8Array).toString("hex")
            : data[index],
        ]
      }),
    )
  return { batch, table, say, row, results }
}

describe("appendL7Row", () => {
  it("writes every column of a session seen at the client", () => {
    const { say, row, batch } = start()
    const request =
      "GET /a/b/c?d HTTP/1.1\r\nHost: shop\r\nX-Request-Id: q\r\nX-Forwarded-For: 1.2.3.4\r\n" +
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n"
    const response = "HTTP/1.0 503 Busy\r\nX-Request-Id: r\r\nContent-Length: 4\r\n\r\nno"
    say(1, Side.a, request, 10, 1000)
    say(1, Side.b, response, 25, 2000)
    say(1, Side.b, "pe", 40)
    expect(batch.rows).toBe(1)
    expect(row(0)).toEqual({
      start_time: 10,
      end_time: 40,
      response_duration: 15,
      type: RecordType.session,
      l7_protocol: 20,
      observation_point: ObservationPoint.clientProcess,
      signal_source: 3,
      protocol: 6,
      is_tls: 0,
      is_async: 0,
      direction_score: 254,
      flow_id: 1,
      ip_0: "00000000000000000000ffff0a000001",
      ip_1: "00000000000000000000ffff0a000002",
      client_port: 40_000,
      server_port: 80,
      process_id_0: 100,
      process_id_1: 0,
      process_kname_0: "local",
      process_kname_1: "",
      gprocess_0: "local",
      gprocess_1: "",
      container_0: "",
      container_1: "",
      syscall_thread_0: 110,
      syscall_thread_1: 0,
      // Nobody follows these connections.
      syscall_trace_id_request: 0,
      syscall_trace_id_response: 0,
      syscall_coroutine_0: 10,
      syscall_coroutine_1: 40,
      syscall_cap_seq_0: 20,
      syscall_cap_seq_1: 80,
      req_tcp_seq: 1000,
      resp_tcp_seq: 2000,
      version: "1.1",
      request_type: "GET",
      request_domain: "shop",
      request_resource: "/a/b/c?d",
      endpoint: "/a/b",
      request_id: -1,
      response_status: ResponseStatus.serverError,
      response_code: 503,
      response_exception: "Busy",
      response_result: "",
      sql_affected_rows: -1,
      http_proxy_client: "1.2.3.4",
      x_request_id_0: "q",
      x_request_id_1: "r",
      trace_id: "0af7651916cd43dd8448eb211c80319c",
      span_id: "b7ad6b7169203331",
      parent_span_id: "",
      request_length: -1,
      response_length: 4,
      captured_request_byte: request.length,
      captured_response_byte: response.length + 2,
      attribute_names: [],
      attribute_values: [],
    })
  })

  it("puts the server on side 1 when it is the observed one", () => {
    const { say, row } = start()
    say(1, Side.b, "GET / HTTP/1.1\r\nHost: h\r\nX: y", 10, 0, 900)
    say(1, Side.a, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 25)
    expect(row(0)).toMatchObject({
      observation_point: ObservationPoint.serverProcess,
      ip_1: "00000000000000000000ffff0a000001",
      server_port: 40_000,
      process_id_0: 0,
      process_id_1: 100,
      gprocess_0: "",
      gprocess_1: "local",
      syscall_thread_0: 0,
      syscall_thread_1: 110,
      attribute_names: ["head_truncated"],
      attribute_values: ["true"],
    })
  })

  it("tells a timeout from a closed connection from an unseen request", () => {
    const { say, row, table } = start()
    say(1, Side.a, "GET /1 HTTP/1.1\r\n\r\n", 10)
    table.expire(5000)
    say(2, Side.a, "GET /2 HTTP/1.1\r\n\r\n", 10)
    table.closeAll(20)
    say(3, Side.b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 30)
    const common = {
      response_code: -32768,
      response_duration: 0,
      type: RecordType.request,
      response_length: -1,
    }
    expect(row(0)).toMatchObject({
      ...common,
      response_status: ResponseStatus.timeout,
      request_resource: "/1",
    })
    expect(row(1)).toMatchObject({
      ...common,
      response_status: ResponseStatus.unknown,
      request_resource: "/2",
    })
    expect(row(2)).toMatchObject({
      type: RecordType.response,
      response_status: ResponseStatus.ok,
      request_resource: "",
    })
  })

  it("refuses rows when the batch is full", () => {
    const { say, batch, results } = start(1)
    for (const atUs of [10, 20]) say(atUs, Side.b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", atUs)
    expect(results).toEqual([true, false])
    expect(batch.rows).toBe(1)
  })
})
