import { Buffer } from "node:buffer"
import { existsSync, readdirSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { packetStreams } from "../../capture/packetStreams.ts"
import { readPackets } from "../../capture/pcap/readPcap.ts"
import { ConnectionTable } from "../../flow/ConnectionTable.ts"
import { PacketFlows } from "../../flow/tcp/PacketFlows.ts"
import { grpcCore } from "../grpc/recorded.testing.ts"
import { Direction, Evidence, type Protocol } from "../Protocol.ts"
import { fromRecording } from "../transcript.testing.ts"
import { detectHttp2 } from "./detect.ts"
import { FrameFlag, FrameType } from "./frame.ts"
import { block, frame, headers, preface, request, settings } from "./frames.testing.ts"
import { makeHttp2 } from "./http2.ts"

const detect = (...parts: ReadonlyArray<Uint8Array>) => {
  const bytes = Buffer.concat(parts)
  return detectHttp2(bytes, 0, bytes.length)
}
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex")

describe("detection", () => {
  it("knows the preface and header blocks of both sides, behind other frames too", () => {
    const ping = frame(FrameType.ping, 0, 0, Buffer.alloc(8))
    expect(detect(preface)).toBe(Evidence.request)
    expect(detect(preface.subarray(0, 14))).toBe(Evidence.request)
    expect(detect(ping, frame(FrameType.headers, 0x5, 7, hex("83 86 44 02 2f 61 be")))).toBe(Evidence.request)
    expect(detect(frame(FrameType.headers, 0x5, 7, hex("3f e1 1f be bf 88")))).toBe(Evidence.response)
    expect(detect(frame(FrameType.headers, 0x5, 7, hex("48 82 64 02")))).toBe(Evidence.response)
    expect(detect(settings, frame(FrameType.headers, 0x4, 1, hex("88")))).toBe(Evidence.response)
    const padded = FrameFlag.padded | FrameFlag.priority | FrameFlag.endHeaders
    expect(detect(frame(FrameType.headers, padded, 1, hex("00 00000000 10 82")))).toBe(Evidence.request)
  })

  it("waits where frames do not say which side sent them", () => {
    for (const bytes of [
      preface.subarray(0, 4),
      settings,
      settings.subarray(0, 5),
      frame(FrameType.settings, FrameFlag.ack, 0),
      frame(FrameType.data, 0, 1, "hello"),
      frame(FrameType.headers, 0x5, 7, hex("be bf c0")),
    ])
      expect(detect(bytes)).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const bytes of [
      Buffer.from("PRI * HTTP/1.1\r\n"),
      Buffer.from("PUT /x HTTP/1.1\r\n"),
      Buffer.from("*1\r\n$4\r\nPING\r\n"),
      hex("16 03 01 02 00 01 00 01 fc 03 03"),
      // Settings with an identifier that is none; a WINDOW_UPDATE of 8 bytes; a request on a stream of the server.
      frame(FrameType.settings, 0, 0, hex("1234 00000001")),
      frame(FrameType.windowUpdate, 0, 0, Buffer.alloc(8)),
      frame(FrameType.headers, 0x5, 2, hex("82 86")),
      frame(FrameType.headers, 0x5, 1, hex("90 91")),
      headers(1, { "x-first": "1" }),
      // PostgreSQL's start-up message, Kafka's request, MongoDB's.
      hex("00 00 00 08 04 d2 16 2f"),
      hex("00 00 00 2f 00 03 00 07 00 00 00 01 00 05 61 62 63 64 65"),
      hex("3a 00 00 00 01 00 00 00 00 00 00 00 d4 07 00 00"),
    ])
      expect(detect(bytes), bytes.toString("hex")).toBe(Evidence.none)
  })

  it("finds each side of a real conversation from any of its runs on, or waits", () => {
    for (const { direction, bytes } of fromRecording(grpcCore)) {
      const evidence = detectHttp2(bytes, 0, bytes.length)
      expect(evidence).not.toBe(Evidence.none)
      if (evidence !== Evidence.unclear)
        expect(evidence === Evidence.request).toBe(direction === Direction.toServer)
    }
  })

  it("looks at 64 bytes only", () => {
    const late = Buffer.concat([
      frame(FrameType.data, 0, 1, Buffer.alloc(60)),
      frame(FrameType.headers, 0x4, 1, block(request("/"))),
    ])
    expect(detect(late)).toBe(Evidence.unclear)
  })
})

const root = new URL("../../../../../shared/conformance/l7/", import.meta.url).pathname
const others = existsSync(root)
  ? readdirSync(root).flatMap((protocol) =>
      readdirSync(root + protocol)
        .filter((name) => name.endsWith(".pcap") && !/grpc|http2/.test(name))
        .map((name) => `${protocol}/${name}`),
    )
  : []
if (others.length === 0) console.warn(`SKIPPED: no captures of other protocols at ${root}`)

describe.skipIf(others.length === 0)("captures of other protocols", () => {
  it("are never taken for HTTP/2", async () => {
    let runs = 0
    const taken: Array<string> = []
    for (const name of others) {
      const http2 = makeHttp2()
      // Asked about every run of bytes, not only about the first ones.
      const spy: Protocol = {
        ...http2,
        detect: (bytes, start, end) => {
          runs++
          const evidence = http2.detect(bytes, start, end)
          if (evidence === Evidence.request || evidence === Evidence.response) taken.push(name)
          return Evidence.unclear
        },
      }
      const connections = new ConnectionTable({
        protocols: [spy],
        maxConnections: 1024,
        timeoutUs: 1,
        flowIdSeed: 0,
        onSession: () => {},
      })
      const flows = new PacketFlows({ consumer: packetStreams({ connections }) })
      await readPackets(root + name, (packet) => {
        flows.add(
          packet.bytes,
          packet.start,
          packet.end,
          packet.originalLength,
          packet.linkType,
          packet.timeUs,
        )
      })
      flows.endAll()
    }
    expect(taken).toEqual([])
    expect(runs).toBeGreaterThan(others.length)
  })
})
