import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { Direction, Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import {
  cutAt,
  damaged,
  everyCut,
  fromClient,
  fromServer,
  noise,
  play,
  type Run,
} from "../transcript.testing.ts"
import { makePostgresql } from "./postgresql.ts"
import { statusOfSqlState } from "./sqlState.ts"

const u32 = (value: number) =>
  String.fromCharCode((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
const message = (type: string, body = "") => `${type}${u32(body.length + 4)}${body}`
const query = (sql: string) => message("Q", `${sql}\0`)
const parse = (name: string, sql: string) => message("P", `${name}\0${sql}\0\0\0`)
const bind = (name: string, portal = "") => message("B", `${portal}\0${name}\0\0\0\0\0\0\0`)
const execute = (portal = "") => message("E", `${portal}\0\0\0\0\0`)
const sync = message("S")
const ready = message("Z", "I")
const tag = (text: string) => message("C", `${text}\0`)
const failure = (state: string, text: string) => message("E", `SERROR\0VERROR\0C${state}\0M${text}\0\0`)
const row = message("D", "\0\x01\0\0\0\x01a")
const parsed = message("1")
const bound = message("2")
const start = (code: number, rest = "") => `${u32(rest.length + 8)}${u32(code)}${rest}`

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))
const node = recorded("postgresql-pg")
const psql = recorded("postgresql-psql")
const messages = (...runs: ReadonlyArray<Run>) => shortly(makePostgresql(), runs)
const detect = (text: string) => makePostgresql().detect(Buffer.from(text, "latin1"), 0, text.length)

/** 4 KiB and a little for each direction. */
const maxBuffered = 2 * 4352

const conversation: ReadonlyArray<Run> = [
  fromClient(query("select 1; select 2")),
  fromServer(row + tag("SELECT 1") + row + row + tag("SELECT 2") + ready),
  fromClient(parse("s", "update t set a = $1") + message("D", "Ss\0") + sync),
  fromServer(parsed + message("t", "\0\0") + message("n") + ready),
  fromClient(
    bind("s") +
      execute() +
      bind("s") +
      execute() +
      parse("", "select a from u") +
      bind("") +
      execute() +
      sync,
  ),
  fromServer(bound + tag("UPDATE 3") + bound + tag("UPDATE 0") + parsed + bound + row + message("s") + ready),
  fromClient(query("copy t from stdin")),
  fromServer(message("G", "\0\0\0")),
  fromClient(message("d", "1\n") + message("d", "Q") + message("c")),
  fromServer(message("N", "SNOTICE\0\0") + tag("COPY 2") + ready),
  fromClient(message("F", "\0\0\0\x01\0\0\0\0\0\0")),
  fromServer(message("V", "\0\0\0\0") + ready),
  fromClient(message("X")),
]

describe("detection", () => {
  it("knows startup, statements, pipelines and answers", () => {
    for (const request of [
      start(80877103),
      start(80877104),
      start(196608, "user\0me\0\0"),
      start(80877102, "12345678"),
      query("select 1"),
      query("/* x */ (SELECT 1)"),
      parse("s1", "insert into t values ($1)"),
      bind("s") + execute(),
    ]) {
      expect(detect(request), request).toBe(Evidence.request)
    }
    for (const response of [
      message("R", "\0\0\0\0"),
      `${parsed}${bound}`,
      tag("SELECT 1") + ready,
      failure("42601", "x"),
      `${bound}${row}`,
    ])
      expect(detect(response), response).toBe(Evidence.response)
  })

  it("knows nothing of others", () => {
    for (const other of [
      "GET / HTTP/1.1\r\n",
      "\x16\x03\x01\0\x05",
      "PUB a 1\r\n",
      "QUIT\r\n",
      "E",
      "\0\0\0\x08\0\0\0\0",
      "Q\0\0\0\x0ahello\0",
      "PING\r\n",
      "SET a 1 2\r\n",
    ])
      expect(detect(other), other).toBe(Evidence.none)
    expect(detect(bound)).toBe(Evidence.unclear)
  })
})

describe("recordings", () => {
  it("of pg for Node", () => {
    expect(messages(...node)).toMatchSnapshot()
    const traced = play(makePostgresql(), node).messages.find((one) => one.traceId !== "")
    expect(traced).toMatchObject({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" })
  })

  it("of psql with COPY", () => {
    expect(messages(...psql)).toMatchSnapshot()
  })
})

describe("exchanges", () => {
  it("simple, extended, pipelined, COPY and calls", () => {
    expect(messages(...conversation)).toEqual([
      "Q select ?; select ?",
      "< ok rows=3",
      "P update t set a = $1",
      "< ok",
      "E update t set a = $1",
      "E update t set a = $1",
      "P select a from u",
      "< ok sql_affected_rows=3",
      "< ok sql_affected_rows=0",
      "< ok",
      "Q copy t from stdin",
      "< ok sql_affected_rows=2",
      "F",
      "< ok",
      "X async",
    ])
  })

  it("find the same at every cut", () => {
    const whole = play(makePostgresql(), conversation).messages
    for (const cut of everyCut(conversation)) expect(play(makePostgresql(), cut).messages).toEqual(whole)
  })

  it("a failure ends the pipeline: what the server passes over says so", () => {
    const outcome = messages(
      fromClient(
        parse("", "select 1/$1") + bind("") + execute() + bind("") + execute() + sync + query("select 2"),
      ),
      fromServer(
        `${parsed}${bound}${failure("22012", "division by zero")}${ready}${row}${tag("SELECT 1")}${ready}`,
      ),
    )
    expect(outcome.slice(3)).toEqual([
      "< client_error division by zero sqlstate=22012",
      "< unknown aborted=true",
      "< ok rows=1",
    ])
  })

  it("a failed preparation", () => {
    expect(
      messages(fromClient(parse("", "select x") + sync), fromServer(failure("42703", "no column") + ready)),
    ).toEqual(["P select x", "< client_error no column sqlstate=42703"])
  })

  it("classify errors by their SQLSTATE", () => {
    for (const state of ["23505", "42P01", "22P02", "28P01", "57014", "40001"])
      expect(statusOfSqlState(state), state).toBe(
        state === "40001" ? ResponseStatus.serverError : ResponseStatus.clientError,
      )
    for (const state of ["53300", "57P01", "XX000", "58030", "08006", "55P03", ""])
      expect(statusOfSqlState(state), state).toBe(ResponseStatus.serverError)
  })

  it("cancel, and a login that is refused", () => {
    const fatal = message("E", "SFATAL\0VFATAL\0C28P01\0Mno\0\0")
    expect(messages(fromClient(start(80877102, "12345678")))).toEqual(["CancelRequest async"])
    expect(
      messages(
        fromClient(start(196608, "user\0me\0database\0shop\0\0")),
        fromServer(message("R", "\0\0\0\x05salt")),
        fromClient(message("p", "x\0")),
        fromServer(fatal),
      ),
    ).toEqual(["Startup Login username: me db: shop", "< client_error no sqlstate=28P01"])
  })

  it("leave for TLS and for replication, and go on where encryption is refused", () => {
    const ask = [fromClient(start(80877103)), fromServer("S")]
    expect(play(makePostgresql(), [...ask, fromClient("\x16\x03\x01\0\0\0\0\0\0")]).hasLeft).toBe(true)
    expect(messages(...ask, fromClient(start(196608, "user\0me\0\0")), fromServer(ready))).toHaveLength(2)
    expect(
      messages(fromClient(start(80877104)), fromServer("N"), fromClient(start(196608, "user\0me\0\0"))),
    ).toHaveLength(1)
    expect(
      play(makePostgresql(), [fromClient(query("START_REPLICATION x")), fromServer(message("W", "\0\0\0"))])
        .hasLeft,
    ).toBe(true)
  })
})

describe("losses and hostile input", () => {
  it("a cut statement and cut rows cost nothing else", () => {
    const protocol = makePostgresql()
    const sql = query(`select a from t where b in (${"1,".repeat(1000)}2)`)
    const runs = [
      fromClient(sql.slice(0, 1024), sql.length - 1024),
      fromServer(row + message("D", "x".repeat(500)).slice(0, 100), 9000),
      fromServer("rest of rows"),
      fromClient(query("select 2 from u")),
      fromServer(row + tag("SELECT 1") + ready),
    ]
    expect(shortly(protocol, runs).map((line) => line.slice(0, 24))).toEqual([
      "Q select a from t where ",
      "< ok",
      "Q select ? from u",
      "< ok rows=1",
    ])
    expect(protocol.stats).toMatchObject({ resyncs: 1, malformed: 0 })
    expect(play(makePostgresql(), runs).desyncs).toEqual([])
  })

  it("lost answers of several statements are reported", () => {
    const outcome = play(makePostgresql(), [
      fromClient(query("select 1") + query("select 2")),
      fromServer(row, 1000),
    ])
    expect(outcome.desyncs).toEqual([Direction.toClient])
  })

  it("any split of the recordings gives the same messages", () => {
    const whole = play(makePostgresql(), node).messages
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 }), (cuts) => {
        expect(play(makePostgresql(), cutAt(node, cuts)).messages).toEqual(whole)
      }),
      { numRuns: 50 },
    )
  })

  it("survives damage and noise within its bounds, and finds the next statement", () => {
    const lost: Run = { direction: Direction.toServer, bytes: new Uint8Array(0), missing: 2 ** 40 }
    fc.assert(
      fc.property(fc.oneof(damaged(conversation), damaged(psql), noise), (runs) => {
        const outcome = play(makePostgresql(), [...runs, lost, fromClient(query("select found from t"))])
        expect(outcome.maxBuffered).toBeLessThanOrEqual(maxBuffered)
        if (!outcome.hasLeft)
          expect(outcome.messages.some((one) => one.requestResource === "select found from t")).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})
