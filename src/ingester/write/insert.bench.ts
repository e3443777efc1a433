// CPU of an l7 row on its way into the table, as a Native block and as JSONEachRow, in one run and with the real engine:
// `node src/ingester/write/insert.bench.ts [rows]`. Ratios are what to quote; the engine's CPU has a resolution of 10 ms.

import { readFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { encodeNative } from "../../runtime/clickhouse/native.ts"
import { testEngine } from "../../runtime/clickhouse/testEngine.ts"
import { migrate } from "../../tables/migrations/migrate.ts"
import { sampleBatch } from "../../wire/sampleBatch.ts"
import { BatchTagger } from "../enrich/BatchTagger.ts"
import { ResourceIndex } from "../enrich/ResourceIndex.ts"
import { TagInterner } from "../enrich/TagInterner.ts"
import { filedSeconds, keptAYear, noTimeStats } from "./filedSeconds.ts"
import { l7Rows } from "./l7Rows.ts"
import { RowIds } from "./RowIds.ts"

const rows = Number(process.argv[2] ?? 50_000)
const rounds = 8

const status = (pid: number, field: string): string =>
  new RegExp(`${field}:\\s*(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? "0"

/** User and system time of another process, microseconds. */
const engineCpuUs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ")
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

const ownCpuUs = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

const memory = (pid: number): string =>
  `${Math.round(Number(status(pid, "RssAnon")) / 1024)} MB anonymous, ${Math.round(Number(status(pid, "RssFile")) / 1024)} MB of files`

const program = Effect.gen(function* () {
  const clickhouse = yield* ClickHouse
  const { pid } = clickhouse.server()
  console.log(`engine at rest: ${memory(pid)}`)
  const batch = sampleBatch(rows)
  const ids = new RowIds(1, 0)
  const nowSecond = Math.floor(batch.columns.start_time[0]! / 1e6)
  const times = filedSeconds(batch, nowSecond, keptAYear, noTimeStats())
  const tags = new BatchTagger(new ResourceIndex(), new TagInterner()).tag(batch, "agent", 1)
  const names = l7Rows(batch, times, tags, 1, ids, 1).map((column) => column.name)

  const measure = Effect.fnUntraced(function* (
    label: string,
    encode: () => Uint8Array,
    insert: (body: Uint8Array, round: number) => Effect.Effect<void, unknown, ClickHouse>,
  ) {
    let encodeUs = Infinity
    let body = encode()
    for (let round = 0; round < rounds; round++) {
      const before = ownCpuUs()
      body = encode()
      encodeUs = Math.min(encodeUs, ownCpuUs() - before)
    }
    const engineBefore = engineCpuUs(pid)
    const wallBefore = performance.now()
    for (let round = 0; round < rounds; round++) yield* insert(body, round)
    const wallUs = ((performance.now() - wallBefore) * 1000) / rounds
    const engineUs = (engineCpuUs(pid) - engineBefore) / rounds
    const each = (us: number) => (us / rows).toFixed(2)
    console.log(
      `${label}: encode ${each(encodeUs)} us a row, engine ${each(engineUs)}, insert wall ${each(wallUs)}; ${Math.round(body.length / rows)} B a row`,
    )
    return encodeUs + engineUs
  })

  const native = yield* measure(
    "Native",
    () => encodeNative(rows, l7Rows(batch, times, tags, 1, ids, 1)),
    (body, round) =>
      clickhouse.insertNative("flow_log.l7_flow_log", names, body, { dedupToken: `bench:${round}` }),
  )

  const columns = Object.entries(batch.columns).filter(([name]) => !name.startsWith("ip_"))
  const objects = Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(columns.map(([name, data]) => [name, (data as ReadonlyArray<unknown>)[row]])),
  )
  // Only what JSON would need another form for.
  for (const object of objects) Object.assign(object, { observation_point: "c-p", request_id: null })
  const json = yield* measure(
    "JSONEachRow",
    () => Buffer.from(objects.map((object) => JSON.stringify(object)).join("\n")),
    (body) => clickhouse.command(`INSERT INTO flow_log.l7_flow_log FORMAT JSONEachRow ${body.toString()}`),
  )
  console.log(`JSONEachRow / Native, both ends: ${(json / native).toFixed(1)}`)
  console.log(`engine after: ${memory(pid)}`)
})

const tables = Layer.effectDiscard(migrate({ log: 87_600, seconds: 87_600, minutes: 87_600 }))
await Effect.runPromise(Effect.provide(program, tables.pipe(Layer.provideMerge(testEngine))))
