import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { Direction, Evidence } from "../Protocol.ts"
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
import { makeRedis } from "./redis.ts"

const command = (...words: ReadonlyArray<string>): string =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`
const bytesOf = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0))
const detect = (text: string) => makeRedis().detect(bytesOf(text), 0, text.length)
const lineOf = (words: ReadonlyArray<string>, maskLiterals = true) =>
  play(makeRedis({ maskLiterals }), [fromClient(command(...words))]).messages[0].requestResource
const summary = (runs: ReadonlyArray<Run>, protocol = makeRedis()) =>
  play(protocol, runs).messages.map((message) =>
    message.type === RecordType.request
      ? `${message.requestResource}${message.isAsync ? " async" : ""}`
      : `< ${message.isAsync ? `${message.requestResource} async ` : ""}${message.result || message.exception}`,
  )

/** The bound of what one connection holds: two readers with 512 bytes of texts. */
const maxBuffered = 1024

const conversation: ReadonlyArray<Run> = [
  fromClient(command("set", "k", "v") + command("GET", "k") + "PING\r\n" + command("MGET", "a", "b", "c")),
  fromServer("+OK\r\n$1\r\nv\r\n+PONG\r\n*3\r\n$1\r\n1\r\n$-1\r\n$0\r\n\r\n"),
  fromClient(command("HELLO", "3", "AUTH", "user", "pass") + command("LRANGE", "l", "0", "-1")),
  fromServer("%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n+proto\r\n:3\r\n"),
  fromServer(
    "|1\r\n+ttl\r\n*2\r\n:1\r\n:2\r\n*2\r\n*1\r\n,1.5\r\n~2\r\n#t\r\n(123456789012345678901234567890\r\n",
  ),
  fromClient(command("EXPLODE", "x") + command("EVAL", "return 1", "1", "key", "arg") + command("GET", "n")),
  fromServer("-ERR unknown command 'EXPLODE', with args beginning with: 'x'\r\n!9\r\nSYNTAX no\r\n_\r\n"),
  fromClient(command("GET", "s") + command("GET", "t") + command("GET", "u")),
  fromServer("$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n*?\r\n:1\r\n*?\r\n.\r\n$1\r\nx\r\n.\r\n=7\r\ntxt:abc\r\n"),
]

describe("detection", () => {
  it("tells requests from responses from others", () => {
    for (const request of [
      command("GET", "k"),
      command("get", "k"),
      command("SUBSCRIBE", "c"),
      "*1\r\n$4\r\nPING\r\n",
    ]) {
      expect(detect(request), request).toBe(Evidence.request)
    }
    for (const response of [
      "$5\r\nhello\r\n",
      "$-1\r\n",
      ":12\r\n",
      "*2\r\n:1\r\n",
      "%1\r\n+a\r\n",
      ">3\r\n",
      "+PONG\r\n",
    ]) {
      expect(detect(response), response).toBe(Evidence.response)
    }
    for (const unclear of [
      "*",
      "*2",
      "*2\r\n$3",
      "*2\r\n$3\r\nfoo\r\n",
      "+OK\r\n",
      "-ERR no\r\n",
      "PING\r\n",
      "$",
    ]) {
      expect(detect(unclear), unclear).toBe(Evidence.unclear)
    }
    for (const other of [
      "GET / HTTP/1.1\r\n",
      "HTTP/1.1 200 OK\r\n",
      "\x16\x03\x01\x02",
      "*x\r\n",
      "SSH-2.0\r\n",
      ":nick!\r\n",
    ]) {
      expect(detect(other), other).toBe(Evidence.none)
    }
  })
})

describe("command lines", () => {
  it("keep names and mask values", () => {
    expect(lineOf(["SET", "user:1", "secret", "EX", "60"])).toBe("SET user:1 ? ? ?")
    expect(lineOf(["get", "user:1"])).toBe("get user:1")
    expect(lineOf(["MSET", "a", "1", "b", "2"])).toBe("MSET a ? b ?")
    expect(lineOf(["DEL", "a", "b", "c"])).toBe("DEL a b c")
    expect(lineOf(["BLPOP", "a", "b", "0"])).toBe("BLPOP a b ?")
    expect(lineOf(["AUTH", "user", "pass"])).toBe("AUTH ? ?")
    expect(lineOf(["HELLO", "3", "AUTH", "u", "p"])).toBe("HELLO 3 ? ? ?")
    expect(lineOf(["CONFIG", "SET", "requirepass", "p"])).toBe("CONFIG SET requirepass ?")
    expect(lineOf(["EVAL", "return redis.call('x')", "2", "k1", "k2", "v"])).toBe("EVAL ? 2 k1 k2 ?")
    expect(lineOf(["ZUNIONSTORE", "d", "2", "k1", "k2", "WEIGHTS", "1"])).toBe("ZUNIONSTORE d 2 k1 k2 ? ?")
    expect(lineOf(["XREAD", "COUNT", "2", "STREAMS", "s1", "s2", "0-0", "0-0"])).toBe(
      "XREAD ? ? STREAMS s1 s2 ? ?",
    )
    expect(lineOf(["PUBLISH", "channel", "payload"])).toBe("PUBLISH channel ?")
    expect(lineOf(["JSON.SET", "doc", "$", "{}"])).toBe("JSON.SET doc ? ?")
    expect(lineOf(["ECHO", "x"])).toBe("ECHO ?")
  })

  it("are whole on request, except for credentials", () => {
    expect(lineOf(["SET", "user:1", "value"], false)).toBe("SET user:1 value")
    expect(lineOf(["AUTH", "user", "pass"], false)).toBe("AUTH ? ?")
    expect(lineOf(["HELLO", "3", "AUTH", "u", "p"], false)).toBe("HELLO 3 ? ? ?")
  })

  it("are bounded, one line, and UTF-8", () => {
    expect(
      lineOf(["DEL", ...Array.from({ length: 100 }, (_, i) => `key-number-${i}`)]).length,
    ).toBeLessThanOrEqual(256)
    expect(lineOf(["GET", "x".repeat(100_000)]).length).toBeLessThanOrEqual(256)
    expect(lineOf(["GET", "a\nb\x00c"])).toBe("GET a b c")
    expect(lineOf(["GET", "\xc3\xa4"])).toBe("GET ä")
  })
})

describe("framing", () => {
  it("finds every message of a conversation", () => {
    expect(summary(conversation)).toEqual([
      "set k ?",
      "GET k",
      "PING",
      "MGET a b c",
      "< SimpleString",
      "< BulkString",
      "< SimpleString",
      "< Array",
      "HELLO 3 ? ? ?",
      "LRANGE l ? ?",
      "< Map",
      "< Array",
      "EXPLODE x",
      "EVAL ? 1 key ?",
      "GET n",
      "< ERR unknown command 'EXPLODE'",
      "< SYNTAX no",
      "< Null",
      "GET s",
      "GET t",
      "GET u",
      "< BulkString",
      "< Array",
      "< VerbatimString",
    ])
  })

  it("finds the same at every cut", () => {
    const whole = play(makeRedis(), conversation).messages
    for (const cut of everyCut(conversation)) expect(play(makeRedis(), cut).messages).toEqual(whole)
  })

  it("gives errors a status and requests their command", () => {
    const [request, response] = play(makeRedis(), [
      fromClient(command("incr", "s")),
      fromServer("-WRONGTYPE no\r\n"),
    ]).messages
    expect(request).toMatchObject({ requestType: "INCR", endpoint: "INCR", status: ResponseStatus.unknown })
    expect(response).toMatchObject({
      status: ResponseStatus.serverError,
      exception: "WRONGTYPE no",
      result: "",
    })
  })

  it("pairs MULTI, EXEC and blocking commands as any other", () => {
    const runs = [
      fromClient(command("MULTI") + command("INCR", "a") + command("EXEC") + command("BLPOP", "q", "0")),
      fromServer("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n*-1\r\n"),
    ]
    expect(summary(runs).slice(4)).toEqual(["< SimpleString", "< SimpleString", "< Array", "< Null"])
  })

  it("leaves when the connection becomes a replication stream", () => {
    const runs = [fromClient(command("PSYNC", "?", "-1")), fromServer("+FULLRESYNC x 0\r\n$EOF:x\r\n")]
    expect(play(makeRedis(), runs)).toMatchObject({ hasLeft: true, messages: { length: 1 } })
  })
})

describe("messages without a request or an answer", () => {
  it("pub/sub in RESP2", () => {
    const runs = [
      fromClient(command("SUBSCRIBE", "a", "b")),
      fromServer("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"),
      fromServer(
        "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$6\r\nsecret\r\n*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\na\r\n$1\r\nx\r\n",
      ),
      fromClient(command("PING")),
      fromServer("*2\r\n$4\r\npong\r\n$0\r\n\r\n"),
      fromClient(command("UNSUBSCRIBE")),
      fromServer(
        "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n",
      ),
      fromClient(command("LRANGE", "l", "0", "2")),
      fromServer("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n"),
    ]
    expect(summary(runs)).toEqual([
      "SUBSCRIBE a b",
      "< Array",
      "< MESSAGE a async Array",
      "< PMESSAGE * async Array",
      "PING",
      "< Array",
      "UNSUBSCRIBE",
      "< Array",
      "LRANGE l ? ?",
      "< Array",
    ])
  })

  it("pushes of RESP3 between replies", () => {
    const runs = [
      fromClient(command("SUBSCRIBE", "a") + command("GET", "k")),
      fromServer(
        ">3\r\n+subscribe\r\n+a\r\n:1\r\n>3\r\n+message\r\n+a\r\n+x\r\n$1\r\nv\r\n>2\r\n+invalidate\r\n*1\r\n+k\r\n",
      ),
    ]
    expect(summary(runs).slice(2)).toEqual([
      "< Push",
      "< MESSAGE a async Push",
      "< BulkString",
      "< INVALIDATE async Push",
    ])
  })

  it("MONITOR, without what it shows", () => {
    const runs = [
      fromClient(command("MONITOR")),
      fromServer('+OK\r\n+1339518083.107412 [0 127.0.0.1:6] "set" "k" "v"\r\n'),
    ]
    expect(summary(runs)).toEqual(["MONITOR", "< SimpleString", "<  async SimpleString"])
  })

  it("CLIENT REPLY OFF and SKIP", () => {
    const runs = [
      fromClient(command("CLIENT", "REPLY", "SKIP") + command("SET", "a", "1") + command("GET", "b")),
      fromServer("$1\r\nx\r\n"),
      fromClient(
        command("CLIENT", "REPLY", "OFF") + command("SET", "a", "1") + command("CLIENT", "REPLY", "ON"),
      ),
      fromServer("+OK\r\n"),
    ]
    expect(summary(runs)).toEqual([
      "CLIENT REPLY ? async",
      "SET a ? async",
      "GET b",
      "< BulkString",
      "CLIENT REPLY ? async",
      "SET a ? async",
      "CLIENT REPLY ?",
      "< SimpleString",
    ])
  })
})

describe("losses and hostile input", () => {
  it("skips what is missing of a bulk string, with and without its line end", () => {
    const runs = [
      fromClient(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9000\r\nabc`, 9000 - 3 + 2),
      fromServer("+OK\r\n"),
      fromClient(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9000\r\nabc`, 9000 - 3),
      fromClient(`\r\n${command("GET", "k")}`),
      fromServer("+OK\r\n$9000\r\nab", 8998),
      fromServer("\r\n"),
    ]
    const outcome = play(makeRedis(), runs)
    expect(summary(runs)).toEqual([
      "SET k ?",
      "< SimpleString",
      "SET k ?",
      "GET k",
      "< SimpleString",
      "< BulkString",
    ])
    expect(outcome.desyncs).toEqual([])
    expect(outcome.messages[5].length).toBe(9000 + 9)
    expect(outcome.messages[5].capturedBytes).toBe(11)
  })

  it("tells what is known of a cut aggregate and finds the next message", () => {
    const protocol = makeRedis()
    const runs = [
      fromClient(command("MGET", "a", "b")),
      fromServer("*2\r\n$3\r\nabc\r\n$50", 4000),
      fromServer("tail of it"),
      fromClient(command("GET", "k")),
      fromServer(":1\r\n"),
    ]
    expect(summary(runs, protocol)).toEqual(["MGET a b", "< Array", "GET k", "< Integer"])
    expect(protocol.stats).toMatchObject({ truncated: 1, resyncs: 1, malformed: 0 })
  })

  it("refuses hostile lengths and depths", () => {
    const hostile = [
      "*1000000000\r\n",
      "$-5\r\n",
      "$99999999999\r\n",
      "$999999999999999999999\r\n",
      "*-2\r\n",
      "$\r\n",
      "*1?\r\n",
      "*1\r\n".repeat(100),
      "\x00",
      "+" + "x".repeat(100_000),
    ]
    for (const text of hostile) {
      const protocol = makeRedis()
      const outcome = play(protocol, [
        fromClient(command("GET", "k")),
        fromServer(text),
        fromServer(":1\r\n"),
      ])
      expect(protocol.stats.malformed, text.slice(0, 30)).toBe(1)
      expect(outcome.messages.at(-1), text.slice(0, 30)).toMatchObject({ result: "Integer" })
      expect(outcome.desyncs).toEqual([Direction.toClient])
      expect(outcome.maxBuffered).toBeLessThanOrEqual(maxBuffered)
    }
    for (const text of [
      "*1\r\n:1\r\n",
      "*1\r\n$-1\r\n",
      "*99999999999\r\n",
      "*1\r\n$600000000\r\n",
      "\x01\r\n",
    ]) {
      const protocol = makeRedis()
      play(protocol, [fromClient(text)])
      expect(protocol.stats, text).toMatchObject({ malformed: 1, requests: 0 })
    }
  })
})

const word = fc.string({ unit: "binary-ascii", maxLength: 20 })
const reply = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      "+OK\r\n",
      "-ERR no\r\n",
      ":-12\r\n",
      "$-1\r\n",
      "*-1\r\n",
      "_\r\n",
      "#f\r\n",
      ",inf\r\n",
      "(99\r\n",
      "*0\r\n",
    ),
    word.map((text) => `$${text.length}\r\n${text}\r\n`),
    word.map((text) => `$?\r\n${text === "" ? "" : `;${text.length}\r\n${text}\r\n`};0\r\n`),
    fc.array(tie("value"), { maxLength: 4 }).map((values) => `*${values.length}\r\n${values.join("")}`),
    fc.array(tie("value"), { maxLength: 4 }).map((values) => `~?\r\n${values.join("")}.\r\n`),
    fc
      .array(fc.tuple(tie("value"), tie("value")), { maxLength: 2 })
      .map((pairs) => `%${pairs.length}\r\n${pairs.flat().join("")}`),
    fc.tuple(tie("value"), tie("value")).map(([about, value]) => `|1\r\n+key\r\n${about}${value}`),
  ),
})).value
const exchanges = fc
  .array(
    fc.tuple(
      fc.array(
        fc.tuple(fc.constantFrom("GET", "set", "MGET", "EVAL", "XREAD"), fc.array(word, { maxLength: 5 })),
        { minLength: 1, maxLength: 3 },
      ),
      reply,
    ),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((list) =>
    list.flatMap(([commands, value]) => [
      fromClient(commands.map(([name, words]) => command(name, ...words)).join("")),
      fromServer(commands.map(() => value).join("")),
    ]),
  )

describe("properties", () => {
  it("any split of any conversation gives the same messages, one reply for each command", () => {
    fc.assert(
      fc.property(
        exchanges,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }),
        (runs, cuts) => {
          const whole = play(makeRedis(), runs).messages
          const requests = whole.filter((message) => message.type === RecordType.request).length
          expect(whole).toHaveLength(2 * requests)
          expect(requests).toBeGreaterThanOrEqual(runs.length / 2)
          expect(play(makeRedis(), cutAt(runs, cuts)).messages).toEqual(whole)
        },
      ),
    )
  })

  it("survives damage and noise within its bounds", () => {
    fc.assert(
      fc.property(fc.oneof(exchanges.chain(damaged), damaged(conversation), noise), (runs) => {
        expect(play(makeRedis(), runs).maxBuffered).toBeLessThanOrEqual(maxBuffered)
      }),
      { numRuns: 500 },
    )
  })

  it("finds the next request after any noise that is reported lost", () => {
    fc.assert(
      fc.property(noise, (runs) => {
        const lost: Run = { direction: Direction.toServer, bytes: new Uint8Array(0), missing: 2 ** 40 }
        const outcome = play(makeRedis(), [...runs, lost, fromClient(command("GET", "found"))])
        expect(outcome.messages.some((message) => message.requestResource === "GET found")).toBe(true)
      }),
    )
  })
})
