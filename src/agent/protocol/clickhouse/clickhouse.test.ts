import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { eachForeignPayload, hasCaptures } from "../captures.testing.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { makeKafka } from "../kafka/kafka.ts"
import { Direction, Evidence } from "../Protocol.ts"
import { recognisers } from "../recognisers.testing.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, play, server } from "../transcript.testing.ts"
import { makeClickHouse } from "./clickhouse.ts"
import { columnType } from "./columnTypes.ts"

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))
const python = recorded("python-driver")
const lz4 = recorded("python-driver-lz4")
const names = ["python-driver", "python-driver-lz4", "python-driver-timeout", "python-driver-refused", "types", "server-select", "server-insert"] // prettier-ignore

const varint = (value: number): Buffer =>
  value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value & 0x7f) | 0x80]), varint(Math.floor(value / 128))])
const text = (value: string) => Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)])
const bytes = (...parts: ReadonlyArray<number | string | Uint8Array>): Buffer =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === "number" ? varint(part) : typeof part === "string" ? text(part) : part,
    ),
  )

/** A revision without any of the newer fields. */
const old = 54_441
const hello = (revision = old, name = "ClickHouse client") =>
  bytes(0, name, 20, 9, revision, "shop", "jane", "hunter2")
const greeting = (revision = old) =>
  revision < 54_461 ? bytes(0, "ClickHouse", 20, 9, revision, "UTC", "box", 3) : Buffer.alloc(0)
const emptyBlock = Buffer.from([1, 0, 2, 255, 255, 255, 255, 0, 0, 0])
const query = (sql: string, isCompressed = 0, id = "") =>
  Buffer.concat([
    bytes(1, id, 1, "", id, "0.0.0.0:0", 1, "root", "box", "ClickHouse client", 20, 9, old, "", 3),
    bytes("", "", 2, isCompressed, sql),
    bytes(2, "", emptyBlock),
  ])
const end = Buffer.from([5])
const failure = (code: number, message: string) =>
  bytes(2, Buffer.from([code & 255, code >> 8, 0, 0]), "DB::Exception", message, "0. ?", 0)
const detect = (piece: Uint8Array) => makeClickHouse().detect(piece, 0, piece.length)

/** A statement and the name of a type. */
const maxBuffered = 4096 + 65_536

describe("detection", () => {
  it("knows hellos and queries", () => {
    expect(detect(hello())).toBe(Evidence.request)
    expect(detect(hello(old, "chDB"))).toBe(Evidence.request)
    expect(detect(greeting())).toBe(Evidence.response)
    expect(detect(query("SELECT 1"))).toBe(Evidence.request)
    expect(detect(query("SELECT 1", 0, "fb432385-81be-4eb1-8158-888cd1c336bd"))).toBe(Evidence.request)
    expect(detect(hello().subarray(0, 15))).toBe(Evidence.unclear)
    for (const name of names) expect(detect(recorded(name)[0].bytes)).toBe(Evidence.request)
  })

  it("takes nothing else", () => {
    for (const other of [
      bytes(0, "ClickHouse", 20, 9, 100, "", "", ""),
      bytes(0, "x", Buffer.alloc(20)),
      bytes(1, "", 1, "", "", "nowhere", 1),
      bytes(1, "", 7, "", "", "0.0.0.0:0"),
      Buffer.alloc(64),
      Buffer.alloc(64, 1),
    ])
      expect(detect(other)).toBe(Evidence.none)
  })

  it("is alone with what it knows: Kafka takes none of it", () => {
    for (const name of names) {
      const runs = recorded(name)
      expect(recognisers(runs[0].bytes)).toEqual(["clickhouse"])
      expect([[], ["clickhouse"]]).toContainEqual(recognisers(runs[1].bytes))
      for (const run of runs)
        expect([Evidence.none, Evidence.unclear]).toContain(
          makeKafka().detect(run.bytes, 0, run.bytes.length),
        )
    }
  })

  it.skipIf(!hasCaptures)("takes nothing of other protocols", async () => {
    const taken = new Set<string>()
    await eachForeignPayload([], (piece, start, stop, file) => {
      const evidence = makeClickHouse().detect(piece, start, stop)
      if (evidence !== Evidence.none && evidence !== Evidence.unclear) taken.add(file)
    })
    expect([...taken]).toEqual([])
  })
})

describe("conversations", () => {
  it("of Python's driver", () => {
    const { messages } = play(makeClickHouse(), python)
    expect(messages[0]).toMatchObject({
      requestType: "Hello",
      requestDomain: "default",
      requestResource: "Login username: default db: default",
    })
    expect(messages[1]).toMatchObject({ status: ResponseStatus.ok, version: "26.7.2" })
    const selected = messages.findIndex((message) => message.endpoint === "SELECT orders")
    expect(messages[selected]).toMatchObject({
      requestType: "Query",
      requestDomain: "default",
      requestResource: "SELECT count(), max(name) FROM orders WHERE name LIKE ?",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      attributes: [
        "query_id",
        "q-17",
        "client_name",
        "ClickHouse shop",
        "settings",
        "max_threads=1 max_block_size=100",
      ],
    })
    expect(messages[selected + 1]).toMatchObject({
      status: ResponseStatus.ok,
      attributes: ["rows", "1", "read_rows", "300", "read_bytes", "3490"],
    })
    expect(messages.at(-1)).toMatchObject({
      code: 47,
      status: ResponseStatus.clientError,
      exception: "Unknown expression identifier `missing` in scope SELECT missing FROM orders",
    })
    expect(JSON.stringify(messages)).not.toContain("secret")
  })

  it("are the same when blocks are compressed", () => {
    expect(shortly(makeClickHouse(), lz4)).toEqual(shortly(makeClickHouse(), python))
    const timeout = play(makeClickHouse(), recorded("python-driver-timeout")).messages.at(-1)
    expect(timeout).toMatchObject({ code: 159, status: ResponseStatus.serverError })
    const refused = play(makeClickHouse(), recorded("python-driver-refused")).messages
    expect(refused.map((message) => message.code)).toEqual([-32768, 516])
    expect(JSON.stringify(refused)).not.toContain("hunter2")
  })

  it("are read to their end whatever the types of columns, and of the newest revision", () => {
    for (const name of names) {
      const clickHouse = makeClickHouse()
      const { messages } = play(clickHouse, recorded(name))
      expect(clickHouse.stats, name).toMatchObject({ malformed: 0, skippedBytes: 0, resyncs: 0 })
      expect(messages.length % 2).toBe(0)
      messages.forEach((message, i) => expect(message.type).toBe(i % 2))
    }
    expect(
      shortly(makeClickHouse(), recorded("types")).filter((line) => line.includes(" rows=200 ")),
    ).toHaveLength(1)
    expect(shortly(makeClickHouse(), recorded("server-select"))[2]).toBe("TablesStatus")
  })

  it("carry the trace of a server's own queries", () => {
    expect(play(makeClickHouse(), recorded("server-select")).messages[4]).toMatchObject({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      endpoint: "DESC",
    })
  })
})

describe("packets", () => {
  const talk = (...more: ReadonlyArray<ReturnType<typeof client>>) =>
    play(makeClickHouse(), [client(hello()), server(greeting()), ...more]).messages.slice(2)

  it("of statements with comments, and a change of the database", () => {
    const traced = "SELECT 'x' /* traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' */"
    const found = talk(
      client(query(traced)),
      server(end),
      client(query("USE other")),
      server(end),
      client(query("SELECT 1")),
    )
    expect(found[0]).toMatchObject({ traceId: "0af7651916cd43dd8448eb211c80319c", requestDomain: "shop" })
    expect(found[0].requestResource.trim()).toBe("SELECT ?")
    expect(found[4].requestDomain).toBe("other")
  })

  it("of failures, with values masked", () => {
    const found = talk(
      client(query("SELECT 1")),
      server(failure(241, "Memory limit: would use 'secret' 5 GiB")),
    )
    expect(found[1]).toMatchObject({
      code: 241,
      status: ResponseStatus.serverError,
      exception: "Memory limit: would use ? ? GiB",
    })
  })

  it("of cancels are one-way, and a query may end after it", () => {
    const found = talk(client(query("SELECT 1")), client(Buffer.from([3])), server(failure(394, "cancelled")))
    expect(found.map(({ isAsync, requestType }) => [requestType, isAsync])).toEqual([
      ["Query", false],
      ["Cancel", true],
      ["", false],
    ])
  })

  it("in chunks are left alone", () => {
    const revision = 54_470
    const greets = bytes(
      0,
      "ClickHouse",
      24,
      9,
      revision,
      "UTC",
      "box",
      3,
      "chunked",
      "chunked",
      0,
      Buffer.alloc(8),
    )
    const outcome = play(makeClickHouse(), [
      client(hello(revision)),
      server(greets),
      client(bytes("", "chunked", "chunked"), Buffer.from([9, 0, 0, 0])),
    ])
    expect(outcome.hasLeft).toBe(true)
  })
})

describe("losses and hostile input", () => {
  it("goes on behind a block that cannot be read, and says what it knows of the answer", () => {
    const clickHouse = makeClickHouse()
    const unknown = bytes(
      1,
      "",
      Buffer.from([1, 0, 2, 255, 255, 255, 255, 0]),
      1,
      3,
      "j",
      "JSON",
      Buffer.alloc(30, 9),
    )
    const { messages } = play(clickHouse, [
      client(hello()),
      server(greeting()),
      client(query("SELECT j FROM t")),
      server(unknown),
      server(end),
      client(query("SELECT 2")),
      server(end),
    ])
    expect(messages.map(({ endpoint, length, status }) => [endpoint, status, length]).slice(3)).toEqual([
      ["SELECT t", ResponseStatus.ok, -1],
      ["SELECT", ResponseStatus.unknown, messages[4].length],
      ["SELECT", ResponseStatus.ok, 1],
    ])
    expect(clickHouse.stats).toMatchObject({ malformed: 1, resyncs: 1 })
  })

  it("gives up an answer whose end was lost when the next query comes", () => {
    const { desyncs, messages } = play(makeClickHouse(), [
      client(hello()),
      server(greeting()),
      client(query("SELECT 1")),
      { ...server(new Uint8Array(0)), missing: 50 },
      client(query("SELECT 2")),
      server(end),
    ])
    expect(desyncs).toEqual([Direction.toClient])
    expect(messages).toHaveLength(5)
  })

  it("passes over a gap inside a statement and inside rows", () => {
    const long = query(`SELECT '${"x".repeat(9000)}'`)
    const rows = bytes(
      1,
      "",
      Buffer.from([1, 0, 2, 255, 255, 255, 255, 0]),
      1,
      1000,
      "n",
      "UInt64",
      Buffer.alloc(8000),
    )
    const clickHouse = makeClickHouse()
    const { messages } = play(clickHouse, [
      client(hello()),
      server(greeting()),
      { ...client(long.subarray(0, 500)), missing: 6000 },
      client(long.subarray(6500)),
      { ...server(rows.subarray(0, 100)), missing: 5000 },
      server(rows.subarray(5100), end),
    ])
    expect(messages[2].endpoint).toBe("SELECT")
    expect(messages[3]).toMatchObject({ status: ResponseStatus.ok, capturedBytes: rows.length - 5000 + 1 })
    expect(clickHouse.stats.malformed).toBe(0)
  })

  it("joins a connection behind either hello", () => {
    for (const name of ["python-driver", "python-driver-lz4", "types"]) {
      const runs = recorded(name)
      const whole = shortly(makeClickHouse(), runs)
      // Of the server's hello one cannot tell the end without that of the client's.
      expect(shortly(makeClickHouse(), runs.slice(1))).toEqual(whole.slice(2))
      expect(shortly(makeClickHouse(), runs.slice(2))).toEqual(whole.slice(2))
      expect(recognisers(runs[2].bytes)[0]).toBe("clickhouse")
    }
  })

  it("joins a connection at a query", () => {
    const joined = python.slice(python.findIndex((run) => Buffer.from(run.bytes).includes("SELECT missing")))
    expect(shortly(makeClickHouse(), joined)).toEqual(shortly(makeClickHouse(), python).slice(-2))
  })
})

describe("types of columns", () => {
  it("are known by the size of their values", () => {
    const fixed = (size: number) => ({ kind: "fixed", size })
    expect(columnType("Decimal(30, 2)")).toEqual(fixed(16))
    expect(columnType("Enum8('a, (' = 1, 'b\\'' = 2)")).toEqual(fixed(1))
    expect(columnType("DateTime64(3, 'UTC')")).toEqual(fixed(8))
    expect(columnType("IntervalDay")).toEqual(fixed(8))
    expect(columnType("Array(Nullable(String))")).toEqual({
      kind: "array",
      inner: { kind: "nullable", inner: { kind: "string" } },
    })
    expect(columnType("Tuple(x Int8, `y z` String)")).toEqual({
      kind: "tuple",
      parts: [fixed(1), { kind: "string" }],
    })
    expect(columnType("SimpleAggregateFunction(sum, UInt64)")).toEqual(fixed(8))
    for (const text of [
      "JSON",
      "Variant(String)",
      "Array(Dynamic)",
      "AggregateFunction(sum, UInt8)",
      "FixedString(0)",
      "Array(",
    ])
      expect(columnType(text)).toBeUndefined()
    expect(columnType(`${"Array(".repeat(50)}UInt8${")".repeat(50)}`)).toBeUndefined()
  })
})

keepsToFrames(makeClickHouse, lz4, maxBuffered)
keepsToFrames(
  makeClickHouse,
  // The end of an answer that is cut is not seen.
  [...recorded("types"), client(Buffer.from([4])), server(Buffer.from([4]))],
  maxBuffered,
)
