import { describe, expect, it } from "vitest"
import { absentCode, ResponseStatus } from "../../model/L7Session.ts"
import { SpanKind } from "../../model/observation.ts"
import { L7Protocol } from "../../model/protocol.ts"
import { toldCall } from "./conventions.ts"
import type { ProgramSpan } from "./ProgramSpan.ts"

const span = (
  attributes: Readonly<Record<string, string>>,
  more: Partial<ProgramSpan> = {},
): ProgramSpan => ({
  traceId: "",
  spanId: "",
  parentSpanId: "",
  name: "",
  kind: SpanKind.client,
  startUs: 0,
  endUs: 0,
  isError: false,
  statusText: "",
  attributes: new Map(Object.entries(attributes)),
  events: [],
  ...more,
})

const told = (attributes: Readonly<Record<string, string>>, more: Partial<ProgramSpan> = {}) => {
  const { code, l7Protocol, requestDomain, requestResource, requestType } = toldCall(span(attributes, more))
  return [l7Protocol, requestType, requestDomain, requestResource, code]
}

describe("what attributes say of a call", () => {
  it.each([
    [
      "HTTP",
      {
        "http.request.method": "GET",
        "url.full": "http://user:secret@shop.test:8080/orders?page=2#top",
        "server.address": "shop.test",
        "server.port": "8080",
        "http.response.status_code": "404",
      },
      [L7Protocol.http1, "GET", "shop.test:8080", "/orders?page=2", 404],
    ],
    [
      "HTTP, as it was told before",
      {
        "http.method": "POST",
        "http.target": "/orders",
        "http.host": "shop.test",
        "http.status_code": "201",
        "http.flavor": "2.0",
      },
      [L7Protocol.http2, "POST", "shop.test", "/orders", 201],
    ],
    [
      "HTTP with path and query apart",
      { "http.request.method": "GET", "url.path": "/a", "url.query": "b=c", "server.address": "shop.test" },
      [L7Protocol.http1, "GET", "shop.test", "/a?b=c", absentCode],
    ],
    [
      "a query",
      {
        "db.system.name": "postgresql",
        "db.query.text": "select * from orders",
        "db.namespace": "shop",
        "server.address": "db",
      },
      [L7Protocol.postgresql, "SELECT", "shop", "select * from orders", absentCode],
    ],
    [
      "a query, as it was told before",
      { "db.system": "mysql", "db.statement": "UPDATE a", "db.operation": "UPDATE", "db.name": "shop" },
      [L7Protocol.mysql, "UPDATE", "shop", "UPDATE a", absentCode],
    ],
    [
      "a call by gRPC",
      {
        "rpc.system": "grpc",
        "rpc.service": "shop.Orders",
        "rpc.method": "Get",
        "rpc.grpc.status_code": "5",
        "server.address": "orders",
      },
      [L7Protocol.grpc, "Get", "orders", "/shop.Orders/Get", 5],
    ],
    [
      "a message",
      {
        "messaging.system": "kafka",
        "messaging.operation": "publish",
        "messaging.destination.name": "orders",
      },
      [L7Protocol.kafka, "publish", "", "orders", absentCode],
    ],
    ["nothing of that", { other: "x" }, [L7Protocol.unknown, "", "", "", absentCode]],
  ] as const)("%s", (_, attributes, expected) => {
    expect(told(attributes)).toEqual(expected)
  })

  it.each([
    [
      "a failed request is its client's or its server's",
      { "http.response.status_code": "404", "http.route": "/" },
      true,
      ResponseStatus.clientError,
    ],
    [
      "of codes the code counts",
      { "http.response.status_code": "503", "http.route": "/" },
      false,
      ResponseStatus.serverError,
    ],
    ["an error without a code is the server's", {}, true, ResponseStatus.serverError],
    [
      "what is no error is well",
      { "http.response.status_code": "301", "http.route": "/" },
      false,
      ResponseStatus.ok,
    ],
  ] as const)("%s", (_, attributes, isError, status) => {
    expect(toldCall(span(attributes, { isError })).status).toBe(status)
  })

  it("an exception is told by its event where the status says nothing", () => {
    const events = [
      {
        name: "exception",
        timeUs: 1,
        attributes: new Map([
          ["exception.type", "ValueError"],
          ["exception.message", "no such order"],
        ]),
      },
    ]
    expect(toldCall(span({}, { isError: true, events })).exception).toBe("ValueError: no such order")
    expect(toldCall(span({}, { isError: true, statusText: "gone", events })).exception).toBe("gone")
    expect(toldCall(span({ "error.type": "timeout" }, { isError: true })).exception).toBe("timeout")
  })

  it("the other end is the server of a client's call, the client of a server's", () => {
    const attributes = {
      "server.address": "10.0.0.2",
      "server.port": "80",
      "client.address": "10.0.0.1",
      "network.transport": "tcp",
    }
    const client = toldCall(span(attributes))
    expect([client.peerIp?.slice(12), client.serverPort, client.transport]).toEqual([
      Uint8Array.from([10, 0, 0, 2]),
      80,
      6,
    ])
    expect(toldCall(span(attributes, { kind: SpanKind.server })).peerIp?.slice(12)).toEqual(
      Uint8Array.from([10, 0, 0, 1]),
    )
    expect(toldCall(span({ "server.address": "shop.test", "server.port": "99999" }))).toMatchObject({
      peerIp: undefined,
      serverPort: 0,
    })
  })
})
