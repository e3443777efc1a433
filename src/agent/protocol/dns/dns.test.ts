import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { eachForeignPayload, hasCaptures } from "../captures.testing.ts"
import { Direction, Evidence } from "../Protocol.ts"
import { inShort, shortly } from "../recording.testing.ts"
import { cutAt, damaged, everyCut, noise, play, type Run } from "../transcript.testing.ts"
import { detectDnsDatagram, detectDnsStream } from "./detect.ts"
import { makeDns } from "./dns.ts"

const uint16 = (value: number) => [value >> 8, value & 255]
const name = (text: string) => [
  ...text.split(".").flatMap((label) => [label.length, ...Buffer.from(label, "latin1")]),
  0,
]
const question = (text: string, kind: number) => [...name(text), ...uint16(kind), 0, 1]
const pointer = [0xc0, 12]
const record = (owner: ReadonlyArray<number>, kind: number, ttl: number, value: ReadonlyArray<number>) => [
  ...owner,
  ...uint16(kind),
  ...uint16(1),
  0,
  0,
  ...uint16(ttl),
  ...uint16(value.length),
  ...value,
]
const message = (
  id: number,
  flags: number,
  counts: ReadonlyArray<number>,
  ...parts: ReadonlyArray<ReadonlyArray<number>>
) => Buffer.from([...uint16(id), ...uint16(flags), ...counts.flatMap(uint16), ...parts.flat()])
const query = (id: number, text: string, kind = 1) => message(id, 0x0100, [1, 0, 0, 0], question(text, kind))

const answer = message(
  7,
  0x8180,
  [1, 3, 0, 1],
  question("WWW.example.org", 1),
  record(pointer, 5, 60, [3, 0x63, 0x64, 0x6e, 0xc0, 16]),
  record(pointer, 1, 61, [10, 0, 0, 1]),
  record(pointer, 28, 62, [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
  record([0], 41, 0, []),
)
const refused = message(
  8,
  0x8183,
  [1, 0, 1, 1],
  question("no.svc.cluster.local", 28),
  record([0], 6, 30, [
    ...name("ns.example"),
    ...name("mail.example"),
    ...Array.from({ length: 20 }, () => 0),
  ]),
  record([0], 41, 0, [0, 15, 0, 6, 0, 22, ...Buffer.from("gone")]),
)

const toServer = (bytes: Uint8Array): Run => ({ direction: Direction.toServer, bytes })
const toClient = (bytes: Uint8Array): Run => ({ direction: Direction.toClient, bytes })
const framed = (bytes: Uint8Array) => Buffer.concat([Buffer.from(uint16(bytes.length)), bytes])

const streamed: ReadonlyArray<Run> = [
  toServer(
    Buffer.concat([framed(query(7, "wWw.example.org")), framed(query(8, "no.svc.cluster.local", 28))]),
  ),
  toClient(Buffer.concat([framed(answer), framed(refused)])),
]

describe("messages", () => {
  it("have names in lower case, records as text, codes and extended errors", () => {
    const runs = [toServer(query(7, "wWw.example.org")), toClient(answer), toClient(refused)]
    const { messages } = play(makeDns().datagrams, runs)
    expect(messages.map(inShort)).toEqual([
      "A www.example.org opcode=StandardQuery",
      "< ok CNAME=cdn.example.org TTL=60, A=10.0.0.1 TTL=61, AAAA=2001:db8::1 TTL=62",
      "< client_error 3 NXDOMAIN SOA=ns.example TTL=30 extended_error=22 gone",
    ])
    expect(messages.map(({ requestId }) => requestId)).toEqual([7, 7, 8])
    expect(messages[1]?.endpoint).toBe("www.example.org")
  })

  it("of names from a search list are no errors where that is configured", () => {
    const { datagrams } = makeDns({ dnsSearchSuffixes: [".cluster.local"] })
    expect(play(datagrams, [toClient(refused)]).messages[0]).toMatchObject({
      status: ResponseStatus.ok,
      code: 3,
    })
  })

  it("of multicast stand for themselves", () => {
    const announced = message(
      0,
      0x8400,
      [0, 1, 0, 0],
      record(name("_http._tcp.local"), 12, 120, [3, 0x77, 0x65, 0x62, 0xc0, 12]),
    )
    expect(detectDnsDatagram(announced, 0, announced.length)).toBe(Evidence.response)
    const found: Array<string> = []
    const parser = makeDns().datagrams.connection(
      { message: (found_) => found.push(inShort(found_)), leave: () => {}, desync: () => {} },
      5353,
    )
    parser.feed(Direction.toServer, announced, 0, announced.length, 0, 1, 0)
    expect(found).toEqual(["< ok PTR=web._http._tcp.local TTL=120 async"])
  })

  it("escape what would not be a name, and stop at loops", () => {
    const odd = message(1, 0x0100, [1, 0, 0, 0], [4, 0x61, 0x2e, 0, 0x62, 0, 0, 1, 0, 1])
    expect(shortly(makeDns().datagrams, [toServer(odd)])).toEqual(["A a\\.\\000b opcode=StandardQuery"])
    const loop = message(1, 0x0100, [1, 0, 0, 0], [0xc0, 12, 0, 1, 0, 1])
    const dns = makeDns().datagrams
    expect(shortly(dns, [toServer(loop)])).toEqual(["opcode=StandardQuery"])
    expect(dns.stats.malformed).toBe(1)
  })

  it("that are cut tell what they can", () => {
    const dns = makeDns().datagrams
    const runs = [{ ...toClient(answer.subarray(0, 62)), missing: answer.length - 62 }]
    const [cut] = play(dns, runs).messages
    expect(cut).toMatchObject({ requestResource: "www.example.org", code: 0, length: answer.length })
    expect(dns.stats.truncated).toBe(1)
  })
})

describe("over TCP", () => {
  const whole = play(makeDns().stream, streamed).messages

  it("any split gives the same messages", () => {
    expect(whole).toHaveLength(4)
    for (const runs of everyCut(streamed)) expect(play(makeDns().stream, runs).messages).toEqual(whole)
  })

  it("goes on behind a gap within a message, and at the next message behind others", () => {
    const reply = framed(answer)
    const dns = makeDns().stream
    const runs = [
      { ...toClient(reply.subarray(0, 40)), missing: reply.length - 40 },
      toClient(framed(refused)),
      { ...toClient(reply), missing: 77 },
      toClient(Buffer.from("garbage")),
      toClient(framed(refused)),
    ]
    expect(play(dns, runs).messages.map(({ requestId }) => requestId)).toEqual([7, 8, 7, 8])
    expect(dns.stats).toMatchObject({ truncated: 1, resyncs: 1, skippedBytes: 84 })
  })

  it("takes a zone transfer of many messages for one answer", () => {
    const part = message(
      3,
      0x8400,
      [1, 1, 0, 0],
      question("example.org", 252),
      record(pointer, 1, 1, [1, 2, 3, 4]),
    )
    const runs = [
      toServer(framed(query(3, "example.org", 252))),
      toClient(framed(part)),
      toClient(framed(part)),
    ]
    expect(play(makeDns().stream, runs).messages).toHaveLength(2)
  })

  it("survives damage and noise within its bounds", () => {
    for (const pick of ["stream", "datagrams"] as const) {
      fc.assert(
        fc.property(fc.oneof(damaged(streamed), noise), (runs) => {
          expect(play(makeDns()[pick], runs).maxBuffered).toBeLessThanOrEqual(8192)
        }),
      )
    }
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }), (cuts) => {
        expect(play(makeDns().stream, cutAt(streamed, cuts)).messages).toEqual(whole)
      }),
    )
  })
})

describe("detection", () => {
  it("tells queries from answers, and waits for what follows a length", () => {
    const asked = query(7, "example.org")
    expect(detectDnsDatagram(asked, 0, asked.length)).toBe(Evidence.request)
    expect(detectDnsDatagram(answer, 0, answer.length)).toBe(Evidence.response)
    expect(detectDnsStream(framed(answer), 0, answer.length + 2)).toBe(Evidence.response)
    expect(detectDnsStream(framed(asked), 0, 2)).toBe(Evidence.unclear)
    expect(detectDnsDatagram(asked, 0, asked.length - 5)).toBe(Evidence.none)
  })

  it.skipIf(!hasCaptures)("takes nothing of other protocols", async () => {
    const payloads = await eachForeignPayload(["dns"], (bytes, start, end, file) => {
      for (const detect of [detectDnsStream, detectDnsDatagram])
        expect([Evidence.none, Evidence.unclear], file).toContain(detect(bytes, start, end))
    })
    expect(payloads).toBeGreaterThan(100)
  })
})
