import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { afterAll, describe, expect, it } from "vitest"
import { ClickHouse } from "./ClickHouse.ts"
import { isDiskFull, isRetriable } from "./errorCodes.ts"
import { testEngine } from "./testEngine.ts"

const runtime = ManagedRuntime.make(testEngine)
afterAll(() => runtime.dispose())

const run = <A, E>(use: (clickhouse: ClickHouse["Service"]) => Effect.Effect<A, E>): Promise<A> =>
  runtime.runPromise(Effect.flatMap(ClickHouse, use))

describe("ClickHouse", () => {
  it("passes values as parameters and 64-bit integers without loss, in UTC", async () => {
    const text = "it's \\ `quoted` \n\n; DROP TABLE x"
    const rows = await run((clickhouse) =>
      clickhouse.query(
        "SELECT {text:String} AS text, {list:Array(UInt8)} AS list, 18446744073709551615 AS big, toDateTime(0) AS epoch",
        { text, list: [1, 2] },
      ),
    )
    expect(rows).toEqual([{ text, list: [1, 2], big: "18446744073709551615", epoch: "1970-01-01 00:00:00" }])
  })

  it("answers in the format, database and with the settings asked for", async () => {
    const answer = await run((clickhouse) =>
      clickhouse.raw("SELECT currentDatabase() AS d, queryID() AS q, toUInt64(7) AS n", {
        format: "JSONEachRow",
        database: "system",
        queryId: "query-7",
        settings: { output_format_json_quote_64bit_integers: 0 },
      }),
    )
    expect(JSON.parse(answer)).toEqual({ d: "system", q: "query-7", n: 7 })
    expect(await run((clickhouse) => clickhouse.raw("SELECT 1 FORMAT CSV", { format: "TSV" }))).toBe("1\n")
  })

  it("does not carry settings over to the next statement", async () => {
    const limited = run((clickhouse) =>
      Effect.flip(
        clickhouse.query("SELECT * FROM numbers(100)", {}, { max_result_rows: "5", readonly: "1" }),
      ),
    )
    expect(await limited).toMatchObject({ code: 396, retriable: false })
    expect(await run((clickhouse) => clickhouse.query("SELECT * FROM numbers(100)"))).toHaveLength(100)
  })

  it("streams an answer larger than one piece", async () => {
    const bytes = await run((clickhouse) =>
      Effect.scoped(
        Effect.gen(function* () {
          const stream = yield* clickhouse.rawStream("SELECT number FROM numbers(300000)", {
            format: "RowBinary",
          })
          return yield* Effect.promise(async () => {
            let length = 0
            for await (const part of stream) length += (part as Uint8Array).length
            return length
          })
        }),
      ),
    )
    expect(bytes).toBe(300_000 * 8)
  })

  it("tells what is wrong with a statement", async () => {
    const error = await run((clickhouse) => Effect.flip(clickhouse.command("SELECT nope")))
    expect(error).toMatchObject({ _tag: "ClickHouseError", code: 47, retriable: false })
    expect(error.message).toContain("nope")
  })

  it("stops a query whose fiber is interrupted", async () => {
    const left = await run((clickhouse) =>
      Effect.gen(function* () {
        const running = clickhouse.query(
          "SELECT toUInt32(count()) AS n FROM system.processes WHERE query LIKE '%long one%' AND query NOT LIKE '%processes%'",
        )
        const fiber = yield* Effect.forkChild(
          clickhouse.query(
            "SELECT sum(sipHash64(number)) FROM numbers_mt(100000000000) -- long one",
            {},
            { readonly: "1" },
          ),
        )
        while ((yield* running)[0]!.n === 0) yield* Effect.sleep("10 millis")
        yield* Fiber.interrupt(fiber)
        const exit = yield* Fiber.await(fiber)
        expect(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)).toBe(true)
        while ((yield* running)[0]!.n !== 0) yield* Effect.sleep("10 millis")
        return 0
      }),
    )
    expect(left).toBe(0)
  }, 20_000)

  it("reaches a server by its address alone", async () => {
    const { url, headers } = await run((clickhouse) => Effect.succeed(clickhouse.server()))
    const there = ClickHouse.remote({ url, headers })
    const rows = await Effect.runPromise(
      Effect.flatMap(ClickHouse, (clickhouse) => clickhouse.query("SELECT 1 AS one")).pipe(
        Effect.provide(there),
      ),
    )
    expect(rows).toEqual([{ one: 1 }])
    const nobody = ClickHouse.remote({ url: "http://127.0.0.1:9" })
    const error = await Effect.runPromise(
      Effect.flatMap(ClickHouse, (clickhouse) => Effect.flip(clickhouse.ping)).pipe(Effect.provide(nobody)),
    )
    expect(error).toMatchObject({ code: 0, retriable: true })
    expect(error.message).toContain("ECONNREFUSED")
  })
})

describe("error codes", () => {
  it("tells a full disk from a wrong block", () => {
    expect(isDiskFull(243, "")).toBe(true)
    expect(isDiskFull(75, "Cannot write: No space left on device")).toBe(true)
    expect(isRetriable(1_234, "No space left on device")).toBe(true)
    expect(isRetriable(53, "Type mismatch")).toBe(false)
    expect(isRetriable(241, "Memory limit")).toBe(true)
  })
})
