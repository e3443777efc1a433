import { assert, describe, it } from "@effect/vitest"
import type { AnyBatch, ColumnBatch } from "../../model/ColumnBatch.ts"
import { ProcessChange } from "../../model/events.ts"
import { processEventBytes, type ProcessEventParts } from "../file/fileEvents.testing.ts"
import { ProcessEvents, type ProcessEventsOptions } from "./ProcessEvents.ts"
import { ProcessTable } from "./ProcessTable.ts"

type Row = Readonly<Record<string, number | string>>

const rowsOf = ({ columns, rows }: ColumnBatch<"process">): Array<Row> =>
  Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(
      Object.entries(columns).map(([name, data]) => [name, (data as ArrayLike<number | string>)[row]!]),
    ),
  )

const play = (options: Partial<ProcessEventsOptions> = {}) => {
  const rows: Array<Row> = []
  const processes = new ProcessTable()
  const lives = new ProcessEvents({
    processes,
    clockOffsetNs: 1e12,
    maskArguments: true,
    emit: (batch: AnyBatch) => rows.push(...rowsOf(batch as ColumnBatch<"process">)),
    ...options,
  })
  const began = (parts: ProcessEventParts): void => {
    const bytes = processEventBytes(parts)
    const entry = parts.tgid === undefined ? undefined : processes.get(parts.tgid)
    lives.began(bytes, new DataView(bytes.buffer), 0, bytes.length, entry)
  }
  const ended = (parts: ProcessEventParts): void => {
    const bytes = processEventBytes(parts)
    lives.ended(bytes, new DataView(bytes.buffer), 0)
  }
  return { began, ended, lives, processes, rows }
}

describe("begins and ends of processes", () => {
  it("are told of a process that is gone by what came with the event", () => {
    const { began, ended, lives, rows } = play()
    began({ comm: "python3", args: ["/usr/bin/python3", "-m", "job", "--token=abc", ""] })
    ended({ comm: "python3", status: 3 << 8 })
    ended({ comm: "killed", status: 9 })
    lives.flush()
    assert.deepInclude(rows[0], {
      change: ProcessChange.exec,
      start_time: 1e9 + 5e6,
      end_time: 1e9 + 5e6,
      process_kname: "python3",
      gprocess: "",
      cmdline: "/usr/bin/python3 -m job --token=? ",
      exit_code: -1,
      uid: 1_000,
      parent_pid: 4_000_000,
    })
    assert.deepInclude(rows[1], {
      change: ProcessChange.exit,
      start_time: 1e9 + 4e6,
      exit_code: 3,
      exit_signal: 0,
    })
    assert.deepInclude(rows[2], { exit_code: -1, exit_signal: 9, process_kname: "killed" })
  })

  it("know from /proc what the event had no room for", () => {
    const { began, lives, rows } = play()
    began({ tgid: process.pid, comm: "node", args: ["node", "x".repeat(400)] })
    lives.flush()
    assert.strictEqual(rows[0]!["exec_path"], process.execPath)
    assert.notInclude(String(rows[0]!["cmdline"]), "xxx")
  })

  it("of a storm of processes a part is told of each second, and the rest counted", () => {
    const { began, lives, rows } = play({ rowsPerSecond: 10 })
    for (let i = 0; i < 1_000; i++) began({ timeNs: 5e9 + i * 2e6 })
    lives.flush()
    assert.lengthOf(rows, 20)
    assert.deepStrictEqual(lives.counters, { process_rows_total: 20, process_rows_dropped_total: 980 })
  })

  it("leave a batch as it was: rows of the next one have nothing of it", () => {
    const { began, ended, lives, rows } = play()
    began({ args: ["a"] })
    lives.flush()
    ended({})
    lives.flush()
    assert.deepInclude(rows[1], { cmdline: "", exit_code: 0 })
  })

  it("have the name of their service where that has served or listened, as its requests have", () => {
    const { ended, lives, processes, rows } = play()
    const own = processes.get(process.pid)!
    ended({ tgid: process.pid })
    own.requests.set(20, 1)
    ended({ tgid: process.pid })
    lives.flush()
    assert.deepStrictEqual(
      rows.map((row) => row["gprocess"]),
      ["", own.service],
    )
  })

  it("of a process with an old number are not told with what was known of that", () => {
    const { ended, lives, processes, rows } = play()
    processes.get(process.pid)
    processes.exit(process.pid, 1)
    ended({ tgid: process.pid, comm: "other" })
    lives.flush()
    assert.deepInclude(rows[0], { process_kname: "other", gprocess: "", cmdline: "", exec_path: "" })
  })
})
