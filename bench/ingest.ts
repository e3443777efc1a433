// How fast one server takes batches: frames made beforehand go to a real `sonde server` over TCP, as an agent sends them, until every
// one is acknowledged, which means stored. CPU per row of server and engine against what the engine itself takes to insert the
// same Native blocks. Usage: node bench/ingest.ts [seconds].

import { randomUUID } from "node:crypto"
import { connect } from "node:net"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BatchTagger } from "../src/ingester/enrich/BatchTagger.ts"
import { ResourceIndex } from "../src/ingester/enrich/ResourceIndex.ts"
import { TagInterner } from "../src/ingester/enrich/TagInterner.ts"
import { filedSeconds, keptAYear, noTimeStats } from "../src/ingester/write/filedSeconds.ts"
import { RowIds } from "../src/ingester/write/RowIds.ts"
import { tableBlocks } from "../src/ingester/write/tableBlocks.ts"
import type { ColumnBatch } from "../src/model/ColumnBatch.ts"
import { ClickHouse } from "../src/runtime/clickhouse/ClickHouse.ts"
import { testEngine } from "../src/runtime/clickhouse/testEngine.ts"
import { qualifiedName } from "../src/tables/Table.ts"
import { migrate } from "../src/tables/migrations/migrate.ts"
import { Sonde } from "../test/system/support/Sonde.ts"
import { ColumnEncoder } from "../src/wire/ColumnEncoder.ts"
import { compress } from "../src/wire/compression.ts"
import { FrameReader, FrameType } from "../src/wire/frame.ts"
import { encodeBatch, encodeHello } from "../src/wire/messages.ts"
import { sampleBatch } from "../src/wire/sampleBatch.ts"
import { print, type Result } from "./Result.ts"
import { memory, usage } from "./usage.ts"

/** What an agent under load sends (Pipeline.ts). */
const batchRows = 4_096
const differentBatches = 32
/** As the protocol allows (WELCOME). */
const inFlight = 8
const agents = 8
const wanted = 200_000
const mostRatio = 2.5
const mostMiB = 1_536

interface Prepared {
  readonly kind: "l7"
  readonly rows: number
  readonly bytes: number
  readonly codec: "none" | "zstd"
  readonly body: Uint8Array
}

const prepare = async (batches: ReadonlyArray<ColumnBatch<"l7">>): Promise<ReadonlyArray<Prepared>> => {
  const encoder = new ColumnEncoder()
  const prepared: Array<Prepared> = []
  for (const batch of batches) {
    for (const { body, rows } of encoder.encode(batch)) {
      const compressed = await Effect.runPromise(compress(body))
      prepared.push({ kind: "l7", rows, bytes: body.length, ...compressed })
    }
  }
  return prepared
}

/** Rows of today: the tables keep no old ones. */
const recent = (batch: ColumnBatch<"l7">): ColumnBatch<"l7"> => {
  const shiftUs = Date.now() * 1_000 - batch.columns.start_time[0]!
  for (let row = 0; row < batch.rows; row++) {
    batch.columns.start_time[row]! += shiftUs
    batch.columns.end_time[row]! += shiftUs
  }
  return batch
}

/** Sends for so many seconds, then waits for the last acknowledgement; rows and the seconds they took. */
const send = (port: number, prepared: ReadonlyArray<Prepared>, seconds: number) =>
  new Promise<{ readonly rows: number; readonly seconds: number }>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1")
    const reader = new FrameReader()
    const agent = `bench-${randomUUID()}`
    const instance = randomUUID()
    let seq = 0
    let waiting = 0
    let rows = 0
    let startedMs = 0
    const fill = (): void => {
      while (waiting < inFlight && performance.now() - startedMs < seconds * 1_000) {
        const batch = prepared[seq % prepared.length]!
        socket.write(encodeBatch({ agent, instance, seq: seq++, ...batch }))
        rows += batch.rows
        waiting++
      }
      if (waiting > 0) return
      socket.destroy()
      resolve({ rows, seconds: (performance.now() - startedMs) / 1_000 })
    }
    const onFrame = (type: FrameType): void => {
      if (type === FrameType.welcome) startedMs = performance.now()
      else if (type === FrameType.ack) waiting--
      else if (type === FrameType.nack) return reject(new Error("the server refused a batch"))
      fill()
    }
    socket.once("error", reject)
    socket.once("connect", () =>
      socket.write(
        encodeHello({ agent, instance, host: "bench", version: "0", token: "", capabilities: [] }),
      ),
    )
    socket.on("data", (chunk: Buffer) => {
      reader.push(chunk)
      for (let header = reader.header(); header !== undefined; header = reader.header()) {
        if (typeof header === "string") return reject(new Error(`unreadable answer: ${header}`))
        if (reader.payload() === undefined) return
        onFrame(header.type)
      }
    })
  })

/**
 * Microseconds of engine CPU a row, for inserts of the same blocks and nothing else: as many of them together, and as many rows in
 * all, as the server inserted.
 */
const engineAlone = (
  batches: ReadonlyArray<ColumnBatch<"l7">>,
  together: number,
  wantedRows: number,
): Promise<number> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const clickhouse = yield* ClickHouse
      yield* migrate({})
      const tagger = new BatchTagger(new ResourceIndex(), new TagInterner())
      const ids = new RowIds(1, 1)
      const blocks = batches.flatMap((batch) => {
        const tags = tagger.tag(batch, "bench", 1)
        const nowSecond = Math.floor(Date.now() / 1_000)
        const times = filedSeconds(batch, nowSecond, keptAYear, noTimeStats())
        return tableBlocks(batch, times, tags, 1, ids, nowSecond)
      })
      const { columns, table } = blocks[0]!
      const { pid } = clickhouse.server()
      const before = usage([pid])
      let rows = 0
      for (let at = 0; rows < wantedRows; at += together, rows += together * batchRows) {
        const group = Array.from({ length: together }, (_, i) => blocks[(at + i) % blocks.length]!.block)
        yield* clickhouse.insertNative(qualifiedName(table), columns, group, { dedupToken: `${at}` })
      }
      return (usage([pid]).cpuNs - before.cpuNs) / 1_000 / rows
    }).pipe(Effect.provide(Layer.fresh(testEngine))),
  )

export const ingest = async (seconds = 20): Promise<ReadonlyArray<Result>> => {
  const batches = Array.from({ length: differentBatches }, () => recent(sampleBatch(batchRows)))
  const prepared = await prepare(batches)
  const sonde = new Sonde({ command: "server" })
  try {
    const { ingest: address } = await sonde.ready
    const port = Number(address.split(":").at(-1))
    await send(port, prepared, 2)
    const engine = sonde.enginePid!
    const pids = [sonde.child.pid!, engine]
    let peakKiB = 0
    const watch = setInterval(() => {
      const now = pids.reduce((sum, pid) => sum + memory(pid).anonymousKiB, 0)
      peakKiB = Math.max(peakKiB, now)
    }, 500)
    const insertsBefore = await sonde.metric("sonde_ingester_inserts_total")
    const before = pids.map((pid) => usage([pid]).cpuNs)
    const sent = await Promise.all(Array.from({ length: agents }, () => send(port, prepared, seconds)))
    clearInterval(watch)
    const rows = sent.reduce((sum, one) => sum + one.rows, 0)
    const inserts = (await sonde.metric("sonde_ingester_inserts_total")) - insertsBefore
    const [serverUs, engineUs] = pids.map((pid, at) => (usage([pid]).cpuNs - before[at]!) / 1_000 / rows)
    const rate = rows / Math.max(...sent.map((one) => one.seconds))
    const whole = serverUs! + engineUs!
    await sonde.stop()
    const together = Math.max(1, Math.round(rows / inserts / batchRows))
    const aloneUs = await engineAlone(batches, together, rows)
    const command = "node bench/ingest.ts"
    return [
      {
        what: `rows one server stores a second, from frames of ${agents} agents (4,096 rows each)`,
        bar: `>= ${wanted.toLocaleString("en")}`,
        measured: `${Math.round(rate).toLocaleString("en")} rows/s, in ${inserts} inserts`,
        isMet: rate >= wanted,
        command,
      },
      {
        what: "CPU per row of server and engine against the engine's own insert of the same blocks",
        bar: `<= ${mostRatio}x`,
        measured:
          `${(whole / aloneUs).toFixed(2)}x (server ${serverUs!.toFixed(2)} us + engine ${engineUs!.toFixed(2)} us a row;` +
          ` the engine alone ${aloneUs.toFixed(2)} us)`,
        isMet: whole / aloneUs <= mostRatio,
        command,
      },
      {
        what: "memory of server and engine under that load, anonymous pages",
        bar: `<= ${mostMiB} MiB`,
        measured: `${Math.round(peakKiB / 1_024)} MiB`,
        isMet: peakKiB / 1_024 <= mostMiB,
        command,
      },
    ]
  } finally {
    await sonde.stop()
  }
}

if (import.meta.main) for (const result of await ingest(Number(process.argv[2] ?? 20))) print(result)
