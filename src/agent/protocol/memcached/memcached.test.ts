import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { Direction, Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { cutAt, damaged, fromClient, fromServer, noise, play, type Run } from "../transcript.testing.ts"
import { makeMemcached } from "./memcached.ts"

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))
const text = recorded("memcached-text")
const binary = recorded("memcached-binary")
const messages = (...runs: ReadonlyArray<Run>) => shortly(makeMemcached(), runs)
const detect = (bytes: string) => makeMemcached().detect(Buffer.from(bytes, "latin1"), 0, bytes.length)
const frame = (magic: number, opcode: number, key: string, opaque: number, status = 0, value = "") => {
  const head = Buffer.alloc(24)
  head[0] = magic
  head[1] = opcode
  head.writeUInt16BE(key.length, 2)
  head.writeUInt16BE(status, 6)
  head.writeUInt32BE(key.length + value.length, 8)
  head.writeUInt32BE(opaque, 12)
  return head.toString("latin1") + key + value
}

/** A line of 512 bytes, or 1 KiB of a message, for each direction. */
const maxBuffered = 2048

describe("detection", () => {
  it("knows commands by their shape", () => {
    for (const request of [
      "get a\r\n",
      "get a b \r\n",
      `get ${"k".repeat(80)}`,
      "set k 0 0 5\r\nhello\r\n",
      "incr n 1\r\n",
      "mg k v\r\n",
      "ms k 3\r\nabc\r\n",
      "delete k\r\n",
      frame(0x80, 0, "k", 1),
    ])
      expect(detect(request), request).toBe(Evidence.request)
    for (const response of [
      "VALUE a 0 5\r\nhello\r\nEND\r\n",
      "STORED\r\n",
      "SERVER_ERROR out of memory\r\n",
      "VA 5 t1\r\n",
      frame(0x81, 0, "", 1, 1, "Not found"),
    ])
      expect(detect(response), response).toBe(Evidence.response)
    for (const unclear of ["END\r\n", "version\r\n", "OK\r\n", "12\r\n"])
      expect(detect(unclear), unclear).toBe(Evidence.unclear)
    for (const other of [
      "GET / HTTP/1.1\r\n",
      "get\r\n",
      "set a b\r\n",
      "PING\r\n",
      "\x80\x50\x00\x00",
      "+OK\r\n",
      "QUIT\r\n",
      "get \x01\r\n",
    ])
      expect(detect(other), other).toBe(Evidence.none)
  })
})

describe("recordings", () => {
  it("of the text protocol", () => {
    expect(messages(...text)).toMatchSnapshot()
    expect(play(makeMemcached(), text).desyncs).toEqual([])
  })

  it("of the binary protocol", () => {
    expect(messages(...binary)).toMatchSnapshot()
    expect(
      play(makeMemcached(), binary)
        .messages.slice(0, 6)
        .map((one) => one.requestId),
    ).toEqual([7, 7, 8, 9, 8, 9])
  })

  it("give the same at any split", () => {
    for (const runs of [text, binary]) {
      const whole = play(makeMemcached(), runs).messages
      fc.assert(
        fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 }), (cuts) => {
          expect(play(makeMemcached(), cutAt(runs, cuts)).messages).toEqual(whole)
        }),
        { numRuns: 40 },
      )
    }
  })
})

describe("text", () => {
  it("pipelines, with values that look like lines", () => {
    expect(
      messages(
        fromClient("get a\r\nget b\r\nset c 0 0 7\r\nget d\r\n\r\n"),
        fromServer("VALUE a 0 5\r\nEND\r\n\r\nEND\r\nEND\r\nSTORED\r\n"),
      ),
    ).toEqual(["get get a", "get get b", "set set c 0 0 7", "< ok VALUE a 0 5", "< ok END", "< ok STORED"])
  })

  it("errors", () => {
    expect(messages(fromServer("SERVER_ERROR out of memory\r\nCLIENT_ERROR bad\r\nERROR\r\n"))).toEqual([
      "< server_error SERVER_ERROR out of memory",
      "< client_error CLIENT_ERROR bad",
      "< client_error ERROR",
    ])
  })

  it("skips what is missing of a value, and finds the next message after more", () => {
    const protocol = makeMemcached()
    const runs = [
      fromClient("set k 0 0 5000\r\nabc", 4999),
      fromServer("STORED\r\n"),
      fromClient("get k\r\n"),
      fromServer("VALUE k 0 5000\r\nabc", 6000),
      fromServer("rest\r\nEND\r\n"),
      fromClient("get l\r\n"),
      fromServer("END\r\n"),
    ]
    expect(shortly(protocol, runs)).toEqual([
      "set set k 0 0 5000",
      "< ok STORED",
      "get get k",
      "< ok VALUE k 0 5000",
      "get get l",
      "< ok END",
    ])
    expect(protocol.stats).toMatchObject({ truncated: 1, resyncs: 1, malformed: 0 })
  })

  it("refuses lengths and lines without end", () => {
    for (const hostile of ["set k 0 0 99999999999\r\n", "set k 0 0 -1\r\n", "x".repeat(70_000)]) {
      const protocol = makeMemcached()
      expect(
        shortly(protocol, [fromClient("get a\r\n"), fromClient(hostile), fromClient("get b\r\n")]),
        hostile.slice(0, 20),
      ).toEqual(["get get a", "get get b"])
      expect(protocol.stats.malformed).toBe(1)
    }
  })

  it("survives damage and noise within its bounds", () => {
    const lost: Run = { direction: Direction.toServer, bytes: new Uint8Array(0), missing: 2 ** 40 }
    fc.assert(
      fc.property(fc.oneof(damaged(text), damaged(binary), noise), (runs) => {
        const outcome = play(makeMemcached(), [
          fromClient("get a\r\n"),
          ...runs,
          lost,
          fromClient("get found\r\n"),
        ])
        expect(outcome.maxBuffered).toBeLessThanOrEqual(maxBuffered)
        expect(outcome.messages.some((one) => one.requestResource === "get found")).toBe(true)
      }),
      { numRuns: 150 },
    )
  })
})
