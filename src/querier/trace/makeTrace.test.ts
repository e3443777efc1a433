import { describe, expect, it } from "vitest"
import { bothEnds, spanRowOf } from "./rows.testing.ts"
import { shopTrace, traceFrom } from "./traces.testing.ts"
import { spanName } from "./spanName.ts"

describe("a trace as it is told", () => {
  it("has the spans by a clock that puts causes before effects", () => {
    const { clocks, durationUs, endUs, spans, startUs } = shopTrace()
    expect(clocks).toEqual([
      { agent: 1, host: "left", offsetUs: 0, lowUs: null, highUs: null, links: 0, isContradicted: false },
      {
        agent: 2,
        host: "right",
        offsetUs: -1_000_000,
        lowUs: -1_000_500,
        highUs: -999_500,
        links: 1,
        isContradicted: false,
      },
    ])
    expect(spans.map((span) => [span.startUs - startUs, span.durationUs])).toEqual([
      [0, 10_000],
      [10, 9_980],
      [1_000, 7_000],
      [1_500, 6_000],
    ])
    expect([durationUs, endUs - startUs]).toEqual([10_000, 10_000])
  })

  it("says whose each span is, and what each service took", () => {
    const { services, spans } = shopTrace()
    expect(spans.map(({ host, name, role, service, tags }) => [service, role, host, name, tags.pod])).toEqual(
      [
        ["service-1", "client", "left", "GET /cart", "a"],
        ["service-2", "server", "right", "GET /cart", "b"],
        ["service-2", "client", "left", "GET /items", "a"],
        ["service-3", "server", "right", "GET /items", "b"],
      ],
    )
    expect(services).toEqual([
      { service: "service-3", spans: 1, errors: 1, selfUs: 6_000 },
      { service: "service-2", spans: 2, errors: 1, selfUs: 3_980 },
      { service: "service-1", spans: 1, errors: 0, selfUs: 20 },
    ])
  })

  it("has a critical path without gaps", () => {
    const { criticalPath, endUs, spans, startUs } = shopTrace()
    expect(criticalPath.map(({ span }) => span)).toEqual([0, 1, 2, 3, 2, 1, 0])
    expect(criticalPath[0]!.startUs).toBe(startUs)
    expect(criticalPath.at(-1)!.endUs).toBe(endUs)
    criticalPath.slice(1).forEach((part, at) => expect(part.startUs).toBe(criticalPath[at]!.endUs))
    const own = spans.map((_, span) =>
      criticalPath
        .filter((part) => part.span === span)
        .reduce((sum, part) => sum + part.endUs - part.startUs, 0),
    )
    expect(own).toEqual(spans.map(({ selfUs }) => selfUs))
  })

  it("waits for the call that ends last of those at the same time, and for none that goes on afterwards", () => {
    const server = spanRowOf({ point: "s-p", serverPid: 3, causalRequest: "7", endUs: 100 })
    const call = (startUs: number, endUs: number) =>
      spanRowOf({ clientPid: 3, causalRequest: "7", startUs, endUs, clientPort: startUs + 1 })
    const { criticalPath, spans } = traceFrom([server, call(10, 40), call(20, 60), call(70, 500)])
    expect(criticalPath.map(({ endUs, span, startUs }) => [spans[span]!.startUs, startUs, endUs])).toEqual([
      [0, 0, 20],
      [20, 20, 60],
      [0, 60, 100],
    ])
  })

  it("is drawn from packets as well: ways are the server's", () => {
    const [client] = bothEnds({})
    const way = { ...client, id: "1000000", point: "s", clientPid: 0 }
    const { spans } = traceFrom([client, way])
    expect(spans.map(({ host, kind, role, service }) => [kind, role, service, host])).toEqual([
      ["process", "client", "service-1", "left"],
      ["network", "way", "service-2", "right"],
    ])
  })
})

describe("a span of a program that names no other end", () => {
  const asked = (point: string) =>
    traceFrom(
      [spanRowOf({ point, programKind: 3, clientIp: "10.0.0.1", serverIp: "0.0.0.0", serverPort: 0 })],
      () => ({
        serverService: "",
      }),
    ).spans[0]!

  it("is its own program's, and its other end is not known", () => {
    const { client, host, role, server, service } = asked("c-app")
    expect([role, service, host]).toEqual(["client", "service-1", "left"])
    expect([client.ip, server.service, server.ip]).toEqual(["10.0.0.1", "", ""])
  })
})

describe("the clocks of hosts", () => {
  const call = (seq: number, startUs: number, aheadUs: number, agent = 2, lateUs = 100) => {
    const [client, server] = bothEnds(
      { startUs, endUs: startUs + 1_000, requestTcpSeq: seq, traceId: "t" },
      { lateUs, server: { agent } },
    )
    return [client, { ...server, startUs: server.startUs + aheadUs, endUs: server.endUs + aheadUs }]
  }

  it("are left alone where they may be right", () => {
    expect(traceFrom(call(1, 0, 90)).clocks.map(({ offsetUs }) => offsetUs)).toEqual([0, 0])
  })

  it("are bounded by every call between the two hosts", () => {
    const rows = [...call(1, 0, 500, 2, 400), ...call(2, 5_000, 500, 2, 50)]
    expect(traceFrom(rows).clocks[1]).toMatchObject({ offsetUs: -500, lowUs: -550, highUs: -450, links: 2 })
  })

  it("are told to be contradicted where no time fits all calls", () => {
    const rows = [...call(1, 0, 5_000), ...call(2, 9_000, -5_000)]
    expect(traceFrom(rows).clocks[1]).toMatchObject({ isContradicted: true, links: 2 })
  })

  it("are taken along from host to host", () => {
    const [a, b] = bothEnds({ endUs: 10_000, requestTcpSeq: 1 }, { server: { agent: 2, causalRequest: "7" } })
    const [c, d] = bothEnds(
      { startUs: 1_000, endUs: 2_000, requestTcpSeq: 2, clientPid: 2, causalRequest: "7", agent: 2 },
      { server: { agent: 3, causalRequest: "" }, lateUs: 100 },
    )
    const later = (row: typeof a, us: number) => ({
      ...row,
      startUs: row.startUs + us,
      endUs: row.endUs + us,
    })
    const { clocks, spans } = traceFrom([a, later(b!, 70_000), later(c, 70_000), later(d, 90_000)])
    expect(clocks.map(({ offsetUs }) => offsetUs)).toEqual([0, -70_000, -90_000])
    expect(spans.map(({ startUs }) => startUs)).toEqual([0, 10, 1_000, 1_100])
  })

  it("are not known of requests without an answer: causes come first all the same", () => {
    const [client, server] = bothEnds(
      { type: 0, endUs: 0 },
      { server: { agent: 2, startUs: -40, endUs: -40 } },
    )
    expect(traceFrom([client, server!]).clocks[1]).toMatchObject({ offsetUs: 40, lowUs: 40, highUs: null })
  })
})

describe("the name of a span", () => {
  it.each([
    ["GET", "/orders", "/orders/5", "HTTP", "GET /orders"],
    ["", "/orders", "", "HTTP", "/orders"],
    ["GET", "", "", "Redis", "GET"],
    ["GET", "", "GET key", "Redis", "GET key"],
    ["", "", "", "MQTT", "MQTT"],
    ["", "", "", "", "span"],
  ])("of %j %j %j %j is %j", (type, endpoint, resource, protocol, name) => {
    expect(spanName(type, endpoint, resource, protocol)).toBe(name)
  })
})
