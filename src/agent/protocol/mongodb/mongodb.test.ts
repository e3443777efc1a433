import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { deflateSync, zstdCompressSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { Direction, Evidence } from "../Protocol.ts"
import { shortly } from "../recording.testing.ts"
import { cutAt, damaged, everyCut, noise, play, type Run } from "../transcript.testing.ts"
import { makeMongodb } from "./mongodb.ts"

type Value =
  | string
  | number
  | boolean
  | null
  | Date
  | Uint8Array
  | ReadonlyArray<unknown>
  | { readonly [key: string]: unknown }

const int = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value | 0)
  return bytes
}
const text = (value: string) => Buffer.from(`${value}\0`, "utf8")

const element = (name: string, value: Value): Buffer => {
  const typed = (type: number, body: Uint8Array) => Buffer.concat([Buffer.from([type]), text(name), body])
  if (typeof value === "string") return typed(2, Buffer.concat([int(text(value).length), text(value)]))
  if (typeof value === "boolean") return typed(8, Buffer.from([value ? 1 : 0]))
  if (value === null) return typed(10, Buffer.alloc(0))
  if (typeof value === "number") {
    if (Number.isInteger(value)) return typed(16, int(value))
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(value)
    return typed(1, bytes)
  }
  if (value instanceof Uint8Array)
    return typed(5, Buffer.concat([int(value.length), Buffer.from([0]), value]))
  if (value instanceof Date) {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(BigInt(value.getTime()))
    return typed(9, bytes)
  }
  return typed(Array.isArray(value) ? 4 : 3, bson(value as object))
}
const bson = (value: object): Buffer => {
  const body = Buffer.concat(Object.entries(value).map(([name, one]) => element(name, one as Value)))
  return Buffer.concat([int(body.length + 5), body, Buffer.from([0])])
}
const wire = (id: number, answers: number, operation: number, body: Uint8Array) =>
  Buffer.concat([int(16 + body.length), int(id), int(answers), int(operation), body])
const msgBody = (document: object, flags = 0, sequence: Uint8Array = Buffer.alloc(0)) =>
  Buffer.concat([int(flags), Buffer.from([0]), bson(document), sequence])
const request = (id: number, document: object, flags = 0, sequence?: Uint8Array): Run => ({
  direction: Direction.toServer,
  bytes: wire(id, 0, 2013, msgBody(document, flags, sequence)),
})
const reply = (answers: number, document: object, flags = 0, id = 900): Run => ({
  direction: Direction.toClient,
  bytes: wire(id, answers, 2013, msgBody(document, flags)),
})
const documents = (name: string, ...all: ReadonlyArray<object>) => {
  const body = Buffer.concat([text(name), ...all.map(bson)])
  return Buffer.concat([Buffer.from([1]), int(body.length + 4), body])
}
const compressed = (operation: number, body: Uint8Array, compressor: number, packed: Uint8Array) =>
  Buffer.concat([int(operation), int(body.length), Buffer.from([compressor]), packed])

const find = {
  find: "users",
  filter: { email: "bob@example.org", age: { $gt: 30 }, tags: ["a", "b"] },
  limit: 1,
  lsid: { id: Buffer.alloc(16) },
  $db: "shop",
}
const maxBuffered = 2 * 8192
const messages = (...runs: ReadonlyArray<Run>) => shortly(makeMongodb(), runs)
const detect = (bytes: Uint8Array) => makeMongodb().detect(bytes, 0, bytes.length)

const conversation: ReadonlyArray<Run> = [
  request(1, find),
  request(2, { insert: "users", ordered: true, $db: "shop" }, 0, documents("documents", { a: 1 }, { a: 2 })),
  reply(2, {
    n: 1,
    writeErrors: [{ index: 0, code: 11000, errmsg: 'E11000 dup key: { email: "bob" }' }],
    ok: 1,
  }),
  reply(1, { cursor: { firstBatch: [{ name: "Bob" }], id: 0 }, ok: 1 }),
  request(3, { insert: "log", $db: "shop" }, 2),
  request(4, { getMore: 77, collection: "users", $db: "shop" }),
  reply(4, { ok: 0, errmsg: "cursor not found", code: 43, codeName: "CursorNotFound" }),
]

describe("detection", () => {
  it("knows its operations, and nothing else", () => {
    expect(detect(request(1, find).bytes)).toBe(Evidence.request)
    expect(detect(reply(1, { ok: 1 }).bytes)).toBe(Evidence.response)
    expect(
      detect(
        wire(1, 0, 2004, Buffer.concat([int(4), text("admin.$cmd"), int(0), int(1), bson({ ping: 1 })])),
      ),
    ).toBe(Evidence.request)
    expect(detect(wire(1, 0, 2012, compressed(2013, Buffer.alloc(9), 1, Buffer.alloc(9))))).toBe(
      Evidence.request,
    )
    for (const other of [
      Buffer.from("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"),
      Buffer.alloc(40),
      wire(1, 0, 2013, Buffer.alloc(20, 0xff)),
      wire(1, 0, 9999, msgBody({ a: 1 })),
      wire(1, 0, 2013, Buffer.from([0, 0, 0, 0, 7, 9, 0, 0, 0, 1, 2, 3])),
    ])
      expect(detect(other)).toBe(Evidence.none)
  })
})

describe("messages", () => {
  it("pair by id and show names, not values", () => {
    expect(messages(...conversation)).toEqual([
      'OP_MSG { "find": "users", "filter": { "email": ?, "age": { "$gt": ? }, "tags": [?] }, "limit": ?, "$db": "shop" }',
      'OP_MSG { "insert": "users", "ordered": ?, "$db": "shop" } documents_count=2',
      "< client_error 11000 E11000 dup key: ?",
      "< ok",
      'OP_MSG { "insert": "log", "$db": "shop" } async',
      'OP_MSG { "getMore": 77, "collection": "users", "$db": "shop" }',
      "< server_error 43 cursor not found CursorNotFound",
    ])
    const found = play(makeMongodb(), conversation).messages
    expect(found.map((message) => message.requestId)).toEqual([1, 2, 2, 1, 3, 4, 4])
    expect(found[0]).toMatchObject({ requestDomain: "shop", endpoint: "find users" })
    expect(found[5].endpoint).toBe("getMore users")
  })

  it("find the same at every cut", () => {
    const whole = play(makeMongodb(), conversation).messages
    for (const cut of everyCut(conversation.slice(0, 3)))
      expect(play(makeMongodb(), cut).messages).toEqual(whole.slice(0, 3))
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (cuts) => {
        expect(play(makeMongodb(), cutAt(conversation, cuts)).messages).toEqual(whole)
      }),
    )
  })

  it("are whole on request, except for credentials", () => {
    const shown = shortly(makeMongodb({ maskLiterals: false }), [
      request(1, { saslStart: 1, payload: Buffer.from("secret"), $db: "admin" }),
      request(2, { createUser: "u", pwd: "secret", at: new Date(300), x: [1.5, null, {}] }),
      reply(1, { ok: 1 }),
    ])
    expect(shown).toEqual([
      'OP_MSG { "saslStart": 1, "payload": ?, "$db": "admin" }',
      'OP_MSG { "createUser": "u", "pwd": ?, "at": DateTime("1970-01-01 0:00:00.3 +00:00:00"), "x": [1.5, null, {}] }',
      '< ok { "ok": 1 }',
    ])
  })

  it("of the operations before OP_MSG", () => {
    const query = (collection: string, document: object) =>
      wire(7, 0, 2004, Buffer.concat([int(0), text(collection), int(0), int(1), bson(document)]))
    const runs: ReadonlyArray<Run> = [
      { direction: Direction.toServer, bytes: query("shop.$cmd", { count: "users", query: { a: "x" } }) },
      { direction: Direction.toServer, bytes: query("shop.users", { email: "x" }) },
      {
        direction: Direction.toClient,
        bytes: wire(8, 7, 1, Buffer.concat([Buffer.alloc(20), bson({ $err: "no", code: 13, ok: 0 })])),
      },
      {
        direction: Direction.toServer,
        bytes: wire(9, 0, 2002, Buffer.concat([int(0), text("shop.log"), bson({ a: 1 })])),
      },
    ]
    expect(messages(...runs)).toEqual([
      'OP_QUERY { "count": "users", "query": { "a": ? } }',
      'OP_QUERY query shop.users { "email": ? }',
      "< client_error 13 no",
      "OP_INSERT insert shop.log async",
    ])
  })

  it("compressed by zlib, zstd, snappy or not at all", () => {
    const body = msgBody(find)
    const of = (id: number, compressor: number, packed: Uint8Array): Run => ({
      direction: Direction.toServer,
      bytes: wire(id, 0, 2012, compressed(2013, body, compressor, packed)),
    })
    const found = play(makeMongodb(), [
      of(1, 0, body),
      of(2, 2, deflateSync(body)),
      of(3, 3, zstdCompressSync(body)),
      of(4, 1, Buffer.alloc(30)),
      of(5, 2, Buffer.alloc(30)),
    ]).messages
    expect(
      found.map((message) => [message.requestType, message.endpoint, message.attributes.join("=")]),
    ).toEqual([
      ["OP_MSG", "find users", ""],
      ["OP_MSG", "find users", ""],
      ["OP_MSG", "find users", ""],
      ["OP_COMPRESSED", "", "compressor=snappy"],
      ["OP_COMPRESSED", "", ""],
    ])
  })

  it("that a server streams have no request of their own", () => {
    const hello = { isWritablePrimary: true, ok: 1 }
    const found = messages(
      request(1, { hello: 1, $db: "admin" }, 0x10000),
      reply(1, hello, 2, 50),
      reply(50, hello, 2, 51),
      reply(51, hello, 0, 52),
      reply(9, hello),
    )
    expect(found.slice(1)).toEqual(["< ok", "< ok async", "< ok async", "< ok"])
  })

  it("carry a trace identity in their comment", () => {
    const comment = "traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'"
    const [message] = play(makeMongodb(), [request(1, { find: "a", comment, $db: "b" })]).messages
    expect(message).toMatchObject({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" })
  })
})

describe("losses and hostile input", () => {
  it("a cut reply is read as far as it goes", () => {
    const large = reply(1, { cursor: { firstBatch: [{ text: "x".repeat(5000) }], id: 0 }, ok: 1 }).bytes
    const opaque = reply(2, { data: "x".repeat(5000), ok: 1 }).bytes
    const cut = (bytes: Uint8Array): Run => ({
      direction: Direction.toClient,
      bytes: bytes.subarray(0, 1024),
      missing: bytes.length - 1024,
    })
    const found = play(makeMongodb(), [cut(large), cut(opaque), reply(3, { ok: 1 })]).messages
    expect(found.map((message) => message.status)).toEqual([
      ResponseStatus.ok,
      ResponseStatus.unknown,
      ResponseStatus.ok,
    ])
  })

  it("survives damage and noise within its bounds, and finds the next command", () => {
    const lost: Run = { direction: Direction.toServer, bytes: new Uint8Array(0), missing: 2 ** 30 }
    fc.assert(
      fc.property(fc.oneof(damaged(conversation), noise), (runs) => {
        const outcome = play(makeMongodb(), [...runs, lost, request(77, { ping: 1, $db: "found" })])
        expect(outcome.maxBuffered).toBeLessThanOrEqual(maxBuffered)
        expect(outcome.messages.some((message) => message.requestDomain === "found")).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it("nested without end", () => {
    let deep = Buffer.from([5, 0, 0, 0, 0])
    for (let i = 0; i < 500; i++)
      deep = Buffer.concat([int(deep.length + 8), Buffer.from([3, 97, 0]), deep, Buffer.from([0])])
    const [message] = play(makeMongodb(), [
      {
        direction: Direction.toServer,
        bytes: wire(1, 0, 2013, Buffer.concat([int(0), Buffer.from([0]), deep])),
      },
    ]).messages
    expect(message.requestResource.length).toBeLessThan(300)
  })
})
