// Which connections the kernel side takes for one of the protocols, and when it gives one up.

import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { describeSystem } from "../system/support/system.ts"
import { needed, ownData, trace } from "./support/tracing.ts"

const http1 = 20

/** The methods that user space knows, from its source. */
const methods = (): ReadonlyArray<string> => {
  const source = readFileSync(new URL("../../src/agent/protocol/http1/detect.ts", import.meta.url), "utf8")
  const list = /const methods = \[([^\]]+)\]/.exec(source)![1]!
  return [...list.matchAll(/"([A-Z-]+)"/g)].map((match) => match[1]!)
}

/** First payloads, each sent over a connection of its own; those that were delivered. */
const recognised = (payloads: ReadonlyArray<string>): ReadonlyArray<string> => {
  const traced = trace({
    script: `
for payload in json.loads(${JSON.stringify(JSON.stringify(payloads))}):
    client, server = pair(); client.send(payload.encode("latin1")); server.recv(4096)
done()`,
  })
  const sent = ownData(traced).filter(({ direction }) => direction === "sent")
  expect(sent.every(({ protocol }) => protocol === http1)).toBe(true)
  return sent.map(({ payload }) => payload)
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

  it("gives a connection up after four payloads that look like nothing", () => {
    const script = (misses: number): string => `
client, server = pair()
for i in range(${misses}): client.send(b"nothing known"); exactly(server, 13)
client.send(request)
done()`
    expect(ownData(trace({ script: script(3) }))).toHaveLength(1)
    const givenUp = trace({ script: script(4) })
    expect(ownData(givenUp)).toEqual([])
    expect(givenUp.counters.filtered).toBeGreaterThanOrEqual(1)
    expect(givenUp.counters.unknown).toBeGreaterThanOrEqual(4)
  })

  it("gives payloads too short to tell more chances, not endless ones", () => {
    const shorts = (count: number): number =>
      ownData(
        trace({
          script: `
client, server = pair()
for i in range(${count}): client.send(b"ab")
client.send(request)
done()`,
        }),
      ).length
    expect(shorts(16)).toBe(1)
    expect(shorts(19)).toBe(1)
    expect(shorts(20)).toBe(0)
  })
})
