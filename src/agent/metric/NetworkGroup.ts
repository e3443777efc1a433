// Whose traffic a metric of the network counts: flows between two ends on one server port, seen at one point; and its sums.

import { CloseType } from "../../model/closeType.ts"
import type { RowColumns } from "../../model/ColumnBatch.ts"
import { IpProtocol } from "../../model/protocol.ts"
import type { Endpoint } from "../flow/Endpoint.ts"
import { addMeter, clearMeter, type FlowMeter, meterLength } from "../flow/FlowMeter.ts"
import type { Link } from "./HashChains.ts"
import type { Recent } from "./MetricWindow.ts"

export interface NetworkGroupKey {
  readonly client: Endpoint
  readonly server: Endpoint
  readonly serverPort: number
  readonly transport: number
  readonly point: number
  readonly signalSource: number
}

/** With the cell of the second that it counted in last. */
export interface NetworkGroup extends NetworkGroupKey, Link<NetworkGroup>, Recent<NetworkCell> {
  /** Flows that are open at present. */
  open: number
  lastSecond: number
}

/** Columns that count how flows end, by what they end of. */
const endColumns = {
  [CloseType.tcpClientRst]: "client_rst_flow",
  [CloseType.tcpServerRst]: "server_rst_flow",
  [CloseType.clientSynRepeat]: "server_syn_miss",
  [CloseType.serverSynAckRepeat]: "client_ack_miss",
  [CloseType.clientHalfClose]: "client_half_close_flow",
  [CloseType.serverHalfClose]: "server_half_close_flow",
  [CloseType.clientSourcePortReuse]: "client_source_port_reuse",
  [CloseType.serverReset]: "server_reset",
  [CloseType.serverQueueLack]: "server_queue_lack",
  [CloseType.clientEstablishReset]: "client_establish_other_rst",
  [CloseType.serverEstablishReset]: "server_establish_other_rst",
  [CloseType.timeout]: "tcp_timeout",
} as const satisfies Partial<Record<CloseType, keyof RowColumns<"network">>>

const endTypes = Object.keys(endColumns).map(Number)
/** Place in `NetworkCell.ends` by close type; -1: none. */
const placeOfEnd = Array.from({ length: 256 }, (_, type) => endTypes.indexOf(type))
export const endColumnNames: ReadonlyArray<keyof RowColumns<"network">> = Object.values(endColumns)

export class NetworkCell {
  /** Where its meter stands, and where it begins there. */
  readonly meter: FlowMeter
  readonly at: number
  newFlows = 0
  closedFlows = 0
  flowLoad = 0
  directionScore = 0
  /** By `endColumnNames`; null: none ended in a way that is counted. */
  ends: Array<number> | null = null

  constructor(meter: FlowMeter, at: number) {
    this.meter = meter
    this.at = at
  }

  ended(closeType: number, transport: number): void {
    this.closedFlows++
    const place = placeOfEnd[closeType]!
    // Silence is how datagrams end.
    if (place < 0 || (closeType === CloseType.timeout && transport !== IpProtocol.tcp)) return
    this.ends ??= new Array<number>(endColumnNames.length).fill(0)
    this.ends[place]!++
  }

  clear(): void {
    clearMeter(this.meter, this.at)
    this.newFlows = 0
    this.closedFlows = 0
    this.flowLoad = 0
    this.directionScore = 0
    this.ends = null
  }

  add(other: NetworkCell): void {
    addMeter(this.meter, this.at, other.meter, other.at)
    this.newFlows += other.newFlows
    this.closedFlows += other.closedFlows
    this.flowLoad += other.flowLoad
    this.directionScore = Math.max(this.directionScore, other.directionScore)
    if (other.ends === null) return
    this.ends ??= new Array<number>(endColumnNames.length).fill(0)
    for (let i = 0; i < other.ends.length; i++) this.ends[i]! += other.ends[i]!
  }
}

/** Few, so that a cell that is kept of a storm does not keep many alive that are not. */
const cellsOfArray = 16

/** Cells whose meters share arrays: one of its own for each is two more places in memory to load for each flow that is counted. */
export const cellMaker = (): (() => NetworkCell) => {
  let meters: FlowMeter = new Float64Array(0)
  let at = 0
  return () => {
    if (at === meters.length) {
      meters = new Float64Array(cellsOfArray * meterLength)
      at = 0
    }
    const cell = new NetworkCell(meters, at)
    at += meterLength
    return cell
  }
}
