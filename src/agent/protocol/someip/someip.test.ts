import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { eachForeignPayload, hasCaptures } from "../captures.testing.ts"
import { Direction, Evidence } from "../Protocol.ts"
import { shortly } from "../recording.testing.ts"
import { cutAt, damaged, everyCut, noise, play, type Run } from "../transcript.testing.ts"
import { detectSomeIpDatagram, detectSomeIpStream } from "./detect.ts"
import { makeSomeIp } from "./someip.ts"

const message = (session: number, type: number, code = 0, payload = 0, service = 0x1234): Buffer => {
  const bytes = Buffer.alloc(16 + payload, 0x55)
  bytes.writeUInt16BE(service, 0)
  bytes.writeUInt16BE(0x8001, 2)
  bytes.writeUInt32BE(8 + payload, 4)
  bytes.writeUInt16BE(2, 8)
  bytes.writeUInt16BE(session, 10)
  bytes.set([1, 3, type, code], 12)
  return bytes
}
const toServer = (bytes: Uint8Array, missing = 0): Run => ({ direction: Direction.toServer, bytes, missing })
const toClient = (bytes: Uint8Array, missing = 0): Run => ({ direction: Direction.toClient, bytes, missing })
const cookie = Buffer.from("ffff000000000008deadbeef01010100", "hex")

const conversation = [
  toServer(Buffer.concat([cookie, message(1, 0, 0, 40), message(2, 0), message(3, 1)])),
  toClient(Buffer.concat([message(2, 0x80), message(1, 0x81, 3, 5), message(0, 2, 0, 9)])),
]
const messages = [
  "Request 4660 client_id=2",
  "Request 4660 client_id=2",
  "RequestNoReturn 4660 client_id=2 async",
  "< ok client_id=2",
  "< client_error 3 E_UNKNOWN_METHOD client_id=2",
  "< unknown client_id=2 async",
]

describe("messages", () => {
  it("have service, method, request id, version and outcome, for any split over TCP", () => {
    expect(shortly(makeSomeIp().stream, conversation)).toEqual(messages)
    expect(play(makeSomeIp().stream, conversation).messages[0]).toMatchObject({
      endpoint: "32769",
      requestId: 0x2_0001,
      version: "Protocol 1 Interface 3",
      length: 48,
      capturedBytes: 56,
    })
    for (const runs of everyCut(conversation)) expect(shortly(makeSomeIp().stream, runs)).toEqual(messages)
  })

  it("stand in datagrams, more than one, cut, and in segments of which the first counts", () => {
    const { datagrams } = makeSomeIp()
    const segment = (offset: number) => {
      const bytes = message(9, 0x20, 0, 20)
      bytes.writeUInt32BE(offset, 16)
      return bytes
    }
    const runs = [
      ...conversation,
      toServer(message(4, 0, 0, 100).subarray(0, 30), 86),
      toServer(message(5, 0)),
      toServer(segment(1)),
      toServer(segment(0x1000)),
    ]
    const found = play(datagrams, runs).messages
    expect(found.slice(6).map(({ requestId }) => requestId & 0xffff)).toEqual([4, 5, 9])
    expect(datagrams.stats).toMatchObject({ truncated: 1, malformed: 0 })
  })

  it("are found again behind gaps", () => {
    const { stream } = makeSomeIp()
    const runs = [
      toServer(message(1, 0, 0, 100).subarray(0, 50), 66),
      toServer(message(2, 0), 1_000),
      toServer(Buffer.from("nothing of use here")),
      toServer(message(3, 0)),
    ]
    expect(play(stream, runs).messages.map(({ requestId }) => requestId & 0xffff)).toEqual([1, 2, 3])
    expect(stream.stats.resyncs).toBe(1)
  })

  it("survive damage and noise", () => {
    for (const pick of ["stream", "datagrams"] as const) {
      fc.assert(
        fc.property(fc.oneof(damaged(conversation), noise), (runs) => {
          expect(play(makeSomeIp()[pick], runs).maxBuffered).toBeLessThanOrEqual(40)
        }),
      )
    }
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }), (cuts) => {
        expect(shortly(makeSomeIp().stream, cutAt(conversation, cuts))).toEqual(messages)
      }),
    )
  })
})

describe("detection", () => {
  it("wants lengths that agree", () => {
    const request = message(1, 0, 0, 4)
    expect(detectSomeIpDatagram(request, 0, 20)).toBe(Evidence.request)
    expect(detectSomeIpDatagram(request, 0, 19)).toBe(Evidence.none)
    expect(detectSomeIpStream(request, 0, 20)).toBe(Evidence.request)
    expect(detectSomeIpStream(request, 0, 19)).toBe(Evidence.unclear)
    expect(detectSomeIpStream(cookie, 0, 16)).toBe(Evidence.request)
    expect(detectSomeIpDatagram(message(1, 0x80, 4), 0, 16)).toBe(Evidence.response)
    expect(detectSomeIpDatagram(message(1, 0, 4), 0, 16)).toBe(Evidence.none)
  })

  it.skipIf(!hasCaptures)("takes nothing of other protocols", async () => {
    await eachForeignPayload(["some_ip"], (bytes, start, end, file) => {
      for (const detect of [detectSomeIpDatagram, detectSomeIpStream])
        expect([Evidence.none, Evidence.unclear], file).toContain(detect(bytes, start, end))
    })
  })
})
