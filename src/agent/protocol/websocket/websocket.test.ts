import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { absentCode, type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { makeHttp1 } from "../http1/http1.ts"
import { Direction, Evidence } from "../Protocol.ts"
import {
  cutAt,
  damaged,
  everyCut,
  fromClient,
  fromRecording,
  fromServer,
  noise,
  play,
  type Run,
} from "../transcript.testing.ts"
import { Opcode } from "./frame.ts"
import { echo } from "./recorded.testing.ts"
import { makeWebSocket } from "./websocket.ts"

const mask = Buffer.from([1, 2, 3, 4])
const frame = (first: number, payload: Uint8Array | string, isMasked: boolean): Buffer => {
  const bytes = Buffer.from(payload as string)
  const header = Buffer.alloc(bytes.length < 126 ? 2 : bytes.length < 65_536 ? 4 : 10)
  header[0] = first
  if (bytes.length < 126) header[1] = bytes.length
  else if (bytes.length < 65_536) {
    header[1] = 126
    header.writeUInt16BE(bytes.length, 2)
  } else {
    header[1] = 127
    header.writeBigUInt64BE(BigInt(bytes.length), 2)
  }
  if (!isMasked) return Buffer.concat([header, bytes])
  header[1] |= 0x80
  return Buffer.concat([header, mask, bytes.map((c, i) => c ^ mask[i & 3])])
}
const up = (...frames: ReadonlyArray<readonly [number, Uint8Array | string]>): Run => ({
  direction: Direction.toServer,
  bytes: Buffer.concat(frames.map(([first, payload]) => frame(first, payload, true))),
})
const down = (...frames: ReadonlyArray<readonly [number, Uint8Array | string]>): Run => ({
  direction: Direction.toClient,
  bytes: Buffer.concat(frames.map(([first, payload]) => frame(first, payload, false))),
})
const closing = (code: number, reason: string) => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(code)
  return Buffer.concat([bytes, Buffer.from(reason)])
}
const [text, binary, close, ping, pong] = [
  Opcode.text,
  Opcode.binary,
  Opcode.close,
  Opcode.ping,
  Opcode.pong,
].map((opcode) => opcode | 0x80)

const conversation: ReadonlyArray<Run> = [
  up([text, "hello"], [Opcode.text, "in "], [ping, "?"], [Opcode.continuation | 0x80, "pieces"]),
  down([pong, "?"], [binary, Buffer.alloc(300)], [text, ""]),
  down([binary, Buffer.alloc(70_000)]),
  up([close, closing(1011, "Grüße")]),
  down([close, ""]),
]
const messagesOf = (runs: ReadonlyArray<Run>) => play(makeWebSocket(), runs).messages

describe("frames", () => {
  it("are counted by kind, and Close read", () => {
    const messages = messagesOf(conversation)
    expect(messages.map((message) => [message.type, message.requestType, message.length])).toEqual([
      [RecordType.request, "MESSAGES", 14],
      [RecordType.request, "CLOSE", -1],
      [RecordType.response, "MESSAGES", 70_300],
      [RecordType.response, "CLOSE", -1],
    ])
    expect(messages.map((message) => message.attributes)).toEqual([
      ["text_messages", "2", "pings", "1"],
      [],
      ["text_messages", "1", "binary_messages", "2", "pongs", "1"],
      [],
    ])
    expect(messages[1]).toMatchObject({ code: 1011, exception: "Grüße", status: ResponseStatus.clientError })
    expect(messages[3]).toMatchObject({ code: absentCode, status: ResponseStatus.ok })
    expect(messages.every((message) => message.isAsync && message.protocol === L7Protocol.webSocket)).toBe(
      true,
    )
  })

  it("are the same at any cut", () => {
    const whole = messagesOf(conversation)
    const short = conversation.filter((run) => run.bytes.length < 1000)
    for (const runs of everyCut(short)) expect(messagesOf(runs)).toEqual(messagesOf(short))
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (cuts) => {
        expect(messagesOf(cutAt(conversation, cuts))).toEqual(whole)
      }),
    )
  })

  it("are reported every ten seconds", () => {
    const messages: Array<L7Message> = []
    const parser = makeWebSocket().connection({
      message: (m) => messages.push(m),
      leave: () => {},
      desync: () => {},
    })
    for (let second = 0; second < 25; second++) {
      const { bytes } = down([text, "tick"])
      parser.feed(Direction.toClient, bytes, 0, bytes.length, 0, second * 1_000_000, 0)
    }
    parser.close(25_000_000)
    expect(
      messages.map((message) => [message.startUs / 1e6, message.endUs / 1e6, message.attributes[1]]),
    ).toEqual([
      [0, 10, "11"],
      [11, 21, "11"],
      [22, 24, "3"],
    ])
  })

  it("say who failed", () => {
    const statusOf = (run: Run) => messagesOf([run])[0].status
    expect(statusOf(up([close, closing(1000, "")]))).toBe(ResponseStatus.ok)
    expect(statusOf(down([close, closing(1001, "")]))).toBe(ResponseStatus.ok)
    expect(statusOf(down([close, closing(1008, "no")]))).toBe(ResponseStatus.clientError)
    expect(statusOf(up([close, closing(1002, "")]))).toBe(ResponseStatus.serverError)
    expect(statusOf(down([close, closing(1013, "")]))).toBe(ResponseStatus.serverError)
    expect(statusOf(down([close, closing(4001, "")]))).toBe(ResponseStatus.unknown)
  })
})

describe("losses", () => {
  it("within a payload are passed over, beyond it the next frames are found", () => {
    const protocol = makeWebSocket()
    const long = down([binary, Buffer.alloc(5000)])
    const { messages } = play(protocol, [
      { ...long, bytes: long.bytes.subarray(0, 1024), missing: long.bytes.length - 1024 },
      { ...down([text, "a"]), missing: 50 },
      { direction: Direction.toClient, bytes: Buffer.from("garbage") },
      down([text, "b"], [text, "c"]),
    ])
    expect(messages[0].attributes).toEqual(["text_messages", "3", "binary_messages", "1"])
    expect(protocol.stats).toMatchObject({ resyncs: 1, malformed: 0, skippedBytes: 57 })
  })

  it("hold for damage and noise", () => {
    fc.assert(
      fc.property(fc.oneof(damaged(conversation), noise), (runs) => {
        expect(play(makeWebSocket(), runs).maxBuffered).toBeLessThanOrEqual(300)
      }),
      { numRuns: 500 },
    )
  })
})

describe("from HTTP/1.1", () => {
  const webSocket = makeWebSocket()
  const http1 = () => makeHttp1({ upgrades: { webSocket: webSocket.upgraded } })

  it("takes over after a recorded handshake, at any cut", () => {
    const runs = fromRecording(echo)
    const { messages, hasLeft } = play(http1(), runs)
    expect(hasLeft).toBe(false)
    expect(messages.map((m) => [m.protocol, m.requestType || m.code, m.endpoint])).toEqual([
      [L7Protocol.http1, "GET", "/chat/room-*"],
      [L7Protocol.http1, 101, "/chat/room-*"],
      [L7Protocol.webSocket, "MESSAGES", "/chat/room-*"],
      [L7Protocol.webSocket, "CLOSE", "/chat/room-*"],
      [L7Protocol.webSocket, "MESSAGES", "/chat/room-*"],
      [L7Protocol.webSocket, "CLOSE", "/chat/room-*"],
    ])
    expect(messages[2]).toMatchObject({
      requestResource: "/chat/room-7?token=***",
      requestDomain: "127.0.0.1:5742",
    })
    expect(messages[2].attributes).toEqual(["text_messages", "1", "binary_messages", "1", "pings", "1"])
    expect(messages[3]).toMatchObject({ code: 4001, exception: "bye" })
    for (const cut of everyCut(runs)) expect(play(http1(), cut).messages).toEqual(messages)
  })

  it("leaves connections that are switched to something else", () => {
    const request = "GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: other\r\n\r\n"
    const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\nanything"
    expect(play(http1(), [fromClient(request), fromServer(answer)]).hasLeft).toBe(true)
  })

  it("is never detected", () => {
    expect(webSocket.detect(up([text, "hello"]).bytes, 0, 11)).toBe(Evidence.none)
  })
})
