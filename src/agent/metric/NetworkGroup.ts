// Whose traffic a metric of the network counts: flows between two ends on one server port, seen at one point; and its sums.

import { CloseType } from "../../model/closeType.ts"
import type { RowColumns } from "../../model/ColumnBatch.ts"
import { IpProtocol } from "../../model/protocol.ts"
import type { Endpoint } from "../flow/Endpoint.ts"
import { addMeter, clearMeter, type FlowMeter, makeMeter } from "../flow/FlowMeter.ts"
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

export interface NetworkGroup extends NetworkGroupKey, Link<NetworkGroup> {
  /** Flows that are open at present. */
  open: number
  lastSecond: number
  readonly second: Recent<NetworkCell>
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
  readonly meter: FlowMeter = makeMeter()
  newFlows = 0
  closedFlows = 0
  flowLoad = 0
  directionScore = 0
  /** By `endColumnNames`; null: none ended in a way that is counted. */
  ends: Array<number> | null = null

  ended(closeType: number, transport: number): void {
    this.closedFlows++
    const place = placeOfEnd[closeType]!
    // Silence is how datagrams end.
    if (place < 0 || (closeType === CloseType.timeout && transport !== IpProtocol.tcp)) return
    this.ends ??= new Array<number>(endColumnNames.length).fill(0)
    this.ends[place]!++
  }

  clear(): void {
    clearMeter(this.meter, 0)
    this.newFlows = 0
    this.closedFlows = 0
    this.flowLoad = 0
    this.directionScore = 0
    this.ends = null
  }

  add(other: NetworkCell): void {
    addMeter(this.meter, 0, other.meter, 0)
    this.newFlows += other.newFlows
    this.closedFlows += other.closedFlows
    this.flowLoad += other.flowLoad
    this.directionScore = Math.max(this.directionScore, other.directionScore)
    if (other.ends === null) return
    this.ends ??= new Array<number>(endColumnNames.length).fill(0)
    for (let i = 0; i < other.ends.length; i++) this.ends[i]! += other.ends[i]!
  }
}
