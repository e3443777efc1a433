import { assert, describe, it } from "@effect/vitest"
import type { AnyBatch, ColumnBatch } from "../../model/ColumnBatch.ts"
import { FileOperation } from "../../model/events.ts"
import { ProcessTable } from "../process/ProcessTable.ts"
import { FileEvents } from "./FileEvents.ts"
import { fileEventBytes, type FileEventParts, type SumParts, sumsOf } from "./fileEvents.testing.ts"

type Row = Readonly<Record<string, number | string>>

const rowsOf = ({ columns, rows }: ColumnBatch<"file">): Array<Row> =>
  Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(
      Object.entries(columns).map(([name, data]) => [name, (data as ArrayLike<number | string>)[row]!]),
    ),
  )

const minute = 60e6
/** A whole minute. */
const begin = 1_790_000_040e6

class Play {
  readonly rows: Array<Row> = []
  readonly sums: Array<SumParts> = []
  readonly events = new FileEvents({
    processes: new ProcessTable(),
    clockOffsetNs: begin * 1e3,
    takeSums: sumsOf(this.sums),
    servedBy: (tgid, tid, coroutine) => (coroutine === 0 ? tgid + tid : 77),
    emit: (batch: AnyBatch) => this.rows.push(...rowsOf(batch as ColumnBatch<"file">)),
  })

  event(parts: FileEventParts): void {
    const bytes = fileEventBytes(parts)
    this.events.event(bytes, new DataView(bytes.buffer), 0, bytes.length)
  }
}

describe("events of files", () => {
  it("are rows with time, place and thread; of a process that is gone with the thread's name", () => {
    const play = new Play()
    play.event({
      names: ["a.db", "data"],
      tgid: 4_000_001,
      tid: 4_000_002,
      operation: FileOperation.write,
      bytes: 4_096,
      offset: 8_192,
      beginNs: 2_000_000_000,
      endNs: 2_003_500_400,
      error: 5,
    })
    play.events.flush(begin)
    assert.lengthOf(play.rows, 1)
    assert.deepInclude(play.rows[0], {
      start_time: begin + 2_000_000,
      end_time: begin + 2_003_500,
      duration: 3_500,
      interval: 0,
      event_count: 1,
      operation: FileOperation.write,
      process_id: 4_000_001,
      process_kname: "writer",
      gprocess: "writer",
      syscall_thread: 4_000_002,
      syscall_coroutine: 0,
      syscall_trace_id: 8_000_003,
      bytes: 4_096,
      offset: 8_192,
      file_dir: "/data",
      file_name: "a.db",
      error: 5,
      access_permission: 0o100_644,
    })
  })

  it("that were not slow give names only, to sums of the minute", () => {
    const play = new Play()
    play.events.flush(begin)
    play.event({ names: ["fast", "data"], isSlow: false })
    play.sums.push({ count: 9, bytes: 900, waitNs: 7_000_000, longestNs: 2_000_000 })
    play.events.flush(begin + minute / 2)
    assert.lengthOf(play.rows, 0)
    play.events.flush(begin + minute)
    play.events.flush(begin + minute + 500)
    assert.lengthOf(play.rows, 1)
    assert.deepInclude(play.rows[0], {
      start_time: begin,
      end_time: begin + minute,
      interval: 60,
      event_count: 9,
      bytes: 900,
      duration: 7_000,
      duration_max: 2_000,
      file_name: "fast",
      file_dir: "/data",
      syscall_thread: 0,
    })
    // A batch is filled anew: nothing of the sum is left in it.
    play.event({ names: ["slow"], inode: 2 })
    play.events.flush(begin + minute + 1_000)
    assert.deepInclude(play.rows[1], { interval: 0, event_count: 1, file_name: "slow", duration_max: 3_000 })
  })

  it("that arrive after their sum was taken still name it", () => {
    const play = new Play()
    play.events.flush(begin)
    play.sums.push({ count: 1, inode: 7 })
    play.events.flush(begin + minute)
    play.event({ names: ["late"], inode: 7, isSlow: false })
    play.events.flush(begin + minute + 500)
    assert.deepInclude(play.rows[0], { file_name: "late" })
    assert.strictEqual(play.events.counters.file_names_missing_total, 0)
  })

  it("sums without names are rows all the same, and counted", () => {
    const play = new Play()
    play.sums.push({ count: 3, inode: 9 })
    play.events.end(begin)
    assert.deepInclude(play.rows[0], { file_name: "", event_count: 3 })
    assert.strictEqual(play.events.counters.file_names_missing_total, 1)
  })

  it("all of them leave at the end, in batches", () => {
    const play = new Play()
    for (let i = 0; i < 3_000; i++) play.event({ names: [`f${i}`], inode: i })
    for (let i = 0; i < 5_000; i++) play.sums.push({ count: 1, inode: i })
    play.events.end(begin)
    assert.lengthOf(play.rows, 8_000)
    assert.deepInclude(play.events.counters, { file_rows_total: 3_000, file_sum_rows_total: 5_000 })
  })
})
