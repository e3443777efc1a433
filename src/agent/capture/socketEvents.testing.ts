// For tests: events of the kernel's ring and records of its connections as bytes, and a SocketFlows that takes them.

import type { Connection } from "../flow/Connection.ts"
import type { Session } from "../flow/Session.ts"
import { Pipeline } from "../Pipeline.ts"
import { ProcessTable } from "../process/ProcessTable.ts"
import { DatagramFlows } from "./DatagramFlows.ts"
import { Exclusions } from "./Exclusions.ts"
import { eventKind, socketClose, socketData, socketFlow, socketKey, socketOwner } from "./layout.gen.ts"
import { SocketFlows } from "./SocketFlows.ts"
import { TcpFlows, type TcpFlowsOptions } from "./TcpFlows.ts"
import { Verdicts } from "./Verdicts.ts"

export interface DataEvent {
  readonly socket?: bigint
  readonly generation?: number
  readonly tgid?: number
  readonly local?: readonly [ip: ReadonlyArray<number>, port: number]
  readonly remote?: readonly [ip: ReadonlyArray<number>, port: number]
  readonly egress: boolean
  readonly role?: number
  readonly timeNs?: number
  /** Latin-1. */
  readonly payload: string
  readonly length?: number
  readonly isDatagram?: boolean
  readonly isTls?: boolean
  /** As the kernel says it; HTTP/1 when nothing is said. */
  readonly protocol?: number
}

export const loopback = [127, 0, 0, 1]

/** A record as the ring is drained: length, four bytes unused, the event, padding to 8. */
export const record = (event: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(8 + ((event.length + 7) & ~7))
  new DataView(bytes.buffer).setUint32(0, event.length, true)
  bytes.set(event, 8)
  return bytes
}

const mapped = (ip: ReadonlyArray<number>): Uint8Array =>
  Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...ip])

export const data = (event: DataEvent): Uint8Array => {
  const payload = Buffer.from(event.payload, "latin1")
  const bytes = new Uint8Array(socketData.size + payload.length)
  const view = new DataView(bytes.buffer)
  const [localIp, localPort] = event.local ?? [loopback, 40_000]
  const [remoteIp, remotePort] = event.remote ?? [loopback, 80]
  view.setUint32(socketData.kind, eventKind.data, true)
  view.setUint32(socketData.captured, payload.length, true)
  view.setBigUint64(socketData.timeNs, BigInt(event.timeNs ?? 1_000_000), true)
  view.setBigUint64(socketData.socket, event.socket ?? 0xffff_8881_0000_0040n, true)
  view.setUint32(socketData.generation, event.generation ?? (event.isDatagram === true ? 0 : 7), true)
  // No process has this number: the kernel's ends at 2^22.
  view.setUint32(socketData.tgid, event.tgid ?? 4_194_400, true)
  view.setUint32(socketData.tid, 4_194_401, true)
  view.setUint32(socketData.length, event.length ?? payload.length, true)
  view.setUint16(socketData.localPort, localPort, true)
  view.setUint16(socketData.remotePort, remotePort, true)
  view.setUint8(socketData.direction, event.egress ? 0 : 1)
  view.setUint8(socketData.role, event.role ?? 1)
  view.setUint8(socketData.protocol, event.protocol ?? 20)
  view.setUint8(socketData.isTls, event.isTls === true ? 1 : 0)
  view.setUint8(socketData.transport, event.isDatagram === true ? 17 : 6)
  bytes.set(mapped(localIp), socketData.localIp)
  bytes.set(mapped(remoteIp), socketData.remoteIp)
  bytes.set(Buffer.from("victim"), socketData.comm)
  bytes.set(payload, socketData.size)
  return record(bytes)
}

export const close = (socket = 0xffff_8881_0000_0040n, generation = 7): Uint8Array => {
  const bytes = new Uint8Array(socketClose.size)
  const view = new DataView(bytes.buffer)
  view.setUint32(socketClose.kind, eventKind.close, true)
  view.setUint32(socketClose.generation, generation, true)
  view.setBigUint64(socketClose.timeNs, 2_000_000n, true)
  view.setBigUint64(socketClose.socket, socket, true)
  return record(bytes)
}

interface FlowEvent {
  readonly socket?: bigint
  readonly generation?: number
  readonly tgid?: number
  readonly owner?: number
  readonly local?: readonly [ip: ReadonlyArray<number>, port: number]
  readonly remote?: readonly [ip: ReadonlyArray<number>, port: number]
  readonly role?: number
  readonly timeNs?: number
  readonly begunNs?: number
  readonly sent?: number
  readonly received?: number
  readonly segments?: readonly [sent: number, received: number]
  readonly retransmitted?: number
  readonly outOfOrder?: number
  readonly srttUs?: number
  readonly isLate?: boolean
  /** TCP state before the end. */
  readonly left?: number
  readonly localListener?: number
  readonly error?: number
}

/** What the kernel counted of a connection, as its iterator gives it. */
export const flow = (event: FlowEvent): Uint8Array => {
  const bytes = new Uint8Array(socketFlow.size)
  const view = new DataView(bytes.buffer)
  const [localIp, localPort] = event.local ?? [loopback, 40_000]
  const [remoteIp, remotePort] = event.remote ?? [loopback, 80]
  view.setUint32(socketFlow.kind, eventKind.flow, true)
  view.setUint32(socketFlow.generation, event.generation ?? 7, true)
  view.setBigUint64(socketFlow.timeNs, BigInt(event.timeNs ?? 1_000_000), true)
  view.setBigUint64(socketFlow.socket, event.socket ?? 0xffff_8881_0000_0040n, true)
  view.setBigUint64(socketFlow.begunNs, BigInt(event.begunNs ?? 500_000), true)
  view.setBigUint64(socketFlow.sent, BigInt(event.sent ?? 0), true)
  view.setBigUint64(socketFlow.received, BigInt(event.received ?? 0), true)
  view.setUint32(socketFlow.segmentsSent, event.segments?.[0] ?? 0, true)
  view.setUint32(socketFlow.segmentsReceived, event.segments?.[1] ?? 0, true)
  view.setUint32(socketFlow.retransmitted, event.retransmitted ?? 0, true)
  view.setUint32(socketFlow.outOfOrder, event.outOfOrder ?? 0, true)
  view.setUint32(socketFlow.srttUs, event.srttUs ?? 0, true)
  view.setUint32(socketFlow.tgid, event.tgid ?? 4_194_400, true)
  view.setUint32(socketFlow.localListener, event.localListener ?? 0, true)
  view.setUint32(socketFlow.error, event.error ?? 0, true)
  view.setUint16(socketFlow.localPort, localPort, true)
  view.setUint16(socketFlow.remotePort, remotePort, true)
  view.setUint8(socketFlow.role, event.role ?? 1)
  view.setUint8(socketFlow.left, event.left ?? 0)
  view.setUint8(socketFlow.isLate, event.isLate === true ? 1 : 0)
  view.setUint8(socketFlow.owner, event.owner ?? socketOwner.seen)
  bytes.set(mapped(localIp), socketFlow.localIp)
  bytes.set(mapped(remoteIp), socketFlow.remoteIp)
  return bytes
}

export const makeFlows = (
  maxConnections = 64,
  toldOf: TcpFlowsOptions["told"] = "alive",
  exclusions = new Exclusions([], [], []),
) => {
  const sessions: Array<{ session: Session; connection: Connection }> = []
  const rows: Array<Readonly<Record<string, unknown>>> = []
  const pipeline = new Pipeline({
    maskLiterals: true,
    sessionTimeoutUs: 120_000_000,
    maxConnections,
    flowIdSeed: 1,
    emit: (batch) => {
      if (batch.kind !== "l4") return
      for (let row = 0; row < batch.rows; row++)
        rows.push(
          Object.fromEntries(
            Object.entries(batch.columns).map(([name, data]) => [name, (data as ArrayLike<unknown>)[row]]),
          ),
        )
    },
    onSession: (session, connection) => sessions.push({ session, connection }),
  })
  const processes = new ProcessTable()
  const tcpFlows = new TcpFlows({
    flowLog: pipeline.flowLog,
    processes,
    maxFlows: maxConnections,
    told: toldOf,
  })
  const told: Array<readonly [socket: bigint, generation: number, verdict: number]> = []
  const verdicts = new Verdicts({
    decideSockets: (keys, values) => {
      const view = new DataView(keys.buffer, keys.byteOffset, keys.length)
      values.forEach((value, i) => {
        const at = i * socketKey.size
        const generation = view.getUint32(at + socketKey.generation, true)
        told.push([view.getBigUint64(at + socketKey.socket, true), generation, value])
      })
      return values.length
    },
    decideServers: () => 0,
    forgetServer: () => {},
  })
  const { causality, connections, flowLog } = pipeline
  const datagrams = new DatagramFlows({ connections, flowLog, processes, causality, verdicts })
  const flows = new SocketFlows({
    connections: pipeline.connections,
    tcpFlows,
    causality: pipeline.causality,
    processes,
    datagrams,
    clockOffsetNs: 5_000_000_000,
    exclusions,
    verdicts,
  })
  const consume = (...records: ReadonlyArray<Uint8Array>) => {
    const bytes = Buffer.concat(records)
    flows.consume(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), bytes.length, 0)
  }
  const consumeFlows = (...records: ReadonlyArray<Uint8Array>) => {
    const bytes = Buffer.concat(records)
    flows.consumeFlows(bytes, bytes.length)
  }
  return {
    sessions,
    flows,
    tcpFlows,
    consume,
    consumeFlows,
    connections,
    datagrams,
    pipeline,
    rows,
    verdicts,
    /** What the kernel was told of sockets, once it is. */
    told,
  }
}
