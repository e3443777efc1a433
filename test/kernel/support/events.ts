// Events of the kernel's ring as objects, for tests.

import { nulTexts } from "../../../src/agent/file/fileNames.ts"
import {
  connectEvent,
  eventKind,
  fileEvent,
  fileKey,
  processEvent,
  socketClose,
  socketData,
  socketFlow,
  socketOwner,
} from "../../../src/agent/capture/layout.gen.ts"

export interface DataEvent {
  readonly kind: "data"
  readonly socket: string
  readonly timeNs: number
  readonly tgid: number
  readonly tid: number
  readonly fd: number
  readonly length: number
  readonly captured: number
  readonly tcpSeq: number
  readonly localPort: number
  readonly remotePort: number
  readonly localIp: string
  readonly remoteIp: string
  readonly isIpv4: boolean
  readonly direction: "sent" | "received"
  readonly role: "unknown" | "client" | "server"
  readonly protocol: number
  readonly transport: number
  readonly comm: string
  readonly coroutine: number
  /** Of the event in its socket. */
  readonly number: number
  readonly waits: number
  /** Latin-1. */
  readonly payload: string
}

export interface CloseEvent {
  readonly kind: "close"
  readonly socket: string
}

export interface ProcessEvent {
  readonly kind: "exec" | "exit" | "ring"
  readonly tgid: number
  readonly parent: number
  readonly comm: string
  readonly args: ReadonlyArray<string>
  /** As wait() gives it. */
  readonly status: number
  readonly livedNs: number
  readonly uid: number
}

export interface ConnectEvent {
  readonly kind: "connect"
  readonly tgid: number
  readonly tid: number
}

export interface FileEvent {
  readonly kind: "file"
  readonly tgid: number
  readonly tid: number
  readonly operation: number
  readonly isSlow: boolean
  readonly waitNs: number
  readonly bytes: number
  readonly offset: number
  readonly error: number
  readonly mode: number
  readonly isWhole: boolean
  readonly path: string
  readonly fs: string
}

/** What TCP counted of a connection. */
export interface FlowEvent {
  readonly kind: "flow"
  readonly socket: string
  readonly tgid: number
  readonly owner: "unknown" | "listens" | "seen"
  readonly role: "unknown" | "client" | "server"
  readonly localPort: number
  readonly remotePort: number
  readonly localIp: string
  readonly remoteIp: string
  readonly sent: number
  readonly received: number
  readonly segmentsSent: number
  readonly segmentsReceived: number
  readonly retransmitted: number
  readonly srttUs: number
  readonly isLate: boolean
  /** TCP state before the end; 0: it goes on. */
  readonly left: number
  readonly error: number
  readonly localListener: number
  readonly remoteListener: number
}

export type KernelEvent = DataEvent | CloseEvent | ConnectEvent | ProcessEvent | FileEvent | FlowEvent

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1")
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const roles = ["unknown", "client", "server"] as const

const flowAt = (view: DataView, bytes: Uint8Array, at: number): FlowEvent => {
  const u64 = (offset: number): number => Number(view.getBigUint64(at + offset, true))
  const u32 = (offset: number): number => view.getUint32(at + offset, true)
  const u16 = (offset: number): number => view.getUint16(at + offset, true)
  const u8 = (offset: number): number => view.getUint8(at + offset)
  const owner = u8(socketFlow.owner)
  return {
    kind: "flow",
    socket: `${view.getBigUint64(at + socketFlow.socket, true).toString(16)}/${u32(socketFlow.generation)}`,
    tgid: u32(socketFlow.tgid),
    owner: owner === socketOwner.seen ? "seen" : owner === socketOwner.listens ? "listens" : "unknown",
    role: roles[u8(socketFlow.role)]!,
    localPort: u16(socketFlow.localPort),
    remotePort: u16(socketFlow.remotePort),
    localIp: hex(bytes.subarray(at + socketFlow.localIp, at + socketFlow.localIp + 16)),
    remoteIp: hex(bytes.subarray(at + socketFlow.remoteIp, at + socketFlow.remoteIp + 16)),
    sent: u64(socketFlow.sent),
    received: u64(socketFlow.received),
    segmentsSent: u32(socketFlow.segmentsSent),
    segmentsReceived: u32(socketFlow.segmentsReceived),
    retransmitted: u32(socketFlow.retransmitted),
    srttUs: u32(socketFlow.srttUs),
    isLate: u8(socketFlow.isLate) === 1,
    left: u8(socketFlow.left),
    error: u32(socketFlow.error),
    localListener: u32(socketFlow.localListener),
    remoteListener: u32(socketFlow.remoteListener),
  }
}

/** The records in `bytes[0, length)` as the iterator gives them. */
export const decodeFlows = (bytes: Uint8Array, length: number): Array<FlowEvent> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  return Array.from({ length: length / socketFlow.size }, (_, i) => flowAt(view, bytes, i * socketFlow.size))
}

/** The records in `bytes[0, length)` as pollRing leaves them. */
export const decodeEvents = (bytes: Uint8Array, length: number): Array<KernelEvent> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  const events: Array<KernelEvent> = []
  const comm = (at: number): string => latin1(bytes.subarray(at, at + 16)).split("\0")[0]!
  for (let start = 0; start < length;) {
    const size = view.getUint32(start, true)
    const at = start + 8
    const u32 = (offset: number): number => view.getUint32(at + offset, true)
    const u16 = (offset: number): number => view.getUint16(at + offset, true)
    const u64 = (offset: number): number => Number(view.getBigUint64(at + offset, true))
    const u8 = (offset: number): number => view.getUint8(at + offset)
    const socketOf = (socket: number, generation: number): string =>
      `${view.getBigUint64(at + socket, true).toString(16)}/${u32(generation)}`
    const kind = u32(0)
    if (kind === eventKind.data) {
      const captured = u32(socketData.captured)
      if (size !== socketData.size + captured) throw new Error(`${size} bytes hold ${captured} of payload`)
      events.push({
        kind: "data",
        socket: socketOf(socketData.socket, socketData.generation),
        timeNs: Number(view.getBigUint64(at + socketData.timeNs, true)),
        tgid: u32(socketData.tgid),
        tid: u32(socketData.tid),
        fd: u32(socketData.fd),
        length: u32(socketData.length),
        captured,
        tcpSeq: u32(socketData.tcpSeq),
        localPort: u16(socketData.localPort),
        remotePort: u16(socketData.remotePort),
        localIp: hex(bytes.subarray(at + socketData.localIp, at + socketData.localIp + 16)),
        remoteIp: hex(bytes.subarray(at + socketData.remoteIp, at + socketData.remoteIp + 16)),
        isIpv4: u8(socketData.isIpv4) === 1,
        direction: u8(socketData.direction) === 0 ? "sent" : "received",
        role: roles[u8(socketData.role)]!,
        protocol: u8(socketData.protocol),
        transport: u8(socketData.transport),
        comm: comm(at + socketData.comm),
        coroutine: Number(view.getBigUint64(at + socketData.coroutine, true)),
        number: u32(socketData.number),
        waits: u32(socketData.waits),
        payload: latin1(bytes.subarray(at + socketData.size, at + size)),
      })
    } else if (kind === eventKind.close) {
      events.push({ kind: "close", socket: socketOf(socketClose.socket, socketClose.generation) })
    } else if (kind === eventKind.flow) {
      events.push(flowAt(view, bytes, at))
    } else if (kind === eventKind.connect) {
      events.push({ kind: "connect", tgid: u32(connectEvent.tgid), tid: u32(connectEvent.tid) })
    } else if (kind === eventKind.exec || kind === eventKind.exit || kind === eventKind.ring) {
      events.push({
        kind: kind === eventKind.exec ? "exec" : kind === eventKind.exit ? "exit" : "ring",
        tgid: u32(processEvent.tgid),
        parent: u32(processEvent.parentTgid),
        comm: comm(at + processEvent.comm),
        args: nulTexts(bytes, at + processEvent.size, at + size),
        status: u32(processEvent.exitStatus),
        livedNs: u64(processEvent.timeNs) - u64(processEvent.startNs),
        uid: u32(processEvent.uid),
      })
    } else if (kind === eventKind.file) {
      events.push({
        kind: "file",
        tgid: u32(fileEvent.key + fileKey.tgid),
        tid: u32(fileEvent.tid),
        operation: u8(fileEvent.operation),
        isSlow: u8(fileEvent.isSlow) === 1,
        waitNs: u64(fileEvent.endNs) - u64(fileEvent.beginNs),
        bytes: u64(fileEvent.bytes),
        offset: u64(fileEvent.offset),
        error: u32(fileEvent.error),
        mode: u16(fileEvent.mode),
        isWhole: u8(fileEvent.isWhole) === 1,
        path: `/${nulTexts(bytes, at + fileEvent.size, at + size)
          .toReversed()
          .join("/")}`,
        fs: comm(at + fileEvent.fs),
      })
    }
    start = at + ((size + 7) & ~7)
  }
  return events
}
