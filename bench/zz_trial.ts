import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { ClickHouse } from "../src/runtime/clickhouse/ClickHouse.ts"
import { migrate } from "../src/tables/migrations/migrate.ts"
const rss = (pid: number) => readFileSync(`/proc/${pid}/status`, "latin1").match(/(VmRSS|RssAnon|RssFile|Threads):.*/g)!.join(" ")
const cpu = (pid: number) => { const f = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1].split(" "); return (Number(f[11])+Number(f[12]))*10 }
const t0 = performance.now()
const program = Effect.gen(function* () {
  const ch = yield* ClickHouse
  console.log("ready ms", performance.now() - t0, ch.server())
  const t1 = performance.now()
  console.log(yield* migrate({ log: 72, seconds: 24, minutes: Number(process.argv[3] ?? 168) }))
  console.log("migrate ms", performance.now() - t1)
  console.log(yield* ch.query("select count() n, toUInt64(18446744073709551615) x, now() t, timezone() z"))
  console.log(yield* ch.raw("select 1 a, {x:String} b", { format: "JSONCompact", params: { x: "q\"'" }, queryId: "abc" + Date.now() }))
  console.log(yield* Effect.flip(ch.query("select nope")))
  console.log(rss(ch.server().pid)); const c0 = cpu(ch.server().pid)
  yield* Effect.sleep("5 seconds")
  console.log("idle cpu ms in 5 s", cpu(ch.server().pid) - c0, rss(ch.server().pid))
  console.log((yield* ch.query("show create table flow_metrics.`application.1m`"))[0].statement)
  globalThis.t2 = performance.now()
})
await Effect.runPromise(program.pipe(Effect.provide(ClickHouse.embedded({ directory: process.argv[2] }))) as any).catch((e) => console.log("FAILED", e))
console.log("stop ms", performance.now() - globalThis.t2)
