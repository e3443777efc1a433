// Begins and ends of processes as rows, also of those that are gone before /proc is looked at: their names come with the event.
// Bounded: of a storm of short processes the first of each second are told of, the others counted.

import { type AnyBatch, clearBatch, type ColumnBatch, makeBatch } from "../../model/ColumnBatch.ts"
import { ProcessChange } from "../../model/events.ts"
import { processEvent } from "../capture/layout.gen.ts"
import { fieldText, nulTexts } from "../file/fileNames.ts"
import { maskArguments } from "./maskArguments.ts"
import type { ProcessEntry, ProcessTable } from "./ProcessTable.ts"

export interface ProcessEventsOptions {
  readonly processes: ProcessTable
  readonly clockOffsetNs: number
  readonly emit: (batch: AnyBatch) => void
  /** Whether values of arguments that look like secrets are left out. */
  readonly maskArguments: boolean
  /** Rows of one second. Default: 500. */
  readonly rowsPerSecond?: number
}

const batchRows = 1_024
const commandLineMost = 1_024
const word = 4_294_967_296
/** SONDE_ARGUMENTS_MAX: so many bytes of arguments may be cut. */
const argumentsMost = 256

const u64 = (view: DataView, at: number): number =>
  view.getUint32(at, true) + view.getUint32(at + 4, true) * word

export class ProcessEvents {
  readonly counters = { process_rows_total: 0, process_rows_dropped_total: 0 }
  readonly #options: ProcessEventsOptions
  readonly #batch: ColumnBatch<"process"> = makeBatch("process", batchRows)
  readonly #rowsPerSecond: number
  #second = 0
  #rowsOfSecond = 0

  constructor(options: ProcessEventsOptions) {
    this.#options = options
    this.#rowsPerSecond = options.rowsPerSecond ?? 500
  }

  /** A process began a program; `entry` is what /proc says of it, if it is still there. */
  began(bytes: Uint8Array, view: DataView, at: number, size: number, entry: ProcessEntry | undefined): void {
    const row = this.#row(bytes, view, at, entry)
    if (row === undefined) return
    const { columns } = this.#batch
    const length = size - processEvent.size
    const told = nulTexts(bytes, at + processEvent.size, at + size)
    const known = entry?.info.args ?? []
    const args = length < argumentsMost || known.length === 0 ? told : known
    columns.change[row] = ProcessChange.exec
    columns.exit_code[row] = -1
    columns.start_time[row] = columns.end_time[row]!
    columns.cmdline[row] = this.#commandLine(args)
    columns.exec_path[row] = entry?.info.exe ?? ""
  }

  /** A process ended. */
  ended(bytes: Uint8Array, view: DataView, at: number): void {
    const pid = view.getUint32(at + processEvent.tgid, true)
    const entry = this.#options.processes.known(pid)
    const row = this.#row(bytes, view, at, entry)
    if (row === undefined) return
    const { columns } = this.#batch
    const status = view.getUint32(at + processEvent.exitStatus, true)
    const signal = status & 0x7f
    columns.change[row] = ProcessChange.exit
    const isTold = u64(view, at + processEvent.startNs) !== 0
    columns.start_time[row] = isTold ? this.#timeUs(view, at + processEvent.startNs) : columns.end_time[row]!
    columns.exit_code[row] = isTold && signal === 0 ? (status >>> 8) & 0xff : -1
    columns.exit_signal[row] = signal
    if (entry === undefined) return
    columns.cmdline[row] = this.#commandLine(entry.info.args)
    columns.exec_path[row] = entry.info.exe
  }

  /** The kernel is about to kill a process because memory is short; it is there still. */
  outOfMemory(bytes: Uint8Array, view: DataView, at: number): void {
    const entry = this.#options.processes.get(view.getUint32(at + processEvent.tgid, true))
    const row = this.#row(bytes, view, at, entry)
    if (row === undefined) return
    const { columns } = this.#batch
    columns.change[row] = ProcessChange.oomKill
    columns.exit_code[row] = -1
    columns.start_time[row] = columns.end_time[row]!
    if (entry === undefined) return
    columns.parent_pid[row] = entry.info.parentPid
    columns.uid[row] = Math.max(0, entry.info.uid)
    columns.cmdline[row] = this.#commandLine(entry.info.args)
    columns.exec_path[row] = entry.info.exe
  }

  flush(): void {
    if (this.#batch.rows === 0) return
    this.#options.emit(this.#batch)
    clearBatch(this.#batch)
  }

  #timeUs(view: DataView, at: number): number {
    return Math.floor((u64(view, at) + this.#options.clockOffsetNs) / 1_000)
  }

  #commandLine(args: ReadonlyArray<string>): string {
    return (this.#options.maskArguments ? maskArguments(args) : args).join(" ").slice(0, commandLineMost)
  }

  /** A row with what all changes tell; undefined where there is no room in this second. */
  #row(bytes: Uint8Array, view: DataView, at: number, entry: ProcessEntry | undefined): number | undefined {
    const timeUs = this.#timeUs(view, at + processEvent.timeNs)
    const second = Math.floor(timeUs / 1e6)
    if (second !== this.#second) {
      this.#second = second
      this.#rowsOfSecond = 0
    }
    if (this.#rowsOfSecond >= this.#rowsPerSecond) {
      this.counters.process_rows_dropped_total++
      return undefined
    }
    this.#rowsOfSecond++
    this.counters.process_rows_total++
    if (this.#batch.rows === batchRows) this.flush()
    const row = this.#batch.rows++
    const { columns } = this.#batch
    const parent = view.getUint32(at + processEvent.parentTgid, true)
    const comm = fieldText(bytes, at + processEvent.comm, 16)
    columns.end_time[row] = timeUs
    columns.process_id[row] = view.getUint32(at + processEvent.tgid, true)
    columns.parent_pid[row] = parent
    columns.uid[row] = view.getUint32(at + processEvent.uid, true)
    columns.gid[row] = view.getUint32(at + processEvent.gid, true)
    columns.process_kname[row] = comm || (entry?.info.comm ?? "")
    // Of services only: the names of all that ever begins would fill the tags, which are kept for long.
    const isService = entry !== undefined && (entry.listening.length > 0 || entry.requests.size > 0)
    columns.gprocess[row] = isService ? entry.service : ""
    // A process begins in the container of its parent.
    columns.container[row] =
      entry?.info.containerId ?? this.#options.processes.known(parent)?.info.containerId ?? ""
    return row
  }
}
