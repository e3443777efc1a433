import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { deflateSync, zstdCompressSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { Direction, Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, cutAt, damaged, noise, play, type Run, server } from "../transcript.testing.ts"
import { makeMysql } from "./mysql.ts"

const packet = (sequence: number, ...parts: ReadonlyArray<Uint8Array | string | number>): Buffer => {
  const payload = Buffer.concat(
    parts.map((part) =>
      typeof part === "number" ? Buffer.from([part]) : Buffer.from(part as string, "latin1"),
    ),
  )
  const header = Buffer.alloc(4)
  header.writeUIntLE(payload.length, 0, 3)
  header[3] = sequence
  return Buffer.concat([header, payload])
}
const query = (sql: string) => packet(0, 3, sql)
const u32 = (value: number) => Buffer.from([value, value >> 8, value >> 16, value >> 24])
const okay = (sequence: number, affected = 0, status = 2) => packet(sequence, 0, affected, 0, status, 0, 0, 0)
const eof = (sequence: number, status = 2) => packet(sequence, 0xfe, 0, 0, status, 0)
const failure = (sequence: number, code: number, state: string, text: string) =>
  packet(sequence, 0xff, code & 0xff, code >> 8, `#${state}${text}`)
const definition = (sequence: number) =>
  packet(sequence, "\x03def\x04shop\x01t\x01t\x01a\x01a\x0c?\x00\x0b\x00\x00\x00\x03\x00\x00\x00\x00\x00")
const row = (sequence: number, ...values: ReadonlyArray<string>) =>
  packet(sequence, ...values.flatMap((value) => [value.length, value]))
const greeting = packet(
  0,
  `\x0a8.0.36\x00${"\x01\x00\x00\x00"}abcdefgh\x00${"\xff\xff\xff\x02\x00\xff\xdf\x15"}${"\x00".repeat(10)}abcdefghijkl\x00mysql_native_password\x00`,
)
const login = (capabilities: number, sequence = 1) =>
  packet(sequence, u32(capabilities), "\x00\x00\x00\x01\xff", "\x00".repeat(23), "root\x00\x04abcdshop\x00")
const plain = 0x8200 | 8

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))
const mysql2 = recorded("mariadb-mysql2")
const zipped = recorded("mariadb-mysql2-zlib")

/** 4 KiB and a little of both directions; compressed packets of 64 KiB for each. */
const maxBuffered = 2 * 4160 + 2 * 65_536

const detect = (bytes: Uint8Array) => makeMysql().detect(bytes, 0, bytes.length)
const messages = (...runs: ReadonlyArray<Run>) => shortly(makeMysql(), runs)

describe("detection", () => {
  it("knows greeting, login and statements", () => {
    expect(detect(greeting)).toBe(Evidence.response)
    for (const request of [
      login(plain),
      query("select 1"),
      query("/* x */ (SELECT 1)"),
      packet(0, 3, 0, 1, "show tables"),
      packet(0, 0x16, "insert into t values (?)"),
      packet(0, 0x17, u32(1), 0, u32(1)),
    ]) {
      expect(detect(request), request.toString("latin1")).toBe(Evidence.request)
    }
    for (const unclear of [
      packet(0, 0x0e),
      packet(0, 1),
      packet(0, 2, "shop"),
      okay(1),
      failure(1, 1064, "42000", "no"),
    ])
      expect(detect(unclear), unclear.toString("latin1")).toBe(Evidence.unclear)
  })

  it("knows nothing of others", () => {
    for (const other of [
      "GET / HTTP/1.1\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01",
      "*1\r\n$4\r\nPING\r\n",
      "\x00\x00\x00\x12\x00\x00\x00\x00\x00\x00\x00\x00",
      "\x0a\x00\x00\x00\x03hello you",
      "\x03\x00\x00\x00\x03ab",
    ]) {
      expect(detect(Buffer.from(other, "latin1")), other).toBe(Evidence.none)
    }
  })
})

describe("recordings", () => {
  it("of queries, errors, files and prepared statements", () => {
    const outcome = play(makeMysql(), mysql2)
    expect(outcome.desyncs).toEqual([])
    expect(shortly(makeMysql(), mysql2)).toMatchSnapshot()
    expect(outcome.messages.find((message) => message.traceId !== "")).toMatchObject({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      requestResource: "select ?",
      requestDomain: "mysql",
    })
  })

  it("give the same through compression", () => {
    // Other numbers of statements: the server counts on.
    const strip = (line: string) => line.replace(/statement_id=\d+/, "")
    expect(shortly(makeMysql(), zipped).map(strip)).toEqual(shortly(makeMysql(), mysql2).map(strip))
    expect(shortly(makeMysql(), recorded("mariadb-client-zlib"))).toMatchSnapshot()
  })
})

describe("answers", () => {
  it("with and without an EOF behind the definitions", () => {
    const withEof = [packet(1, 1), definition(2), eof(3), row(4, "a"), row(5, "b"), eof(6)]
    const without = [packet(1, 1), definition(2), row(3, "a"), row(4, "b"), packet(5, 0xfe, 0, 0, 2, 0, 0, 0)]
    for (const answer of [withEof, without])
      expect(messages(client(query("select a from t")), server(...answer))).toEqual([
        "COM_QUERY select a from t",
        "< ok rows=2",
      ])
    expect(
      messages(client(query("select a from t")), server(packet(1, 1), definition(2), eof(3), eof(4)))[1],
    ).toBe("< ok rows=0")
  })

  it("that fail while rows are sent", () => {
    const answer = [
      packet(1, 1),
      definition(2),
      eof(3),
      row(4, "a"),
      failure(5, 1317, "70100", "interrupted"),
    ]
    expect(messages(client(query("select a from t")), server(...answer))[1]).toBe(
      "< server_error 1317 interrupted sqlstate=70100",
    )
  })

  it("classify errors by number and mask the values they quote", () => {
    const [, response] = play(makeMysql(), [
      client(query("insert into t values (1)")),
      server(failure(1, 2013, "HY000", "lost")),
    ]).messages
    expect(response).toMatchObject({ status: ResponseStatus.clientError, code: 2013, endpoint: "INSERT t" })
    const run = [client(query("select 'x")), server(failure(1, 1064, "42000", "syntax near 'x' at line 1"))]
    expect(messages(...run)[1]).toContain("syntax near '?' at line 1")
    expect(shortly(makeMysql({ maskLiterals: false }), run)[1]).toContain("near 'x'")
  })

  it("of cursors, field lists and statistics", () => {
    expect(
      messages(
        client(packet(0, 0x16, "select a from t")),
        server(packet(1, 0, u32(9), 1, 0, 0, 0, 0, 0, 0), definition(2), eof(3)),
        client(packet(0, 0x17, u32(9), 1, u32(1))),
        server(packet(1, 1), definition(2), eof(3, 0x42)),
        client(packet(0, 0x1c, u32(9), u32(10))),
        server(packet(1, 0, 0, 1, "a"), packet(2, 0, 0, 1, "b"), eof(3, 0x82)),
        client(packet(0, 4, "t\0")),
        server(definition(1), definition(2), eof(3)),
        client(packet(0, 9)),
        server(packet(1, "Uptime: 1")),
      ),
    ).toEqual([
      "COM_STMT_PREPARE select a from t",
      "< ok statement_id=9",
      "COM_STMT_EXECUTE select a from t statement_id=9",
      "< ok rows=0",
      "COM_STMT_FETCH select a from t statement_id=9",
      "< ok rows=2",
      "COM_FIELD_LIST t",
      "< ok rows=2",
      "COM_STATISTICS",
      "< ok",
    ])
  })

  it("that nobody asked for", () => {
    expect(messages(server(failure(0, 4031, "HY000", "The client was disconnected")))).toEqual([
      "< server_error 4031 The client was disconnected sqlstate=HY000 async",
    ])
  })

  it("leave progress reports of MariaDB alone", () => {
    const progress = packet(1, 0xff, 0xff, 0xff, 1, 1, 2, "\0\0\0\0\x05stage")
    expect(messages(client(query("alter table t")), server(progress, okay(2)))).toEqual([
      "COM_QUERY alter table t",
      "< ok",
    ])
  })
})

describe("login", () => {
  it("by greeting, answer and method switch", () => {
    const runs = [
      server(greeting),
      client(login(plain)),
      server(packet(2, 0xfe, "other\0salt")),
      client(packet(3, "x")),
      server(okay(4)),
      client(query("use `b`")),
      server(okay(1)),
      client(query("select 1")),
    ]
    const found = play(makeMysql(), runs).messages
    expect(found.map((message) => [message.version, message.requestDomain, message.requestResource])).toEqual(
      [
        ["8.0.36", "shop", "Login username: root db: shop"],
        ["8.0.36", "", ""],
        ["8.0.36", "shop", "use `b`"],
        ["8.0.36", "", ""],
        ["8.0.36", "b", "select ?"],
      ],
    )
  })

  it("leaves when TLS begins, and goes on where the text is at hand", () => {
    const tls = packet(1, u32(plain | 0x800), "\x00\x00\x00\x01\xff", "\x00".repeat(23))
    const runs = [server(greeting), client(tls)]
    expect(play(makeMysql(), [...runs, client(Buffer.from("\x16\x03\x01\x02\x00", "latin1"))]).hasLeft).toBe(
      true,
    )
    expect(messages(...runs, client(login(plain, 2)), server(okay(3)))).toEqual([
      "Login Login username: root db: shop",
      "< ok",
    ])
  })

  it("leaves for a replication stream", () => {
    expect(play(makeMysql(), [client(packet(0, 0x12, "\x04\0\0\0\0\0\x01\0\0\0binlog.1"))])).toMatchObject({
      hasLeft: true,
    })
  })
})

describe("query attributes", () => {
  it("give the trace identity", () => {
    const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    const request = packet(
      0,
      3,
      2,
      1,
      0,
      1,
      0xfe,
      0,
      "\x01n",
      0xfe,
      0,
      "\x0btraceparent",
      "\x01x",
      parent.length,
      parent,
      "select 1",
    )
    const [message] = play(makeMysql(), [client(request)]).messages
    expect(message).toMatchObject({
      requestResource: "select ?",
      traceId: "0af7651916cd43dd8448eb211c80319c",
    })
  })
})

describe("compression", () => {
  const wrapped = (text: Uint8Array, packed: Uint8Array, sequence = 0) => {
    const header = Buffer.alloc(7)
    header.writeUIntLE(packed.length, 0, 3)
    header[3] = sequence
    header.writeUIntLE(packed === text ? 0 : text.length, 4, 3)
    return Buffer.concat([header, packed])
  }
  const bare = (text: Uint8Array, sequence = 0) => wrapped(text, text, sequence)
  const long = query(`select a from t where b = 'x' -- ${"y".repeat(200)}`)
  const zstdAgreed = 0x4008208

  it("of zstd after the login, and of a large text of which only the beginning is read", () => {
    const rows = Buffer.concat([
      packet(1, 1),
      definition(2),
      eof(3),
      ...Array.from({ length: 9000 }, (_, i) => row((i + 4) & 0xff, "x".repeat(60))),
    ])
    const runs = [
      server(greeting),
      client(login(zstdAgreed)),
      server(okay(2)),
      client(wrapped(long, zstdCompressSync(long))),
      server(wrapped(rows, zstdCompressSync(rows))),
    ]
    const outcome = play(makeMysql(), runs)
    expect(shortly(makeMysql(), runs).slice(2)).toEqual(["COM_QUERY select a from t where b = ?", "< ok"])
    expect(outcome.maxBuffered).toBeLessThanOrEqual(maxBuffered)
  })

  it("is seen on a connection that was joined later, and its losses are survived", () => {
    const answer = Buffer.concat([packet(1, 1), definition(2), eof(3), row(4, "a".repeat(200)), eof(5)])
    const cut = wrapped(answer, deflateSync(answer), 1)
    const runs: ReadonlyArray<Run> = [
      client(bare(query("select 1"))),
      server(bare(okay(1), 1)),
      client(wrapped(long, deflateSync(long))),
      { direction: Direction.toClient, bytes: cut.subarray(0, -8), missing: 508 },
      client(bare(query("select 2"))),
      server(wrapped(answer, deflateSync(answer), 1)),
    ]
    expect(messages(...runs)).toEqual([
      "COM_QUERY select ?",
      "< ok",
      "COM_QUERY select a from t where b = ?",
      "< ok",
      "COM_QUERY select ?",
      "< ok rows=1",
    ])
  })
})

describe("losses and hostile input", () => {
  it("a cut statement and cut rows cost nothing else", () => {
    const sql = `select a from t where b in (${"1,".repeat(1000)}2)`
    const cut = query(sql).subarray(0, 1024)
    const protocol = makeMysql()
    const runs: ReadonlyArray<Run> = [
      { direction: Direction.toServer, bytes: cut, missing: query(sql).length - 1024 },
      {
        direction: Direction.toClient,
        bytes: Buffer.concat([packet(1, 1), definition(2), eof(3), row(4, "x".repeat(100)).subarray(0, 50)]),
        missing: 9000,
      },
      server(row(77, "abc"), row(78, "def")),
      client(query("select 2 from u")),
      server(okay(1)),
    ]
    const found = shortly(protocol, runs)
    expect(found.map((line) => line.slice(0, 40))).toEqual([
      "COM_QUERY select a from t where b in (?,",
      "< ok",
      "COM_QUERY select ? from u",
      "< ok",
    ])
    expect(protocol.stats).toMatchObject({ resyncs: 1, malformed: 0 })
    expect(play(makeMysql(), runs).desyncs).toEqual([])
  })

  it("lost answers of several commands are reported", () => {
    const runs: ReadonlyArray<Run> = [
      client(query("select 1"), query("select 2")),
      { direction: Direction.toClient, bytes: okay(1), missing: 100 },
      client(query("select 3")),
      server(okay(1)),
    ]
    expect(play(makeMysql(), runs).desyncs).toEqual([Direction.toClient])
    expect(messages(...runs).at(-1)).toBe("< ok")
  })

  it("a statement over several packets has one answer", () => {
    const huge: Run = {
      direction: Direction.toServer,
      bytes: Buffer.from("\xff\xff\xff\x00\x03select 'x", "latin1"),
      missing: 0xffffff - 10,
    }
    expect(
      messages(huge, client(packet(1, "tail'")), server(okay(2)), client(query("select 1")), server(okay(1))),
    ).toEqual(["COM_QUERY select ?", "< ok", "COM_QUERY select ?", "< ok"])
  })

  it("any split of the recordings gives the same messages", () => {
    const whole = [mysql2, zipped].map((runs) => play(makeMysql(), runs).messages)
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 }),
        (isPlain, cuts) => {
          const runs = isPlain ? mysql2 : zipped
          expect(play(makeMysql(), cutAt(runs, cuts)).messages).toEqual(whole[isPlain ? 0 : 1])
        },
      ),
      { numRuns: 60 },
    )
  })

  it("survives damage and noise within its bounds, and finds the next statement", () => {
    const lost: Run = { direction: Direction.toServer, bytes: new Uint8Array(0), missing: 2 ** 30 }
    fc.assert(
      fc.property(fc.oneof(damaged(mysql2.slice(0, 20)), noise), (runs) => {
        const outcome = play(makeMysql(), [...runs, lost, client(query("select found from t"))])
        expect(outcome.maxBuffered).toBeLessThanOrEqual(maxBuffered)
        if (!outcome.hasLeft)
          expect(outcome.messages.some((message) => message.requestResource === "select found from t")).toBe(
            true,
          )
      }),
      { numRuns: 150 },
    )
    fc.assert(
      fc.property(damaged(zipped.slice(0, 20)), (runs) => {
        expect(play(makeMysql(), runs).maxBuffered).toBeLessThanOrEqual(maxBuffered)
      }),
      { numRuns: 60 },
    )
  })
})
