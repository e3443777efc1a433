// Traffic, delays and failures between any two ends at 1 s and 1 m, from what FlowLog.ts counted of flows each second: rows of
// kind `network`. Groups are bounded; what there is no room for goes to one without addresses for each point and transport.

import { clearBatch, type ColumnBatch, makeBatch } from "../../model/ColumnBatch.ts"
import { copyOfEndpoint, makeEndpoint } from "../flow/Endpoint.ts"
import type { FlowAccount } from "../flow/FlowAccount.ts"
import { addMeter, makeMeter, mirrorMeter, networkMeterColumns } from "../flow/FlowMeter.ts"
import { writeEnds } from "../flow/endColumns.ts"
import { MeterColumns } from "../flow/MeterColumns.ts"
import { MetricWindow } from "./MetricWindow.ts"
import {
  cellMaker,
  endColumnNames,
  NetworkCell,
  type NetworkGroup,
  type NetworkGroupKey,
} from "./NetworkGroup.ts"
import { NetworkGroups } from "./NetworkGroups.ts"

export interface NetworkMetricsOptions {
  readonly emit: (batch: ColumnBatch<"network">) => void
  readonly maxGroups?: number
  /** How long after its end an interval still takes flows. */
  readonly delaySeconds?: number
}

const idleSeconds = 300
/** Where there is no room: the open minute, and how long it still takes flows. A full table is looked through so often at most. */
const leastIdleSeconds = 63
const roomSeconds = 10
const batchRows = 2_048
const ended = Number.MAX_SAFE_INTEGER
const noEnd = makeEndpoint(new Uint8Array(16), 0, 0)

const noCell = new NetworkCell(makeMeter(), 0)
const clearCell = (cell: NetworkCell): void => cell.clear()

const addTo = (groups: NetworkGroups, key: NetworkGroupKey): NetworkGroup => {
  const begun = { open: 0, lastSecond: 0, start: -1, cell: noCell, isRetired: false, next: undefined }
  const group: NetworkGroup = { ...key, ...begun }
  groups.add(group)
  return group
}

export class NetworkMetrics {
  /** Flows that went to a group without addresses because there were too many groups. */
  readonly counters = { overflows: 0 }
  readonly #groups = new NetworkGroups()
  /** A handful: one for each point and transport. */
  readonly #others = new NetworkGroups()
  readonly #seconds: MetricWindow<NetworkGroup, NetworkCell>
  readonly #minutes: MetricWindow<NetworkGroup, NetworkCell>
  readonly #maxGroups: number
  readonly #emit: (batch: ColumnBatch<"network">) => void
  readonly #batch = makeBatch("network", batchRows)
  readonly #meters = new MeterColumns(this.#batch, networkMeterColumns)
  readonly #mirrored = makeMeter()
  #lastSweep = 0

  constructor(options: NetworkMetricsOptions) {
    const delay = options.delaySeconds ?? 2
    this.#seconds = new MetricWindow(1, delay, cellMaker(), clearCell)
    this.#minutes = new MetricWindow(60, delay, cellMaker(), clearCell)
    this.#maxGroups = options.maxGroups ?? 16_384
    this.#emit = options.emit
  }

  get size(): number {
    return this.#groups.size
  }

  /** What was counted of a flow in `second`. */
  add(account: FlowAccount, second: number, nowSecond: number): NetworkCell {
    const group = this.#groupOf(account, second)
    const cell = this.#seconds.cell(group, second, nowSecond, group)
    const { secondAt, values } = account
    if (account.isReversed) addMeter(cell.meter, cell.at, mirrorMeter(this.#mirrored, values, secondAt), 0)
    else addMeter(cell.meter, cell.at, values, secondAt)
    if (account.directionScore > cell.directionScore) cell.directionScore = account.directionScore
    return cell
  }

  /** The flow is over, or another group is to count it. */
  leave(account: FlowAccount): void {
    if (account.group !== null) account.group.open--
    account.group = null
  }

  #groupOf(account: FlowAccount, second: number): NetworkGroup {
    let { group } = account
    if (group === null || group.isRetired) {
      group = this.#find(account, second)
      group.open++
      account.group = group
    }
    group.lastSecond = second
    return group
  }

  #find(account: FlowAccount, second: number): NetworkGroup {
    const [a, b] = [account.client ?? noEnd, account.server ?? noEnd]
    const [client, server] = account.isReversed ? [b, a] : [a, b]
    const key: NetworkGroupKey = {
      client,
      server,
      serverPort: server.port,
      transport: account.transport,
      point: account.observationPoint,
      signalSource: account.signalSource,
    }
    const known = this.#groups.find(key)
    if (known !== undefined) return known
    if (this.#groups.size >= this.#maxGroups && second - this.#lastSweep >= roomSeconds)
      this.#sweep(second, leastIdleSeconds)
    if (this.#groups.size < this.#maxGroups) {
      // Ends of packet flows become those of another flow; what is learnt of others later is the group's, too.
      if (account.packets === null) return addTo(this.#groups, key)
      return addTo(this.#groups, {
        ...key,
        client: copyOfEndpoint(client),
        server: copyOfEndpoint(server),
      })
    }
    this.counters.overflows++
    const other = { ...key, client: noEnd, server: noEnd, serverPort: 0 }
    return this.#others.find(other) ?? addTo(this.#others, other)
  }

  /** Hands out the rows of all intervals that are over. To be called about once a second. */
  flush(nowSecond: number): void {
    this.#take(nowSecond)
    if (nowSecond - this.#lastSweep >= 60) this.#sweep(nowSecond, idleSeconds)
  }

  #sweep(nowSecond: number, idle: number): void {
    this.#lastSweep = nowSecond
    this.#groups.sweep(({ lastSecond, open }) => lastSecond >= nowSecond - idle || open > 0)
  }

  /** The rows of all intervals, also of those that are not over: for the orderly end. */
  flushAll(): void {
    this.#take(ended)
  }

  #take(nowSecond: number): void {
    this.#seconds.take(nowSecond, (start, group, cell) => {
      cell.flowLoad = group.open + cell.closedFlows
      this.#minutes.cell(group, start, start).add(cell)
      this.#write(start, 1, group, cell)
    })
    this.#minutes.take(nowSecond, (start, group, cell) => this.#write(start, 60, group, cell))
    if (this.#batch.rows === 0) return
    this.#emit(this.#batch)
    clearBatch(this.#batch)
  }

  #write(time: number, interval: number, group: NetworkGroup, cell: NetworkCell): void {
    if (this.#batch.rows === batchRows) {
      this.#emit(this.#batch)
      clearBatch(this.#batch)
    }
    const { columns } = this.#batch
    const row = this.#batch.rows++
    const { client, server } = group
    columns.time[row] = time
    columns.interval[row] = interval
    columns.observation_point[row] = group.point
    columns.signal_source[row] = group.signalSource
    columns.protocol[row] = group.transport
    writeEnds(columns, row, client, server)
    columns.direction_score[row] = cell.directionScore
    columns.new_flow[row] = cell.newFlows
    columns.closed_flow[row] = cell.closedFlows
    columns.flow_load[row] = cell.flowLoad
    this.#meters.write(row, cell.meter, cell.at)
    if (cell.ends === null) return
    for (let i = 0; i < endColumnNames.length; i++)
      (columns[endColumnNames[i]!] as Uint32Array)[row] = cell.ends[i]!
  }
}
