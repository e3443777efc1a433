// Which connections the kernel side takes for one of its protocols, and what it offers to user space of the others.

import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { describeSystem } from "../system/support/system.ts"
import { needed, ownData, trace } from "./support/tracing.ts"

const http1 = 20
const unknown = 0
const maxOffers = 64

/** The methods that user space knows, from its source. */
const methods = (): ReadonlyArray<string> => {
  const source = readFileSync(new URL("../../src/agent/protocol/http1/detect.ts", import.meta.url), "utf8")
  const list = /const methods = \[([^\]]+)\]/.exec(source)![1]!
  return [...list.matchAll(/"([A-Z-]+)"/g)].map((match) => match[1]!)
}

/** First payloads, each sent over a connection of its own; those that were recognised. All others are offers. */
const recognised = (payloads: ReadonlyArray<string>): ReadonlyArray<string> => {
  const traced = trace({
    script: `
for payload in json.loads(${JSON.stringify(JSON.stringify(payloads))}):
    client, server = pair(); client.send(payload.encode("latin1")); server.recv(4096)
done()`,
  })
  const sent = ownData(traced).filter(({ direction }) => direction === "sent")
  expect(sent.map(({ payload }) => payload)).toEqual(payloads)
  for (const { protocol } of sent) expect([http1, unknown]).toContain(protocol)
  return sent.filter(({ protocol }) => protocol === http1).map(({ payload }) => payload)
}

describeSystem("protocol inference", needed, () => {
  it("knows every method that user space knows", () => {
    expect(methods().length).toBeGreaterThanOrEqual(30)
    const payloads = methods().flatMap((method) => [
      `${method} ${method === "CONNECT" ? "a:1" : "/"} HTTP/1.1\r\n\r\n`,
      `${method} ${method === "CONNECT" ? "example:443" : "http://a/"} HTTP/1.0\r\n\r\n`,
    ])
    expect(recognised(payloads)).toEqual(payloads)
  })

  it("takes a method that comes alone, and status lines", () => {
    const payloads = ["GET ", "DELETE ", "UNSUBSCRIBE ", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 404 no\r\n\r\n"]
    expect(recognised(payloads)).toEqual(payloads)
  })

  it("takes nothing that only resembles HTTP", () => {
    const payloads = [
      ...[
        "GETS / HTTP/1.1\r\n",
        "GET x HTTP/1.1\r\n",
        "POSTAL /abc",
        "PROPOSE / HTTP/1.1",
        "PUT\t/ HTTP/1.1",
      ],
      ...[
        "HTTP/2.0 200 OK\r\n",
        "HTTPS://abcdef",
        "get / HTTP/1.1\r\n",
        "MKCOLOR /x",
        "UNSUBSCRIBED /",
        "HEAD\0/x/y/z",
      ],
    ]
    expect(recognised(payloads)).toEqual([])
  })

  it("does not mistake what an earlier event left behind for the end of a short payload", () => {
    expect(
      recognised(["UNSUBSCRIBE /x HTTP/1.1", "UNSU", "UNSUBSCR", "HTTP/1.1 200 OK\r\n", "HTTP"]),
    ).toEqual(["UNSUBSCRIBE /x HTTP/1.1", "HTTP/1.1 200 OK\r\n"])
  })

  it("offers so many payloads of both directions in their order, and then waits for a verdict", () => {
    const traced = trace({
      script: `
client, server = pair()
for i in range(${maxOffers}): client.send(b"ask %02d" % i); exactly(server, 6); server.send(b"say %02d" % i); exactly(client, 6)
client.send(request); server.recv(4096)
done()`,
    })
    const events = ownData(traced)
    expect(events.every(({ protocol }) => protocol === unknown)).toBe(true)
    for (const role of ["client", "server"]) {
      const seen = events.filter((event) => event.role === role)
      expect(seen.map(({ direction, payload }) => `${direction} ${payload}`)).toEqual(
        Array.from({ length: maxOffers / 2 }, (_, i) => {
          const number = String(i).padStart(2, "0")
          return role === "client"
            ? [`sent ask ${number}`, `received say ${number}`]
            : [`received ask ${number}`, `sent say ${number}`]
        }).flat(),
      )
    }
    expect(traced.counters.offered).toBeGreaterThanOrEqual(2 * maxOffers)
    expect(traced.counters.filtered).toBeGreaterThanOrEqual(2 * maxOffers + 2)
  })

  it("recognises by itself what follows offers, and numbers all bytes", () => {
    const events = ownData(
      trace({
        script: `
client, server = pair()
for i in range(20): client.send(b"nothing known")
client.send(request); exactly(server, 20 * 13 + len(request))
done()`,
      }),
    ).filter(({ direction }) => direction === "sent")
    expect(events.map(({ protocol }) => protocol)).toEqual([...Array(20).fill(unknown), http1])
    for (const [at, { length, tcpSeq }] of events.slice(0, -1).entries()) {
      expect(events[at + 1]!.tcpSeq).toBe((tcpSeq + length) >>> 0)
    }
  })

  it("offers no more in a second than its budget, and counts the rest", () => {
    const offersPerCpu = 10
    const traced = trace({
      offersPerCpu,
      script: `
os.sched_setaffinity(0, {0})
def second(): return time.clock_gettime_ns(time.CLOCK_MONOTONIC) >> 30
def begin(): 
    now = second()
    while second() == now: time.sleep(0.001)
pairs = [pair() for i in range(15)]
begin()
for client, server in pairs: client.send(b"first unknown payload")
begin()
for client, server in pairs[10:]: client.send(b"second unknown payload")
for client, server in pairs: client.send(b"GET /known HTTP/1.1\\r\\n\\r\\n")
done()`,
    })
    const payloads = ownData(traced).map(({ payload }) => payload)
    const first = payloads.filter((payload) => payload.startsWith("first"))
    expect(first.length).toBeLessThanOrEqual(offersPerCpu)
    expect(first.length).toBeGreaterThan(0)
    // Those that were refused come again in the next second; what the kernel recognises needs no budget.
    expect(payloads.filter((payload) => payload.startsWith("second"))).toHaveLength(5)
    expect(payloads.filter((payload) => payload.startsWith("GET"))).toHaveLength(15)
    expect(traced.counters.offers_refused).toBeGreaterThanOrEqual(5)
  })
})
