// What is told of one flow, whatever source it was seen by: its ends, what was counted since the last second, since the last row
// and since it began, and what the application's protocol said of it. FlowLog.ts makes rows and metrics of it. Its numbers stand in
// an array: its own, or for flows of packets the flow's block of FlowSlots.ts, which others read without touching this object.

import { ObservationPoint } from "../../model/observation.ts"
import type { NetworkGroup } from "../metric/NetworkGroup.ts"
import type { Endpoint } from "./Endpoint.ts"
import { type FlowMeter, meterLength } from "./FlowMeter.ts"
import type { PacketFlow } from "./tcp/PacketFlow.ts"

/** An account in its array, from `at` on: when it last counted and whether it did, both meters, what only rows need. */
const secondBehind = 2
export const partBehind = secondBehind + meterLength
const coldBehind = partBehind + meterLength
export const coldAccountLength = 7
export const accountLength = coldBehind + coldAccountLength

export class FlowAccount {
  values: Float64Array
  at: number
  /** The ends as they were first taken for client and server; undefined: the flow is nobody's business and is not told. */
  client: Endpoint | undefined
  server: Endpoint | undefined
  transport: number
  readonly signalSource: number
  /** Of packets, as the ends were first taken; of system calls always the client's process. */
  point: number = ObservationPoint.rest
  directionScore: number
  /** The application's protocol says that the client is the other end. */
  isReversed = false
  /** 0: not known. */
  l7Protocol = 0
  /** The flow of packets, for what only packets have. */
  packets: PacketFlow | null = null
  /** Place among the accounts whose part has something; -1: it has nothing. */
  partAt = -1
  /** Place among the parts of a minute that is over and whose row is not written yet; -1: none. */
  dueAt = -1
  hasRow = false
  /** Its begin is in the metrics. */
  isCounted = false
  isOver = false
  /** It goes on when its connection is given up: somebody counts it until it is over. */
  isKept = false
  /** Not all of it is counted as long as no protocol was recognised in it. */
  needsProtocol = false
  group: NetworkGroup | null = null

  constructor(
    transport: number,
    signalSource: number,
    directionScore: number,
    startUs: number,
    values: Float64Array = new Float64Array(accountLength),
    at = 0,
  ) {
    this.values = values
    this.at = at
    this.transport = transport
    this.signalSource = signalSource
    this.directionScore = directionScore
    this.startUs = startUs
    this.lastUs = startUs
    this.partStartUs = startUs
  }

  /** Of another flow from now on, whose numbers are zero. */
  begin(transport: number, directionScore: number, startUs: number): void {
    this.client = undefined
    this.server = undefined
    this.transport = transport
    this.point = ObservationPoint.rest
    this.directionScore = directionScore
    this.isReversed = false
    this.l7Protocol = 0
    this.hasRow = false
    this.isCounted = false
    this.isOver = false
    this.startUs = startUs
    this.lastUs = startUs
    this.partStartUs = startUs
  }

  get startUs(): number {
    return this.values[this.at + coldBehind]!
  }
  set startUs(us: number) {
    this.values[this.at + coldBehind] = us
  }
  get partStartUs(): number {
    return this.values[this.at + coldBehind + 1]!
  }
  set partStartUs(us: number) {
    this.values[this.at + coldBehind + 1] = us
  }
  /** 0: not given yet. The same as in the rows of its requests. */
  get flowId(): number {
    return this.values[this.at + coldBehind + 2]!
  }
  set flowId(id: number) {
    this.values[this.at + coldBehind + 2] = id
  }
  /** What rows told already. */
  get packetTx(): number {
    return this.values[this.at + coldBehind + 3]!
  }
  set packetTx(packets: number) {
    this.values[this.at + coldBehind + 3] = packets
  }
  get packetRx(): number {
    return this.values[this.at + coldBehind + 4]!
  }
  set packetRx(packets: number) {
    this.values[this.at + coldBehind + 4] = packets
  }
  get byteTx(): number {
    return this.values[this.at + coldBehind + 5]!
  }
  set byteTx(bytes: number) {
    this.values[this.at + coldBehind + 5] = bytes
  }
  get byteRx(): number {
    return this.values[this.at + coldBehind + 6]!
  }
  set byteRx(bytes: number) {
    this.values[this.at + coldBehind + 6] = bytes
  }
  /** Something was counted since the last second. */
  get isActive(): boolean {
    return this.values[this.at + 1] !== 0
  }
  set isActive(is: boolean) {
    this.values[this.at + 1] = is ? 1 : 0
  }
  get lastUs(): number {
    return this.values[this.at]!
  }
  set lastUs(us: number) {
    this.values[this.at] = us
  }

  /** Where in `values` the meter of the present second begins, and that of the part: without the second. */
  get secondAt(): number {
    return this.at + secondBehind
  }
  get partMeterAt(): number {
    return this.at + partBehind
  }

  /** The meter of the second by itself, for who does not count often. */
  get second(): FlowMeter {
    return this.values.subarray(this.secondAt, this.secondAt + meterLength)
  }

  /** Reads what counting a second needs, so that it is at hand then. Whatever number. */
  touch(): number {
    const { at, group, partAt, values } = this
    const own = partAt + values[at]! + values[at + 8]! + values[at + 16]! + values[at + 24]!
    return group === null ? own : own + group.lastSecond + group.cell.meter[group.cell.at]!
  }

  get isTold(): boolean {
    return this.client !== undefined && (!this.needsProtocol || this.l7Protocol !== 0)
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
