// What is told of one flow, whatever source it was seen by: its ends, what was counted since the last second, since the last row
// and since it began, and what the application's protocol said of it. FlowLog.ts makes rows and metrics of it.

import { ObservationPoint, SignalSource } from "../../model/observation.ts"
import type { NetworkGroup } from "../metric/NetworkGroup.ts"
import type { Endpoint } from "./Endpoint.ts"
import { type FlowMeter, makeMeter } from "./FlowMeter.ts"
import type { PacketFlow } from "./tcp/PacketFlow.ts"

export class FlowAccount {
  /** 0: not given yet. The same as in the rows of its requests. */
  flowId = 0
  /** The ends as they were first taken for client and server; undefined: the flow is nobody's business and is not told. */
  client: Endpoint | undefined
  server: Endpoint | undefined
  readonly transport: number
  readonly signalSource: number
  /** Of packets, as the ends were first taken; of system calls always the client's process. */
  point: number = ObservationPoint.rest
  directionScore: number
  /** The application's protocol says that the client is the other end. */
  isReversed = false
  /** 0: not known. */
  l7Protocol = 0
  readonly startUs: number
  lastUs: number
  /** The flow of packets, for what only packets have. */
  readonly packets: PacketFlow | null

  second: FlowMeter = makeMeter()
  /** Without `second`; null: nothing yet. */
  part: FlowMeter | null = null
  partStartUs: number
  /** Place among the accounts with a part; -1: none. */
  partAt = -1
  /** The part of a minute that is over, until its row is written. */
  due: FlowMeter | null = null
  dueStartUs = 0
  dueEndUs = 0
  /** Something was counted since the last second. */
  isActive = false
  hasRow = false
  /** Its begin is in the metrics. */
  isCounted = false
  isOver = false
  /** Before the present part. */
  packetTx = 0
  packetRx = 0
  byteTx = 0
  byteRx = 0
  group: NetworkGroup | null = null

  constructor(
    transport: number,
    signalSource: number,
    directionScore: number,
    startUs: number,
    packets: PacketFlow | null,
  ) {
    this.transport = transport
    this.signalSource = signalSource
    this.directionScore = directionScore
    this.startUs = startUs
    this.lastUs = startUs
    this.partStartUs = startUs
    this.packets = packets
  }

  /** Of system calls the kernel hands on only what a protocol was recognised in: of the rest not all was counted. */
  get isTold(): boolean {
    return this.client !== undefined && (this.l7Protocol !== 0 || this.signalSource !== SignalSource.ebpf)
  }

  get observationPoint(): number {
    return this.isReversed ? mirroredPoint(this.point) : this.point
  }
}

const mirrors: Readonly<Record<number, number>> = {
  [ObservationPoint.clientNic]: ObservationPoint.serverNic,
  [ObservationPoint.serverNic]: ObservationPoint.clientNic,
  [ObservationPoint.clientNode]: ObservationPoint.serverNode,
  [ObservationPoint.serverNode]: ObservationPoint.clientNode,
  [ObservationPoint.clientProcess]: ObservationPoint.serverProcess,
  [ObservationPoint.serverProcess]: ObservationPoint.clientProcess,
}

/** The same point when the other end is the client. */
export const mirroredPoint = (point: number): number => mirrors[point] ?? point
