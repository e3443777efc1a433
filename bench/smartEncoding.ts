// The published experiment on encoding tags, repeated and extended: the same flows stored with their tags as strings, as
// LowCardinality, as DeepFlow's sixteen ids a side, and as one resource id a side. An estate of 10,000 pods in 2,000 services on 300
// nodes, most traffic on few of them. Measured of the engine: CPU of inserts and merges, growth of memory, disk of the tag columns,
// time of typical questions. Usage: node bench/smartEncoding.ts [million rows, default 10].

import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ClickHouse } from "../src/runtime/clickhouse/ClickHouse.ts"
import { temporaryDirectory } from "../src/runtime/clickhouse/testEngine.ts"
import { print, type Result } from "./Result.ts"

const pods = 10_000
const blockRows = 100_000
/** Kinds of tags and how many values each has; the rest are labels and annotations of these cardinalities in turn. */
const resourceTags: ReadonlyArray<readonly [name: string, cardinality: number]> = [
  ["pod", pods],
  ["service", 2_000],
  ["workload", 2_000],
  ["ns", 80],
  ["node", 300],
  ["cluster", 6],
  ["region", 3],
  ["az", 9],
  ["host", 300],
  ["chost", 300],
  ["vpc", 12],
  ["subnet", 120],
  ["instance", pods],
  ["process", 4_000],
]
const labelCardinalities = [2, 5, 20, 80, 300, 2_000, pods]

type TagOf = readonly [name: string, cardinality: number]

const tagsOf = (count: number): ReadonlyArray<TagOf> => {
  const tags = [...resourceTags].slice(0, count)
  for (let i = 0; tags.length < count; i++)
    tags.push([`label_${i}`, labelCardinalities[i % labelCardinalities.length]!])
  return tags
}

/** A pod's value of a tag: as long as such names are. */
const valueSql = ([name, cardinality]: TagOf): string =>
  cardinality === pods
    ? `concat('${name}-', lower(hex(cityHash64(id, '${name}'))))`
    : `concat('${name}-', substring(lower(hex(cityHash64(id % ${cardinality}, '${name}'))), 1, 10))`

interface Variant {
  readonly name: string
  /** Definitions of the tag columns of one side. */
  readonly columns: (side: number) => ReadonlyArray<string>
  /** Their values, from the side's pod number. */
  readonly values: (side: number) => ReadonlyArray<string>
  readonly settings: string
  readonly pod: (side: number) => string
  readonly team: (side: number) => string
  readonly service: (side: number) => string
}

/** DeepFlow's types of a side's sixteen ids. */
const deepflowIds: ReadonlyArray<readonly [name: string, type: string, cardinality: number]> = [
  ["region_id", "UInt16", 3],
  ["az_id", "UInt16", 9],
  ["host_id", "UInt16", 300],
  ["l3_device_type", "UInt8", 2],
  ["l3_device_id", "UInt32", pods],
  ["pod_node_id", "UInt32", 300],
  ["pod_ns_id", "UInt16", 80],
  ["pod_group_id", "UInt32", 2_000],
  ["pod_id", "UInt32", pods],
  ["pod_cluster_id", "UInt16", 6],
  ["l3_epc_id", "Int32", 12],
  ["subnet_id", "UInt16", 120],
  ["service_id", "UInt32", 2_000],
  ["auto_instance_id", "UInt32", pods],
  ["auto_service_id", "UInt32", 2_000],
  ["gprocess_id", "UInt32", 4_000],
]

const strings = (type: string, tags: ReadonlyArray<TagOf>): Omit<Variant, "name"> => ({
  columns: (side) => tags.map(([name]) => `${name}_${side} ${type}`),
  values: (side) => tags.map(([name]) => `dictGetString('bench.estate', '${name}', toUInt64(pod_${side}))`),
  settings: "",
  pod: (side) => `pod_${side}`,
  team: (side) => `${tags.at(-5)![0]}_${side}`,
  service: (side) => `service_${side}`,
})

const variants = (tags: ReadonlyArray<TagOf>): ReadonlyArray<Variant> => [
  { name: "strings", ...strings("String", tags) },
  { name: "LowCardinality", ...strings("LowCardinality(String)", tags) },
  {
    name: "16 ids a side",
    columns: (side) => deepflowIds.map(([name, type]) => `${name}_${side} ${type}`),
    values: (side) =>
      deepflowIds.map(([name, type, cardinality]) =>
        name === "l3_device_type" ? "toUInt8(10)" : `to${type}(1 + pod_${side} % ${cardinality})`,
      ),
    settings: "",
    pod: (side) => `dictGetString('bench.estate', 'pod', toUInt64(pod_id_${side} - 1))`,
    team: (side) => `dictGetString('bench.estate', '${tags.at(-5)![0]}', toUInt64(pod_id_${side} - 1))`,
    service: (side) => `dictGetString('bench.estate', 'service', toUInt64(service_id_${side} - 1))`,
  },
  {
    name: "one resource id a side",
    columns: (side) => [`resource_id_${side} UInt32`],
    values: (side) => [`toUInt32(pod_${side})`],
    settings: ", default_compression_codec = 'ZSTD(1)'",
    pod: (side) => `dictGetString('bench.estate', 'pod', resource_id_${side})`,
    team: (side) => `dictGetString('bench.estate', '${tags.at(-5)![0]}', resource_id_${side})`,
    service: (side) => `dictGetString('bench.estate', 'service', resource_id_${side})`,
  },
]

const sides = [0, 1]
const both = (of: (side: number) => ReadonlyArray<string>): ReadonlyArray<string> => sides.flatMap(of)

/** User and system time of the engine, milliseconds. */
const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ")
  return (Number(fields[11]) + Number(fields[12])) * 10
}

const anonymousMiB = (pid: number): number =>
  Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0) / 1024

interface Measured {
  readonly insertMs: number
  readonly mergeMs: number
  readonly diskMB: number
  readonly peakMiB: number
  readonly questionsMs: ReadonlyArray<number>
}

const estate = (tags: ReadonlyArray<TagOf>) =>
  Effect.gen(function* () {
    const { command } = yield* ClickHouse
    yield* command("DROP DATABASE IF EXISTS bench")
    yield* command("CREATE DATABASE bench ENGINE = Atomic")
    yield* command(
      `CREATE TABLE bench.pod ENGINE = MergeTree ORDER BY id AS
       SELECT number AS id, ${tags.map((tag) => `${valueSql(tag)} AS ${tag[0]}`).join(", ")} FROM numbers(${pods})`,
    )
    yield* command(
      `CREATE DICTIONARY bench.estate (id UInt64, ${tags.map(([name]) => `${name} String`).join(", ")})
       PRIMARY KEY id SOURCE(CLICKHOUSE(HOST '127.0.0.1' QUERY 'SELECT * FROM bench.pod')) LIFETIME(0) LAYOUT(FLAT())`,
    ).pipe(
      Effect.catch(() =>
        command(
          `CREATE DICTIONARY bench.estate (id UInt64, ${tags.map(([name]) => `${name} String`).join(", ")})
           PRIMARY KEY id SOURCE(CLICKHOUSE(QUERY 'SELECT * FROM bench.pod')) LIFETIME(0) LAYOUT(FLAT())`,
        ),
      ),
    )
    // Few pods have most of the traffic; a pod talks to few others.
    yield* command(
      `CREATE TABLE bench.flow ENGINE = Memory AS SELECT
         toUInt32(pow(randCanonical(1), 3) * ${pods}) AS pod_0,
         (pod_0 * 7 + toUInt32(pow(randCanonical(2), 3) * 40)) % ${pods} AS pod_1,
         toUInt32(intDiv(number, 10)) AS tick, toUInt64(randCanonical(3) * 1e5) AS duration
       FROM numbers(${blockRows})`,
    )
  })

/** Merges the table into one part; wide ones take longer than a connection may be silent. */
const merged = Effect.gen(function* () {
  const { command, query } = yield* ClickHouse
  const state =
    "SELECT count() AS parts FROM system.parts WHERE database = 'bench' AND table = 't' AND active"
  const merges = "SELECT count() AS running FROM system.merges WHERE database = 'bench' AND table = 't'"
  while (true) {
    yield* Effect.ignore(command("OPTIMIZE TABLE bench.t FINAL", {}, { optimize_throw_if_noop: 0 }))
    while (Number((yield* query(merges))[0]!["running"]) > 0) yield* Effect.sleep("1 second")
    if (Number((yield* query(state))[0]!["parts"]) === 1) return
  }
})

const measure = (variant: Variant, blocks: number) =>
  Effect.gen(function* () {
    const clickhouse = yield* ClickHouse
    const { command, query } = clickhouse
    const { pid } = clickhouse.server()
    // The values stand ready in memory: what is measured is storing them.
    yield* command(
      `CREATE TABLE bench.source ENGINE = Memory AS SELECT tick, duration,
       ${both((side) => variant.values(side).map((value, at) => `${value} AS v${side}_${at}`)).join(", ")}
       FROM bench.flow`,
    )
    yield* command(
      `CREATE TABLE bench.t (time DateTime CODEC(Delta, ZSTD(1)), duration UInt64 CODEC(T64, ZSTD(1)),
       ${both(variant.columns).join(", ")}) ENGINE = MergeTree ORDER BY time
       SETTINGS index_granularity = 8192${variant.settings}`,
    )
    yield* command("SYSTEM STOP MERGES bench.t")
    const restMiB = anonymousMiB(pid)
    let peakMiB = restMiB
    const before = cpuMs(pid)
    for (let block = 0; block < blocks; block++) {
      yield* command(
        `INSERT INTO bench.t SELECT toDateTime(1790000000 + ${block} * ${blockRows / 10} + tick), duration,
         ${both((side) => variant.values(side).map((_, at) => `v${side}_${at}`)).join(", ")} FROM bench.source`,
      )
      peakMiB = Math.max(peakMiB, anonymousMiB(pid))
    }
    const inserted = cpuMs(pid)
    yield* command("SYSTEM START MERGES bench.t")
    yield* merged
    const mergedMs = cpuMs(pid)
    const [size] = yield* query(
      `SELECT sum(column_data_compressed_bytes) AS bytes FROM system.parts_columns
       WHERE database = 'bench' AND table = 't' AND active AND column NOT IN ('time', 'duration')`,
    )
    const [name] = yield* query(
      `SELECT ${variant.pod(0)} AS pod, ${variant.team(0)} AS team FROM bench.t LIMIT 1`,
    )
    const questions = [
      `SELECT count(), avg(duration) FROM bench.t WHERE ${variant.pod(0)} = '${name!["pod"]}'`,
      `SELECT count(), avg(duration) FROM bench.t WHERE ${variant.team(1)} = '${name!["team"]}'`,
      `SELECT ${variant.service(1)} AS service, count(), avg(duration) FROM bench.t GROUP BY service ORDER BY 2 DESC LIMIT 20`,
      `SELECT ${variant.service(0)} AS client, ${variant.service(1)} AS server, count() FROM bench.t
       GROUP BY client, server ORDER BY 3 DESC LIMIT 50`,
    ]
    const questionsMs: Array<number> = []
    for (const sql of questions) {
      const times: Array<number> = []
      for (let round = 0; round < 3; round++) {
        const started = performance.now()
        yield* query(sql)
        times.push(performance.now() - started)
      }
      questionsMs.push(Math.min(...times))
    }
    yield* command("DROP TABLE bench.source SYNC")
    yield* command("DROP TABLE bench.t SYNC")
    const measured: Measured = {
      insertMs: inserted - before,
      mergeMs: mergedMs - inserted,
      diskMB: Number(size!["bytes"]) / 1e6,
      peakMiB: peakMiB - restMiB,
      questionsMs,
    }
    return measured
  })

/** Least ratios that are asked for at 100 tags: tag storage, CPU of inserts. */
const bars: Readonly<Record<string, readonly [storage: number, cpu: number]>> = {
  strings: [50, 20],
  LowCardinality: [15, 15],
  "16 ids a side": [8, 3],
}

const experiment = (tagCount: number, millions: number) =>
  Effect.gen(function* () {
    const tags = tagsOf(tagCount / 2)
    yield* estate(tags)
    const blocks = (millions * 1e6) / blockRows
    const all: Array<readonly [Variant, Measured]> = []
    for (const variant of variants(tags)) all.push([variant, yield* measure(variant, blocks)])
    const ours = all.at(-1)![1]
    return all.map(([{ name }, one]): Result => {
      const storage = one.diskMB / ours.diskMB
      const cpu = one.insertMs / ours.insertMs
      const bar = tagCount === 100 ? bars[name] : undefined
      return {
        what: `${millions} million rows with ${tagCount} tags as ${name}`,
        bar: bar === undefined ? "" : `>= ${bar[0]}x tag storage, >= ${bar[1]}x insert CPU of one id a side`,
        measured:
          `tag columns ${one.diskMB.toFixed(1)} MB (${storage.toFixed(1)}x), CPU of inserts ${(one.insertMs / 1e3).toFixed(1)} s` +
          ` (${cpu.toFixed(1)}x), of merges ${(one.mergeMs / 1e3).toFixed(1)} s, memory +${one.peakMiB.toFixed(0)} MiB;` +
          ` one pod ${one.questionsMs[0]!.toFixed(0)} ms, one team ${one.questionsMs[1]!.toFixed(0)} ms,` +
          ` by service ${one.questionsMs[2]!.toFixed(0)} ms, edges ${one.questionsMs[3]!.toFixed(0)} ms`,
        ...(bar === undefined ? {} : { isMet: storage >= bar[0] && cpu >= bar[1] }),
        command: "node bench/smartEncoding.ts",
      }
    })
  })

/** Strings need more than an embedded engine has by default. */
const engine = Layer.unwrap(
  Effect.map(temporaryDirectory, (directory) =>
    ClickHouse.embedded({ directory: join(directory, "db"), memoryMiB: 12_288 }),
  ),
)

export const smartEncoding = (millions = 10): Promise<ReadonlyArray<Result>> =>
  Effect.runPromise(
    Effect.gen(function* () {
      return [...(yield* experiment(20, millions)), ...(yield* experiment(100, millions))]
    }).pipe(Effect.provide(engine)),
  )

if (import.meta.main) for (const result of await smartEncoding(Number(process.argv[2] ?? 10))) print(result)
