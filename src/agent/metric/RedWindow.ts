// The open intervals of one length (1 s or 60 s) and the sums of each series in them. Bounded: beyond `maxOpen` intervals
// sessions go to the newest one.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { makeCell, type RedCell, type RedSeries } from "./RedScope.ts"

interface Interval {
  /** Seconds since 1970. */
  readonly start: number
  readonly cells: Map<RedSeries, RedCell>
}

const maxOpen = 16
const maxU32 = 0xffff_ffff

export class RedWindow {
  readonly lengthSeconds: number
  /** Sessions whose own interval was closed already. */
  late = 0
  private readonly delaySeconds: number
  /** In the order of their start. */
  private open: Array<Interval> = []
  /** Intervals that start before this second were handed out. */
  private closedBefore = 0

  constructor(lengthSeconds: number, delaySeconds: number) {
    this.lengthSeconds = lengthSeconds
    this.delaySeconds = delaySeconds
  }

  /** The sums of a series in the interval of `second`, or in the current one when that is closed. */
  cell(series: RedSeries, second: number, nowSecond: number): RedCell {
    let start = second - (second % this.lengthSeconds)
    const current = Math.max(nowSecond - (nowSecond % this.lengthSeconds), this.closedBefore)
    if (start < this.closedBefore || start > current) {
      this.late++
      start = current
    }
    const { cells } = this.interval(start)
    let cell = cells.get(series)
    if (cell === undefined) {
      cell = makeCell()
      cells.set(series, cell)
    }
    return cell
  }

  /** Number of rows that `take` will write for this time. */
  ready(nowSecond: number): number {
    let rows = 0
    for (const interval of this.open) if (this.isOver(interval, nowSecond)) rows += interval.cells.size
    return rows
  }

  /** Closes the intervals that are over and writes their rows; the batch has room for them. */
  take(nowSecond: number, batch: ColumnBatch<"application">): void {
    for (const interval of this.open) {
      if (!this.isOver(interval, nowSecond)) continue
      for (const [series, cell] of interval.cells) this.write(batch, interval.start, series, cell)
    }
    this.open = this.open.filter((interval) => !this.isOver(interval, nowSecond))
    const endedBefore = nowSecond - this.delaySeconds
    this.closedBefore = Math.max(this.closedBefore, endedBefore - (endedBefore % this.lengthSeconds))
  }

  private isOver(interval: Interval, nowSecond: number): boolean {
    return interval.start + this.lengthSeconds + this.delaySeconds <= nowSecond
  }

  private interval(start: number): Interval {
    const { open } = this
    let at = open.length
    while (at > 0 && open[at - 1].start > start) at--
    if (at > 0 && open[at - 1].start === start) return open[at - 1]
    if (open.length >= maxOpen) {
      this.late++
      return open[open.length - 1]
    }
    const interval: Interval = { start, cells: new Map() }
    open.splice(at, 0, interval)
    return interval
  }

  private write(batch: ColumnBatch<"application">, time: number, series: RedSeries, cell: RedCell): void {
    const { columns } = batch
    const row = batch.rows++
    const { scope } = series
    columns.time[row] = time
    columns.interval[row] = this.lengthSeconds
    columns.role[row] = scope.role
    columns.l7_protocol[row] = scope.protocol
    columns.signal_source[row] = scope.signalSource
    columns.ip.set(scope.ip, row * 16)
    columns.server_port[row] = scope.serverPort
    columns.process_id[row] = scope.processId
    columns.process_kname[row] = scope.processName
    columns.gprocess[row] = scope.service
    columns.container[row] = scope.containerId
    columns.app_service[row] = ""
    columns.app_instance[row] = ""
    columns.endpoint[row] = series.endpoint
    columns.request[row] = cell.request
    columns.response[row] = cell.response
    columns.rrt_max[row] = Math.min(cell.rrtMax, maxU32)
    columns.rrt_sum[row] = cell.rrtSum
    columns.rrt_count[row] = cell.rrtCount
    columns.client_error[row] = cell.clientError
    columns.server_error[row] = cell.serverError
    columns.timeout[row] = cell.timeout
  }
}
