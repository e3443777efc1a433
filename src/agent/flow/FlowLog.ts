// Flows to rows: what was counted of each goes to the metrics once a second, and to a row of the flow log once a minute and when
// the flow is over. Works by the time it is told. Rows of a minute are written over the seconds that follow it, a share in each.

import { clearBatch, type ColumnBatch, makeBatch } from "../../model/ColumnBatch.ts"
import { CloseType } from "../../model/closeType.ts"
import type { NetworkMetrics } from "../metric/NetworkMetrics.ts"
import type { FlowAccount } from "./FlowAccount.ts"
import { addMeter, clearMeter, copyMeter, type FlowMeter, meterLength } from "./FlowMeter.ts"
import { L4Rows } from "./L4Rows.ts"
import { touched } from "./touched.ts"

export interface FlowLogOptions {
  readonly emit: (batch: ColumnBatch<"l4">) => void
  readonly metrics: NetworkMetrics
  readonly nextFlowId: () => number
}

const batchRows = 2_048
const secondUs = 1_000_000
/** Room for so many accounts is not worth taking back. */
const fewAccounts = 1_024
/** Accounts whose memory is loaded before their turn comes, so that it is at hand then. */
const ahead = 8
/** Seconds over which the rows of a minute are written. */
const spreadSeconds = 16
/** A part that is due: begin, end, meter. */
const dueLength = 2 + meterLength

export class FlowLog {
  rowsWritten = 0
  readonly #options: FlowLogOptions
  readonly #batch = makeBatch("l4", batchRows)
  readonly #rows = new L4Rows(this.#batch)
  /** Accounts that counted in this second, perhaps more than once: an account may be given to another flow. */
  readonly #active: Array<FlowAccount> = []
  #activeCount = 0
  /** Accounts whose present part has something, each knowing its place. */
  #parts: Array<FlowAccount> = []
  /** Accounts with a part of a minute that is over, each knowing its place, and those parts. */
  #due: Array<FlowAccount> = []
  #dueParts = new Float64Array(0)
  #dueShare = 0
  /** Begin of the present second. */
  #second = 0

  constructor(options: FlowLogOptions) {
    this.#options = options
  }

  /** Something is counted of this flow now. */
  touch(account: FlowAccount): void {
    if (account.isActive || account.isOver) return
    account.isActive = true
    this.#active[this.#activeCount++] = account
  }

  /** The present. */
  tick(nowUs: number): void {
    const second = Math.floor(nowUs / secondUs)
    // A clock that is set back ends a second, too: nothing is counted into a future that will take an hour to come.
    if (second === this.#second) return
    if (this.#second > 0) this.#endSecond(second)
    this.#second = second
  }

  #endSecond(nowSecond: number): void {
    for (let i = 0; i < this.#activeCount; i++) {
      const account = this.#active[i]!
      if (i + ahead < this.#activeCount) touched.sum = this.#active[i + ahead]!.touch()
      if (!account.isActive) continue
      account.isActive = false
      if (!account.isOver) this.#roll(account, nowSecond)
    }
    // A busy second is over: what it held is let go.
    if (this.#active.length > 2 * this.#activeCount + fewAccounts) this.#active.length = this.#activeCount
    this.#activeCount = 0
    if (Math.floor(this.#second / 60) !== Math.floor(nowSecond / 60)) this.#endMinute()
    for (let i = 0; i < this.#dueShare && this.#due.length > 0; i++) this.#writeDue(this.#due.pop()!)
    if (this.#due.length === 0 && this.#dueParts.length > fewAccounts * dueLength)
      this.#dueParts = new Float64Array(0)
  }

  /** Moves the second's counts to the metrics and to the part. */
  #roll(account: FlowAccount, nowSecond: number): void {
    // Told from the beginning once it is known to be worth telling.
    if (!account.isTold) return
    this.#count(account, nowSecond)
    const { partMeterAt, secondAt, values } = account
    if (account.partAt < 0) {
      copyMeter(values, partMeterAt, values, secondAt)
      account.partAt = this.#parts.push(account) - 1
    } else addMeter(values, partMeterAt, values, secondAt)
    clearMeter(values, secondAt)
  }

  #count(account: FlowAccount, nowSecond: number) {
    const cell = this.#options.metrics.add(account, this.#second, nowSecond)
    if (!account.isCounted) cell.newFlows++
    account.isCounted = true
    return cell
  }

  #endMinute(): void {
    // What is still due from the minute before was late long enough.
    for (const account of this.#due) this.#writeDue(account)
    const parts = this.#parts
    const needed = parts.length * dueLength
    if (this.#dueParts.length < needed) this.#dueParts = new Float64Array(Math.ceil(1.25 * needed))
    for (let i = 0; i < parts.length; i++) {
      const account = parts[i]!
      const at = i * dueLength
      this.#dueParts[at] = account.partStartUs
      this.#dueParts[at + 1] = account.lastUs
      copyMeter(this.#dueParts, at + 2, account.values, account.partMeterAt)
      account.dueAt = i
      account.partAt = -1
      account.partStartUs = account.lastUs
    }
    this.#due = parts
    this.#parts = []
    this.#dueShare = Math.ceil(this.#due.length / spreadSeconds)
  }

  #writeDue(account: FlowAccount): void {
    if (account.dueAt < 0) return
    const parts = this.#dueParts
    const at = account.dueAt * dueLength
    account.dueAt = -1
    this.#write(account, parts, at + 2, parts[at]!, parts[at + 1]!, CloseType.forcedReport)
  }

  /** The flow is over. */
  close(account: FlowAccount, closeType: CloseType): void {
    if (account.isOver) return
    if (account.isTold) {
      const cell = this.#count(account, this.#second)
      cell.ended(closeType, account.transport)
      this.#options.metrics.leave(account)
      this.#writeDue(account)
      const { partMeterAt, secondAt, values } = account
      if (account.partAt >= 0) addMeter(values, secondAt, values, partMeterAt)
      this.#write(account, values, secondAt, account.partStartUs, account.lastUs, closeType)
    }
    this.#forget(account)
    account.isOver = true
  }

  /** The application's protocol says who is the client. */
  reverse(account: FlowAccount, isReversed: boolean): void {
    if (account.isReversed === isReversed) return
    account.isReversed = isReversed
    this.#options.metrics.leave(account)
  }

  #forget(account: FlowAccount): void {
    if (account.partAt < 0) return
    const last = this.#parts.pop()!
    if (last !== account) {
      this.#parts[account.partAt] = last
      last.partAt = account.partAt
    }
    account.partAt = -1
  }

  #write(
    account: FlowAccount,
    meter: FlowMeter,
    meterAt: number,
    startUs: number,
    endUs: number,
    closeType: CloseType,
  ): void {
    if (this.#batch.rows === batchRows) this.#emit()
    if (account.flowId === 0) account.flowId = this.#options.nextFlowId()
    this.#rows.append(account, meter, meterAt, startUs, endUs, closeType)
    this.rowsWritten++
  }

  #emit(): void {
    if (this.#batch.rows === 0) return
    this.#options.emit(this.#batch)
    clearBatch(this.#batch)
  }

  /** Hands out the rows that are written. */
  flush(): void {
    this.#emit()
  }

  /** The orderly end: every flow gets a row of what was not told of it. */
  end(): void {
    this.#endSecond(this.#second)
    this.#endMinute()
    for (const account of this.#due) this.#writeDue(account)
    this.#due = []
    this.#emit()
  }
}
