import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Packr } from "msgpackr"
import { encodeFrame, FrameReader, FrameType, readFrame } from "./frame.ts"
import { decodeBatch, decodeHello, decodeNack, decodeStatus, encodeStatus } from "./messages.ts"
import { isPlainMsgpack } from "../runtime/rpc/plainMsgpack.ts"
import { statusPayloadMost } from "./limits.ts"
import { formatAddress, isLoopback, parseAddress } from "./socket.ts"
import { isTokenValid } from "./token.ts"

const frames = fc.array(
  fc.tuple(
    fc.constantFrom(FrameType.batch, FrameType.status, FrameType.ack),
    fc.uint8Array({ maxLength: 300 }),
  ),
  { maxLength: 5 },
)

/** All frames of a stream that arrives in pieces; ends with the problem if there is one. */
const readAll = (bytes: Uint8Array, cuts: ReadonlyArray<number>) => {
  const reader = new FrameReader()
  const seen: Array<readonly [number, ReadonlyArray<number>] | string> = []
  const edges = [0, ...[...cuts].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  for (let index = 1; index < edges.length; index++) {
    reader.push(bytes.subarray(edges[index - 1], edges[index]))
    while (true) {
      const header = reader.header()
      const payload = reader.payload()
      if (header === undefined || payload === undefined) break
      if (typeof header === "string" || typeof payload === "string") {
        seen.push(typeof header === "string" ? header : (payload as string))
        return seen
      }
      seen.push([header.type, [...payload]])
    }
  }
  return seen
}

describe("frames", () => {
  it("are the same for every split of the stream", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 12 }), (list, cuts) => {
        const bytes = Buffer.concat(list.map(([type, payload]) => encodeFrame(type, payload)))
        assert.deepStrictEqual(
          readAll(bytes, cuts),
          list.map(([type, payload]) => [type, [...payload]]),
        )
      }),
    )
  })

  it("that were changed are a problem or incomplete, however they are split", () => {
    const good = encodeFrame(FrameType.batch, Buffer.from("a payload of some length"))
    fc.assert(
      fc.property(
        fc.nat(good.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.array(fc.nat(100)),
        (at, flip, cuts) => {
          const bytes = Buffer.from(good)
          bytes[at] ^= flip
          const seen = readAll(bytes, cuts)
          assert.deepStrictEqual(seen, readAll(bytes, []))
          assert.isTrue(seen.length === 0 || typeof seen[0] === "string")
        },
      ),
    )
  })

  it("hold no more than what arrived, whatever a header promises", () => {
    const reader = new FrameReader()
    reader.push(encodeFrame(FrameType.batch, Buffer.alloc(8 * 1024 * 1024)).subarray(0, 100))
    assert.strictEqual(reader.payload(), undefined)
    assert.strictEqual(reader.bufferedBytes, 100)
    const beyond = encodeFrame(FrameType.batch, Buffer.alloc(8 * 1024 * 1024 + 1))
    const other = new FrameReader()
    other.push(beyond.subarray(0, 16))
    assert.strictEqual(other.header(), "length")
  })

  it("in a file are exactly one", () => {
    const frame = encodeFrame(FrameType.batch, Buffer.from([1, 2, 3]))
    assert.deepStrictEqual(readFrame(frame)?.payload, Buffer.from([1, 2, 3]))
    assert.strictEqual(readFrame(frame.subarray(0, frame.length - 1)), undefined)
    assert.strictEqual(readFrame(Buffer.concat([frame, Buffer.from([0])])), undefined)
  })
})

describe("messages", () => {
  const packr = new Packr({ useRecords: false })

  it("plain MessagePack is what msgpackr packs without extensions", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const bytes = Buffer.from(packr.pack(value))
        assert.isTrue(isPlainMsgpack(bytes, 100_000))
        for (let length = 0; length < bytes.length; length++) {
          assert.isFalse(isPlainMsgpack(bytes.subarray(0, length), 100_000))
        }
      }),
    )
  })

  it("refuses extensions, depth and promised lengths before anything is allocated", () => {
    assert.isFalse(isPlainMsgpack(Buffer.from(packr.pack(new Date())), 100))
    assert.isFalse(isPlainMsgpack(Buffer.alloc(100, 0x91), 1000))
    assert.isFalse(isPlainMsgpack(Buffer.from([0xdd, 0x01, 0xff, 0xff, 0xff, 1]), 1000))
    assert.isFalse(isPlainMsgpack(Buffer.from([0xc6, 0xff, 0xff, 0xff, 0xff, 1]), 1000))
    assert.isFalse(isPlainMsgpack(Buffer.from([0x93, 1, 2, 3]), 3))
  })

  it("random and mutated payloads never throw", () => {
    const good = packr.pack({
      agent: "a",
      instance: "i",
      host: "h",
      version: "v",
      token: "",
      capabilities: [],
    })
    fc.assert(
      fc.property(
        fc.nat(good.length - 1),
        fc.nat(255),
        fc.uint8Array({ maxLength: 60 }),
        (at, value, random) => {
          const bytes = Buffer.from(good)
          bytes[at] = value
          for (const decode of [decodeHello, decodeBatch, decodeNack, decodeStatus]) {
            decode(bytes)
            decode(Buffer.from(random))
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  it("a status that is too large loses processes, not itself", () => {
    const process = {
      pid: 1,
      parentPid: 0,
      service: "s",
      comm: "c",
      commandLine: "x".repeat(2000),
      exe: "",
      user: "",
      containerId: "",
      startUs: 1,
      listening: [],
      capture: { state: "captured", by: "packets", protocols: ["HTTP"], requests: 1, notes: [] },
    } as const
    const status = {
      tier: 1,
      features: [],
      counters: { a: 1 },
      processes: new Array(2000).fill(process),
      machine: { machineId: "", host: "box", kernel: "", os: "", addresses: [] },
    } as const
    const frame = readFrame(encodeStatus(status))
    assert.isAtMost(frame?.payload.length ?? Infinity, statusPayloadMost)
    const read = decodeStatus(frame!.payload)
    assert.isAbove(read?.processes.length ?? 0, 100)
    assert.deepStrictEqual(read?.processes[0], process)
  })
})

describe("addresses and tokens", () => {
  it("parses host:port", () => {
    assert.deepStrictEqual(parseAddress("127.0.0.1:20033"), { host: "127.0.0.1", port: 20033 })
    assert.deepStrictEqual(parseAddress("[::1]:1"), { host: "::1", port: 1 })
    assert.deepStrictEqual(parseAddress("server.example:443"), { host: "server.example", port: 443 })
    for (const text of ["127.0.0.1:20033", "[::1]:1"])
      assert.strictEqual(formatAddress(parseAddress(text)!), text)
    for (const wrong of ["", "host", "host:", ":1", "host:99999", "::1:80", "a b:1"])
      assert.isUndefined(parseAddress(wrong))
    assert.isTrue(["127.0.0.1", "127.9.9.9", "::1", "localhost"].every(isLoopback))
    assert.isFalse(["0.0.0.0", "::", "127.evil.example", "10.0.0.1"].some(isLoopback))
  })

  it("compares tokens whole", () => {
    assert.isTrue(isTokenValid("", "anything"))
    assert.isTrue(isTokenValid("secret", "secret"))
    assert.isFalse(["", "secre", "secretx", "Secret"].some((given) => isTokenValid("secret", given)))
  })
})
