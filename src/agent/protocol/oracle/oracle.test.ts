import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { eachForeignPayload, hasCaptures } from "../captures.testing.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Direction, Evidence } from "../Protocol.ts"
import { recognisers } from "../recognisers.testing.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, play, server } from "../transcript.testing.ts"
import { readConnectData, refusalCode } from "./connectData.ts"
import { readErrorInfo } from "./errorInfo.ts"
import { makeOracle } from "./oracle.ts"

const recorded = readRecording(new URL("./recordings/oracledb.jsonl", import.meta.url))
const refused = readRecording(new URL("./recordings/oracledb-refused.jsonl", import.meta.url))

const u16 = (value: number) => Buffer.from([value >> 8, value])
const u32 = (value: number) => Buffer.from([value >> 24, value >> 16, value >> 8, value])
/** As both sides write it since version 315. */
const packet = (type: number, body: Uint8Array) =>
  Buffer.concat([u32(8 + body.length), Buffer.from([type, 0, 0, 0]), body])
/** As before. */
const narrow = (type: number, body: Uint8Array) =>
  Buffer.concat([u16(8 + body.length), Buffer.from([0, 0, type, 0, 0, 0]), body])
const data = (...parts: ReadonlyArray<Uint8Array>) => packet(6, Buffer.concat([Buffer.alloc(2), ...parts]))
const call = (code: number, sequence = 1, ...rest: ReadonlyArray<Uint8Array>) =>
  Buffer.concat([Buffer.from([3, code, sequence]), ...rest])
const sized = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
/** The beginning of a call to execute, as the driver writes it. */
const execute = (text: Uint8Array) =>
  data(call(94, 1, Buffer.from("02802100010110", "hex"), Buffer.alloc(30), text))
const outcome = (code: number, text = "", rows = 0, cursor = 0, extra = 0) =>
  Buffer.concat([
    Buffer.from([4, 1, 1, 0, 0, 0, 0, 0, 1, cursor, 0, 3, 0, 0, 0, 0, 0]),
    Buffer.alloc(14),
    Buffer.concat([Buffer.from([2]), u16(code), Buffer.from([1, rows]), Buffer.alloc(extra)]),
    code === 0 ? Buffer.alloc(0) : sized(`${text}\n`),
  ])
const detect = (bytes: Uint8Array) => makeOracle().detect(bytes, 0, bytes.length)

/** 16 KiB of both directions. */
const maxBuffered = 2 * 16 * 1024

describe("detection", () => {
  it("knows connects, accepts and calls", () => {
    expect(detect(recorded[0].bytes)).toBe(Evidence.request)
    expect(detect(recorded[1].bytes)).toBe(Evidence.response)
    expect(detect(execute(sized("SELECT 1 FROM dual")))).toBe(Evidence.request)
    expect(detect(data(Buffer.from([9, 1, 1, 0])))).toBe(Evidence.unclear)
    expect(detect(recorded[0].bytes.subarray(0, 6))).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const other of [
      data(call(250)),
      packet(6, Buffer.alloc(1)),
      narrow(1, Buffer.alloc(60)),
      narrow(2, Buffer.alloc(30, 9)),
      packet(3, Buffer.alloc(20)),
      Buffer.alloc(40),
      Buffer.alloc(40, 0x11),
    ])
      expect([Evidence.none, Evidence.unclear]).toContain(detect(other))
  })

  it("is alone with what it knows", () => {
    for (const run of [...recorded, ...refused])
      expect([[], ["oracle"]]).toContainEqual(recognisers(run.bytes))
  })

  it.skipIf(!hasCaptures)("takes nothing of other protocols", async () => {
    const taken = new Set<string>()
    await eachForeignPayload([], (bytes, start, end, file) => {
      const evidence = makeOracle().detect(bytes, start, end)
      if (evidence !== Evidence.none && evidence !== Evidence.unclear) taken.add(file)
    })
    expect([...taken]).toEqual([])
  })
})

describe("conversations", () => {
  it("of Oracle's own driver", () => {
    const oracle = makeOracle()
    const { messages } = play(oracle, recorded)
    expect(messages[0]).toMatchObject({
      requestType: "CONNECT",
      requestDomain: "shop",
      endpoint: "shop",
      attributes: ["program", "shop", "client_host", "box", "os_user", "app"],
    })
    expect(messages[1]).toMatchObject({ status: ResponseStatus.ok, version: "317" })
    expect(shortly(makeOracle(), recorded).slice(2, 16)).toEqual([
      "AUTH_PHASE_ONE Login username: jane",
      "< ok",
      "AUTH_PHASE_TWO Login username: jane",
      "< ok",
      "EXECUTE INSERT INTO orders (id, name) VALUES (?, ?)",
      "< ok sql_affected_rows=1",
      "EXECUTE UPDATE orders SET name = ? WHERE id = :?",
      "< ok sql_affected_rows=1",
      "REEXECUTE UPDATE orders SET name = ? WHERE id = :?",
      "< ok sql_affected_rows=1",
      "EXECUTE SELECT * FROM missing WHERE name = ?",
      "< client_error 942 ORA-00942: table or view does not exist",
      "EXECUTE INSERT INTO orders (id) VALUES (?)",
      "< client_error 1 ORA-00001: unique constraint (SHOP.PK) violated",
    ])
    expect(messages[6]).toMatchObject({
      requestDomain: "shop",
      endpoint: "INSERT orders",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
    })
    expect(messages.slice(-8, -1).map((message) => message.requestType)).toEqual(["PING", "", "COMMIT", "", "ROLLBACK", "", "LOGOFF"]) // prettier-ignore
    expect(oracle.stats).toMatchObject({ malformed: 0, truncated: 0 })
    expect(JSON.stringify(messages)).not.toContain("secret")
  })

  it("that a listener refuses", () => {
    expect(shortly(makeOracle(), refused)[1]).toBe("< client_error 12514 ORA-12514")
  })
})

describe("packets", () => {
  it("of statements in chunks, and of connect data apart", () => {
    const long = `DELETE FROM t WHERE a = '${"x".repeat(300)}'`
    const chunks = Buffer.concat([Buffer.from([0xfe]), sized(long.slice(0, 64)), sized(long.slice(64, 300)), sized(long.slice(300)), Buffer.from([0])]) // prettier-ignore
    const { messages } = play(makeOracle(), [
      client(execute(chunks)),
      server(data(outcome(0, "", 3))),
      client(
        narrow(1, Buffer.concat([u16(319), u16(300), Buffer.alloc(12), u16(400), u16(74), Buffer.alloc(46)])),
      ),
      client(
        narrow(6, Buffer.concat([Buffer.alloc(2), Buffer.from("(DESCRIPTION=(CONNECT_DATA=(SID=orcl)))")])),
      ),
    ])
    expect(messages[0]).toMatchObject({ requestResource: "DELETE FROM t WHERE a = ?", endpoint: "DELETE t" })
    expect(messages[1].attributes).toEqual(["sql_affected_rows", "3"])
    expect(messages[2]).toMatchObject({ requestType: "CONNECT", requestResource: "orcl" })
  })

  it("of long answers end with the one that is not full", () => {
    const full = data(Buffer.alloc(8192 - 10, 7))
    const { messages } = play(makeOracle(), [
      client(execute(sized("SELECT a FROM t"))),
      server(full, full, data(Buffer.alloc(50, 7), outcome(1403, "ORA-01403: no data found", 200))),
      client(data(call(14))),
      server(data(Buffer.from([9, 1, 1, 0]))),
    ])
    expect(
      messages.map(({ attributes, endpoint, length, status }) => [endpoint, status, length, ...attributes]),
    ).toEqual([
      ["SELECT t", ResponseStatus.unknown, messages[0].length],
      ["SELECT t", ResponseStatus.ok, messages[1].length, "rows", "200"],
      ["", ResponseStatus.unknown, 13],
      ["", ResponseStatus.ok, 14],
    ])
    expect(messages[1].length).toBeGreaterThan(16_384)
  })

  it("of outcomes in newer and in unknown forms", () => {
    const info = (bytes: Uint8Array) => readErrorInfo(bytes, 0, bytes.length)
    expect(info(outcome(942, "ORA-00942: no table", 0, 5, 2))).toMatchObject({ code: 942, cursor: 5 })
    expect(info(Buffer.concat([outcome(0, "", 4), Buffer.from([29])]))).toMatchObject({ code: 0, rows: 4 })
    expect(info(Buffer.concat([Buffer.alloc(30, 1), sized("ORA-00600: internal error\n")]))).toMatchObject({
      code: 600,
    })
    // A row that holds such a text is none.
    expect(info(Buffer.concat([sized("ORA-00600: internal error"), Buffer.alloc(40, 7)]))).toBeUndefined()
  })

  it("tell services and refusals", () => {
    expect(
      readConnectData("(DESCRIPTION=(CONNECT_DATA=(service_name = s.x)(CID=(PROGRAM=a b)(HOST=h)(USER=u))))"),
    ).toEqual({
      service: "s.x",
      attributes: ["program", "a b", "client_host", "h", "os_user", "u"],
    })
    expect(refusalCode("(DESCRIPTION=(ERR=12519)(VSNNUM=0))")).toBe(12_519)
    expect(refusalCode("nothing")).toBe(0)
  })
})

describe("losses and hostile input", () => {
  it("leaves an answer unknown whose end was lost, and goes on", () => {
    const { desyncs, messages } = play(makeOracle(), [
      client(execute(sized("SELECT a FROM t"))),
      { ...server(new Uint8Array(0)), missing: 60 },
      client(data(call(14))),
      server(data(Buffer.from([9, 1, 1, 0]))),
    ])
    expect(desyncs).toEqual([Direction.toClient])
    expect(messages.map((message) => message.requestType)).toEqual(["EXECUTE", "COMMIT", ""])
  })

  it("refuses lengths that no packet has", () => {
    const oracle = makeOracle()
    const bad = Buffer.concat([u32(0x7fff_ffff), Buffer.from([6, 0, 0, 0]), Buffer.alloc(30)])
    const { messages } = play(oracle, [client(bad), client(data(call(14)))])
    expect(messages.map((message) => message.requestType)).toEqual(["COMMIT"])
    expect(oracle.stats).toMatchObject({ malformed: 1, resyncs: 1 })
  })
})

// Without what both sides agree on before the login, which is no message.
keepsToFrames(makeOracle, [...recorded.slice(0, 2), ...recorded.slice(6, -1)], maxBuffered)
