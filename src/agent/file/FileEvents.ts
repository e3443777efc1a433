// Calls on files that had to wait, from the kernel's events and sums to rows: single calls at once, sums by process, file and operation
// once a minute. Names of files come with events; those of sums are remembered from the first event of each.

import { type AnyBatch, clearBatch, type ColumnBatch, makeBatch } from "../../model/ColumnBatch.ts"
import { fileEvent, fileKey, fileSum } from "../capture/layout.gen.ts"
import type { ProcessTable } from "../process/ProcessTable.ts"
import { fieldText, type FilePlace, readPlace, unknownPlace } from "./fileNames.ts"

export interface FileEventsOptions {
  readonly processes: ProcessTable
  /** To be added to CLOCK_MONOTONIC nanoseconds for nanoseconds since 1970. */
  readonly clockOffsetNs: number
  /** Takes the sums that the kernel side has gathered (layout: fileKey, fileSum); returns how many. */
  readonly takeSums: (keys: Uint8Array, sums: Uint8Array) => number
  readonly emit: (batch: AnyBatch) => void
  /** Id of the request that a thread or goroutine serves, and no other; 0: not known. */
  readonly servedBy: (tgid: number, tid: number, coroutine: number) => number
  /** What was summed of such a process, before the kernel heard of it, is dropped. */
  readonly isLeftOut?: (pid: number) => boolean
}

interface Named {
  readonly place: FilePlace
  /** The thread's command name, for a process that is gone. */
  readonly comm: string
}

interface Sum {
  /** The kernel's key, byte for byte. */
  readonly key: string
  readonly processId: number
  readonly operation: number
  readonly count: number
  readonly bytes: number
  readonly waitUs: number
  readonly longestUs: number
}

const batchRows = 1_024
const sumSeconds = 60
/** Sums of one look into the kernel's table, which holds 8,192. */
const sumsAtOnce = 1_024
/** Files whose names are remembered, in each of two generations. */
const namesMost = 16_384
const word = 4_294_967_296

const u64 = (view: DataView, at: number): number =>
  view.getUint32(at, true) + view.getUint32(at + 4, true) * word

const keyText = (bytes: Uint8Array, at: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + at, fileKey.size).toString("latin1")

export class FileEvents {
  readonly counters = { file_rows_total: 0, file_sum_rows_total: 0, file_names_missing_total: 0 }
  readonly #options: FileEventsOptions
  readonly #batch: ColumnBatch<"file"> = makeBatch("file", batchRows)
  readonly #keys = new Uint8Array(sumsAtOnce * fileKey.size)
  readonly #sums = new Uint8Array(sumsAtOnce * fileSum.size)
  /** Sums that were taken, to become rows when the events that name their files are read. */
  #taken: Array<Sum> = []
  #takenUs = 0
  #young = new Map<string, Named>()
  #old = new Map<string, Named>()
  #lastMinute = 0

  constructor(options: FileEventsOptions) {
    this.#options = options
  }

  /** An event in the ring: `size` bytes at `at`; `view` is over the same bytes. */
  event(bytes: Uint8Array, view: DataView, at: number, size: number): void {
    const key = keyText(bytes, at + fileEvent.key)
    const named = {
      place: readPlace(bytes, view, at, size),
      comm: fieldText(bytes, at + fileEvent.comm, 16),
    }
    if (this.#young.size < namesMost || this.#young.has(key)) this.#young.set(key, named)
    if (bytes[at + fileEvent.isSlow] === 0) return
    const processId = view.getUint32(at + fileEvent.key + fileKey.tgid, true)
    const thread = view.getUint32(at + fileEvent.tid, true)
    const coroutine = u64(view, at + fileEvent.coroutine)
    const row = this.#row(processId, named)
    const { columns } = this.#batch
    const beginNs = u64(view, at + fileEvent.beginNs)
    const endNs = u64(view, at + fileEvent.endNs)
    const durationUs = Math.round((endNs - beginNs) / 1_000)
    columns.end_time[row] = Math.floor((endNs + this.#options.clockOffsetNs) / 1_000)
    columns.start_time[row] = columns.end_time[row]! - durationUs
    columns.operation[row] = bytes[at + fileEvent.operation]!
    columns.syscall_thread[row] = thread
    columns.syscall_coroutine[row] = coroutine
    columns.syscall_trace_id[row] = this.#options.servedBy(processId, thread, coroutine)
    columns.bytes[row] = u64(view, at + fileEvent.bytes)
    columns.offset[row] = u64(view, at + fileEvent.offset)
    columns.duration[row] = durationUs
    columns.duration_max[row] = durationUs
    columns.event_count[row] = 1
    columns.error[row] = view.getUint32(at + fileEvent.error, true)
    this.counters.file_rows_total++
  }

  /** Hands out what is ready; to be called often. Sums of a minute become rows at the second call after its end. */
  flush(nowUs: number): void {
    this.#writeSums()
    const minute = Math.floor(nowUs / (sumSeconds * 1e6))
    if (this.#lastMinute === 0) this.#lastMinute = minute
    if (minute !== this.#lastMinute) {
      this.#lastMinute = minute
      this.#takeSums(minute * sumSeconds * 1e6)
    }
    this.#emit()
  }

  /** The orderly end: no event comes after it. */
  end(nowUs: number): void {
    this.#writeSums()
    this.#takeSums(nowUs)
    this.#writeSums()
    this.#emit()
  }

  #takeSums(endUs: number): void {
    this.#takenUs = endUs
    const keyView = new DataView(this.#keys.buffer)
    const sumView = new DataView(this.#sums.buffer)
    for (let count = sumsAtOnce; count === sumsAtOnce;) {
      count = this.#options.takeSums(this.#keys, this.#sums)
      for (let i = 0; i < count; i++) {
        const keyAt = i * fileKey.size
        const sumAt = i * fileSum.size
        this.#taken.push({
          key: keyText(this.#keys, keyAt),
          processId: keyView.getUint32(keyAt + fileKey.tgid, true),
          operation: keyView.getUint32(keyAt + fileKey.operation, true),
          count: u64(sumView, sumAt + fileSum.count),
          bytes: u64(sumView, sumAt + fileSum.bytes),
          waitUs: Math.round(u64(sumView, sumAt + fileSum.waitNs) / 1_000),
          longestUs: Math.round(u64(sumView, sumAt + fileSum.longestNs) / 1_000),
        })
      }
      // More than the table holds: it is filled as fast as it is emptied.
      if (this.#taken.length > namesMost) break
    }
  }

  #writeSums(): void {
    if (this.#taken.length === 0) return
    for (const sum of this.#taken) {
      if (this.#options.isLeftOut?.(sum.processId) === true) continue
      const named = this.#young.get(sum.key) ?? this.#old.get(sum.key)
      if (named === undefined) this.counters.file_names_missing_total++
      const row = this.#row(sum.processId, named ?? { place: unknownPlace, comm: "" })
      const { columns } = this.#batch
      columns.end_time[row] = this.#takenUs
      columns.start_time[row] = this.#takenUs - sumSeconds * 1e6
      columns.interval[row] = sumSeconds
      columns.operation[row] = sum.operation
      columns.bytes[row] = sum.bytes
      columns.duration[row] = sum.waitUs
      columns.duration_max[row] = sum.longestUs
      columns.event_count[row] = sum.count
      this.counters.file_sum_rows_total++
    }
    this.#taken = []
    this.#old = this.#young
    this.#young = new Map()
  }

  /** A new row with its process and file. */
  #row(processId: number, { comm, place }: Named): number {
    if (this.#batch.rows === batchRows) this.#emit()
    const row = this.#batch.rows++
    const { columns } = this.#batch
    const entry = this.#options.processes.get(processId)
    columns.process_id[row] = processId
    columns.process_kname[row] = entry?.info.comm ?? comm
    columns.gprocess[row] = entry?.service ?? comm
    columns.container[row] = entry?.info.containerId ?? ""
    columns.file_dir[row] = place.dir
    columns.file_name[row] = place.name
    columns.file_type[row] = place.type
    columns.mount_source[row] = place.mountSource
    columns.mount_point[row] = place.mountPoint
    columns.access_permission[row] = place.mode
    return row
  }

  #emit(): void {
    if (this.#batch.rows === 0) return
    this.#options.emit(this.#batch)
    clearBatch(this.#batch)
  }
}
