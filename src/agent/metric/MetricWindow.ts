// The open intervals of one length (1 s or 60 s) and the sums of each series in them. Bounded: beyond `maxOpen` intervals
// what comes goes to the newest one.

interface Interval<Series, Cell> {
  /** Seconds since 1970. */
  readonly start: number
  readonly cells: Map<Series, Cell>
}

/** The cell that a series counted in last, and where its interval starts. */
export interface Recent<Cell> {
  start: number
  cell: Cell
}

const maxOpen = 16
/** Cells that are kept to serve again: those of a storm are let go. */
const maxSpare = 4_096

export class MetricWindow<Series, Cell> {
  readonly lengthSeconds: number
  /** What came after its own interval was closed. */
  late = 0
  private readonly delaySeconds: number
  private readonly makeCell: () => Cell
  /** Zeros a cell, so that it serves again. */
  private readonly clearCell: ((cell: Cell) => void) | undefined
  private readonly spare: Array<Cell> = []
  /** In the order of their start. */
  private open: Array<Interval<Series, Cell>> = []
  /** Intervals that start before this second were handed out. */
  private closedBefore = 0

  constructor(
    lengthSeconds: number,
    delaySeconds: number,
    makeCell: () => Cell,
    clearCell?: (cell: Cell) => void,
  ) {
    this.lengthSeconds = lengthSeconds
    this.delaySeconds = delaySeconds
    this.makeCell = makeCell
    this.clearCell = clearCell
  }

  /**
   * The sums of a series in the interval of `second`, or in the current one when that is closed. `recent`: what the series keeps of the
   * last call, so that most need not look.
   */
  cell(series: Series, second: number, nowSecond: number, recent?: Recent<Cell>): Cell {
    let start = second - (second % this.lengthSeconds)
    const current = Math.max(nowSecond - (nowSecond % this.lengthSeconds), this.closedBefore)
    if (start < this.closedBefore || start > current) {
      this.late++
      start = current
    }
    if (recent !== undefined && recent.start === start) return recent.cell
    const interval = this.interval(start)
    let cell = interval.cells.get(series)
    if (cell === undefined) {
      cell = this.spare.pop() ?? this.makeCell()
      interval.cells.set(series, cell)
    }
    if (recent !== undefined) {
      recent.start = interval.start
      recent.cell = cell
    }
    return cell
  }

  /** Number of sums that `take` will hand out for this time. */
  ready(nowSecond: number): number {
    let sums = 0
    for (const interval of this.open) if (this.isOver(interval, nowSecond)) sums += interval.cells.size
    return sums
  }

  /** Closes the intervals that are over and hands out their sums, oldest first. */
  take(nowSecond: number, each: (start: number, series: Series, cell: Cell) => void): void {
    for (const interval of this.open) {
      if (!this.isOver(interval, nowSecond)) continue
      for (const [series, cell] of interval.cells) {
        each(interval.start, series, cell)
        if (this.clearCell === undefined) continue
        if (this.spare.length >= maxSpare) continue
        this.clearCell(cell)
        this.spare.push(cell)
      }
    }
    this.open = this.open.filter((interval) => !this.isOver(interval, nowSecond))
    const endedBefore = nowSecond - this.delaySeconds
    this.closedBefore = Math.max(this.closedBefore, endedBefore - (endedBefore % this.lengthSeconds))
  }

  private isOver(interval: Interval<Series, Cell>, nowSecond: number): boolean {
    return interval.start + this.lengthSeconds + this.delaySeconds <= nowSecond
  }

  private interval(start: number): Interval<Series, Cell> {
    const { open } = this
    let at = open.length
    while (at > 0 && open[at - 1].start > start) at--
    if (at > 0 && open[at - 1].start === start) return open[at - 1]
    if (open.length >= maxOpen) {
      this.late++
      return open[open.length - 1]
    }
    const interval: Interval<Series, Cell> = { start, cells: new Map() }
    open.splice(at, 0, interval)
    return interval
  }
}
