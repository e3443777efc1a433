// Turns socket events from the kernel into bytes of connections: finds the connection of an event, and hands on what it says of bytes,
// counters and processes. Keeps nothing of the events' payloads.

import { type Connection, Side } from "../flow/Connection.ts"
import type { ConnectionTable } from "../flow/ConnectionTable.ts"
import { SignalSource } from "../../model/observation.ts"
import { IpProtocol, L7Protocol } from "../../model/protocol.ts"
import type { FileEvents } from "../file/FileEvents.ts"
import type { ProcessEvents } from "../process/ProcessEvents.ts"
import type { ProcessTable } from "../process/ProcessTable.ts"
import type { DatagramFlows } from "./DatagramFlows.ts"
import type { DatagramSum } from "./DatagramSums.ts"
import { comm16, isServer, readU64 } from "./eventEnds.ts"
import type { Exclusions } from "./Exclusions.ts"
import {
  connectEvent,
  eventKind,
  fileEvent,
  fileKey,
  mappedKey,
  mappingEvent,
  processEvent,
  socketClose,
  socketData,
  socketFlow,
  taskEndEvent,
  wakeEvent,
} from "./layout.gen.ts"
import type { Causality } from "../trace/Causality.ts"
import { calledKind, Exchange } from "../trace/Exchange.ts"
import type { TcpFlows } from "./TcpFlows.ts"
import type { LibraryProbes } from "./probes/LibraryProbes.ts"
import type { Verdicts } from "./Verdicts.ts"

export interface SocketFlowsOptions {
  readonly connections: ConnectionTable
  readonly tcpFlows: TcpFlows
  readonly processes: ProcessTable
  readonly causality: Causality
  /** To be added to CLOCK_MONOTONIC nanoseconds for nanoseconds since 1970. */
  readonly clockOffsetNs: number
  readonly exclusions: Exclusions
  readonly verdicts: Verdicts
  readonly datagrams: DatagramFlows
  /** Undefined: calls on files, begins and ends of processes make no rows. */
  readonly files?: FileEvents | undefined
  readonly lives?: ProcessEvents | undefined
}

/** Protocols in which both sides may agree on TLS, and which then go on within it. */
const goOnWithinTls: ReadonlySet<number> = new Set([
  L7Protocol.mysql,
  L7Protocol.postgresql,
  L7Protocol.smtp,
  L7Protocol.ldap,
])

/** Bytes in front of each record in a drained buffer: its length (u32) and four bytes that are not used here. */
const recordHeader = 8

export class SocketFlows {
  readonly counters = {
    events_total: 0,
    bytes_total: 0,
    left_out_total: 0,
    flows_total: 0,
    closes_total: 0,
    malformed_total: 0,
  }
  /** Hears of processes and of what they map; undefined: no functions of programs are hooked. */
  probes: LibraryProbes | undefined
  readonly #options: SocketFlowsOptions
  readonly #call = { thread: 0, coroutine: 0, number: 0 }

  constructor(options: SocketFlowsOptions) {
    this.#options = options
  }

  /** Takes the records in `bytes[0, length)`; `view` is over the same bytes. */
  consume(bytes: Uint8Array, view: DataView, length: number, nowMs: number): void {
    let at = 0
    while (at + recordHeader <= length) {
      const size = view.getUint32(at, true)
      const start = at + recordHeader
      if (start + size > length) {
        this.counters.malformed_total++
        return
      }
      this.#record(bytes, view, start, size, nowMs)
      at = start + ((size + 7) & ~7)
    }
  }

  /** Microseconds since 1970 of a kernel time stamp at this offset. */
  #timeUs(view: DataView, at: number): number {
    return Math.floor((readU64(view, at) + this.#options.clockOffsetNs) / 1_000)
  }

  #record(bytes: Uint8Array, view: DataView, at: number, size: number, nowMs: number): void {
    switch (view.getUint32(at, true)) {
      case eventKind.data:
        if (size >= socketData.size) return this.#data(bytes, view, at, size)
        break
      case eventKind.close:
        if (size >= socketClose.size) return this.#close(view, at)
        break
      case eventKind.flow:
        if (size >= socketFlow.size) return this.#flow(bytes, view, at)
        break
      case eventKind.exec:
        if (size >= processEvent.size) return this.#exec(bytes, view, at, size)
        break
      case eventKind.file:
        if (size >= fileEvent.size) return this.#file(bytes, view, at, size)
        break
      case eventKind.oom:
        if (size >= processEvent.size) return this.#options.lives?.outOfMemory(bytes, view, at)
        break
      case eventKind.connect:
        if (size >= connectEvent.size) return this.#connect(view, at)
        break
      case eventKind.wake:
        if (size >= wakeEvent.size) return this.#wake(view, at)
        break
      case eventKind.ring:
        if (size >= processEvent.size)
          return this.#options.processes.usesRing(view.getUint32(at + processEvent.tgid, true))
        break
      case eventKind.taskEnd:
        if (size >= taskEndEvent.size) return this.#taskEnded(view, at)
        break
      case eventKind.map:
        if (size >= mappingEvent.size) return this.#mapped(bytes, view, at)
        break
      case eventKind.exit:
        if (size >= processEvent.size) {
          const pid = view.getUint32(at + processEvent.tgid, true)
          this.#options.lives?.ended(bytes, view, at)
          this.#options.processes.exit(pid, nowMs)
          this.probes?.ended(pid)
          this.#options.causality.ended(pid)
          return this.#options.exclusions.ended(pid)
        }
    }
    this.counters.malformed_total++
  }

  /** Takes the records of connections in `bytes[0, length)`, without anything between them. */
  consumeFlows(bytes: Uint8Array, length: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, length)
    for (let at = 0; at + socketFlow.size <= length; at += socketFlow.size) this.#flow(bytes, view, at)
  }

  /** What the kernel summed of a socket of datagrams. */
  consumeDatagrams(sum: DatagramSum): void {
    const { datagrams, exclusions, processes } = this.#options
    if (exclusions.leavesUncounted(sum.tgid, processes.get(sum.tgid)?.info)) this.counters.left_out_total++
    else datagrams.addSum(sum)
  }

  #flow(bytes: Uint8Array, view: DataView, at: number): void {
    const { connections, tcpFlows } = this.#options
    this.counters.flows_total++
    const key = readSocketKey(view, at + socketFlow.socket, view.getUint32(at + socketFlow.generation, true))
    if (tcpFlows.get(key) === undefined) {
      const pid = view.getUint32(at + socketFlow.tgid, true)
      const info = pid === 0 ? undefined : this.#options.processes.now(pid)?.info
      if (this.#options.exclusions.leavesUncounted(pid, info)) {
        this.counters.left_out_total++
        return
      }
    }
    const begunUs = this.#timeUs(view, at + socketFlow.begunNs)
    const end = tcpFlows.told(bytes, view, at, key, begunUs, this.#timeUs(view, at + socketFlow.timeNs))
    if (end === undefined) return
    // Bytes may still wait to be read: it is closed after them.
    if (connections.get(key) !== undefined || connections.get(plaintextKey(key)) !== undefined)
      end.flow.closeType = end.closeType
    else tcpFlows.end(key, end.closeType)
  }

  #exec(bytes: Uint8Array, view: DataView, at: number, size: number): void {
    const pid = view.getUint32(at + processEvent.tgid, true)
    this.#options.processes.exec(pid)
    const entry = this.#options.processes.get(pid)
    this.#options.lives?.began(bytes, view, at, size, entry)
    this.#options.exclusions.began(pid, entry?.info, comm16(bytes, at + processEvent.comm))
    this.probes?.started(pid)
  }

  #file(bytes: Uint8Array, view: DataView, at: number, size: number): void {
    const { files } = this.#options
    if (files === undefined) return
    const pid = view.getUint32(at + fileEvent.key + fileKey.tgid, true)
    if (this.#isLeftOut(bytes, pid, at + fileEvent.comm, undefined)) this.counters.left_out_total++
    else files.event(bytes, view, at, size)
  }

  #connect(view: DataView, at: number): void {
    this.#options.causality.connecting(
      readSocketKey(view, at + connectEvent.socket, 0),
      calledKind(view.getUint16(at + connectEvent.remotePort, true)),
      view.getUint32(at + connectEvent.tgid, true),
      view.getUint32(at + connectEvent.tid, true),
      view.getUint32(at + connectEvent.waits, true),
      this.#timeUs(view, at + connectEvent.timeNs),
    )
  }

  #wake(view: DataView, at: number): void {
    const { causality } = this.#options
    const tgid = view.getUint32(at + wakeEvent.tgid, true)
    const coroutine = readU64(view, at + wakeEvent.coroutine)
    const woken = readU64(view, at + wakeEvent.wokenCoroutine)
    if (view.getUint32(at + wakeEvent.begins, true) !== 0)
      return causality.began(tgid, coroutine, woken, this.#timeUs(view, at + wakeEvent.timeNs))
    causality.woke(
      tgid,
      { tid: view.getUint32(at + wakeEvent.tid, true), coroutine },
      { tid: view.getUint32(at + wakeEvent.wokenTid, true), coroutine: woken },
      view.getUint32(at + wakeEvent.wokenWaits, true),
    )
  }

  #taskEnded(view: DataView, at: number): void {
    this.#options.causality.taskEnded(
      view.getUint32(at + taskEndEvent.tgid, true),
      readU64(view, at + taskEndEvent.task),
      readU64(view, at + taskEndEvent.creator),
      this.#timeUs(view, at + taskEndEvent.begunNs),
    )
  }

  #mapped(bytes: Uint8Array, view: DataView, at: number): void {
    const key = bytes.slice(at + mappingEvent.inode, at + mappingEvent.inode + mappedKey.size)
    this.probes?.mapped(view.getUint32(at + mappingEvent.tgid, true), key)
  }

  #data(bytes: Uint8Array, view: DataView, at: number, size: number): void {
    const timeUs = this.#timeUs(view, at + socketData.timeNs)
    const start = at + socketData.size
    const captured = Math.min(view.getUint32(at + socketData.captured, true), size - socketData.size)
    const length = Math.max(captured, view.getUint32(at + socketData.length, true))
    const missing = length - captured
    this.counters.events_total++
    this.counters.bytes_total += captured
    if (view.getUint8(at + socketData.transport) === IpProtocol.udp) {
      if (!this.#isDataLeftOut(bytes, view, at, false))
        this.#options.datagrams.add(bytes, view, at, start, start + captured, missing, timeUs)
      return
    }
    const socketKey = readSocketKey(
      view,
      at + socketData.socket,
      view.getUint32(at + socketData.generation, true),
    )
    const isTls = view.getUint8(at + socketData.isTls) === 1
    const key = isTls ? plaintextKey(socketKey) : socketKey
    const known = this.#options.connections.get(key)
    if (known === undefined && this.#isDataLeftOut(bytes, view, at, true)) return
    const connection = known ?? this.#open(bytes, view, at, key, timeUs)
    const sender = view.getUint8(at + socketData.direction) === 0 ? Side.a : Side.b
    const other = this.#options.connections.get(isTls ? socketKey : plaintextKey(socketKey))
    if (isTls && other !== undefined) other.lastUs = timeUs
    if (this.#options.tcpFlows.isCountedByCalls)
      this.#options.tcpFlows.moved(socketKey, sender, length, timeUs)
    const isFollowed = !connection.isAbandoned
    if (isFollowed) this.#begin(connection, view, at, sender, timeUs)
    connection.feed(
      sender,
      bytes,
      start,
      start + captured,
      missing,
      timeUs,
      view.getUint32(at + socketData.tcpSeq, true),
      this.#call,
      view.getUint8(at + socketData.protocol),
    )
    if (isFollowed)
      this.#options.causality.end(isServer(connection), sender === Side.a, connection.isAbandoned)
    this.#options.verdicts.consider(connection, view, at, timeUs)
  }

  /** Tells the causality of the event, and remembers who made the call. */
  #begin(connection: Connection, view: DataView, at: number, sender: Side, timeUs: number): void {
    const call = this.#call
    call.thread = view.getUint32(at + socketData.tid, true)
    call.coroutine = readU64(view, at + socketData.coroutine)
    call.number = view.getUint32(at + socketData.number, true)
    const { causality } = this.#options
    if (connection.exchange === null) {
      connection.exchange = new Exchange()
      const socket = readSocketKey(view, at + socketData.socket, 0)
      if (connection.client === Side.a) causality.opened(connection.exchange, socket)
    }
    const { a, b, client } = connection
    connection.exchange.kind = client === Side.b ? a.port : calledKind(b.port)
    causality.begin(
      connection.exchange,
      isServer(connection),
      sender === Side.a,
      view.getUint32(at + socketData.tgid, true),
      call.thread,
      call.coroutine,
      view.getUint32(at + socketData.waits, true),
      timeUs,
    )
  }

  /** `isFirst`: of a connection, whose process is looked at again. */
  #isDataLeftOut(bytes: Uint8Array, view: DataView, at: number, isFirst: boolean): boolean {
    const pid = view.getUint32(at + socketData.tgid, true)
    const netns = view.getUint32(at + socketData.netns, true)
    const commAt = at + socketData.comm
    const isLeftOut = isFirst
      ? this.#leavesOut(bytes, pid, commAt, netns)
      : this.#isLeftOut(bytes, pid, commAt, netns)
    if (isLeftOut) this.counters.left_out_total++
    return isLeftOut
  }

  /** Of what comes one by one: a process that was looked at before is not looked at again. */
  #isLeftOut(bytes: Uint8Array, pid: number, commAt: number, netns: number | undefined): boolean {
    const { exclusions, processes } = this.#options
    if (processes.known(pid) !== undefined) return exclusions.has(pid)
    return this.#leavesOut(bytes, pid, commAt, netns)
  }

  /** The kernel follows a process until it is told otherwise: of one that is left out, its first bytes end here. */
  #leavesOut(bytes: Uint8Array, pid: number, commAt: number, netns: number | undefined): boolean {
    const info = this.#options.processes.now(pid)?.info
    // What is not asked for is not decoded.
    const comm = info === undefined ? comm16(bytes, commAt) : ""
    return this.#options.exclusions.leavesOut(pid, info, comm, netns)
  }

  #open(bytes: Uint8Array, view: DataView, at: number, key: number, timeUs: number): Connection {
    const { connections, tcpFlows } = this.#options
    const isTls = view.getUint8(at + socketData.isTls) === 1
    const socketKey = isTls ? plaintextKey(key) : key
    const carrier = isTls ? connections.get(socketKey) : undefined
    const { a, account, b, client } = tcpFlows.open(
      socketKey,
      {
        bytes,
        localIpAt: at + socketData.localIp,
        remoteIpAt: at + socketData.remoteIp,
        localPort: view.getUint16(at + socketData.localPort, true),
        remotePort: view.getUint16(at + socketData.remotePort, true),
        role: view.getUint8(at + socketData.role),
        pid: view.getUint32(at + socketData.tgid, true),
        comm: comm16(bytes, at + socketData.comm),
      },
      true,
      timeUs,
      timeUs,
    )
    const connection = connections.open(
      key,
      {
        a,
        b,
        observed: Side.a,
        client: client === Side.unknown && carrier !== undefined ? carrier.client : client,
        signalSource: SignalSource.ebpf,
        isTls,
        account,
      },
      timeUs,
    )
    if (carrier !== undefined && carrier.protocol !== null && goOnWithinTls.has(carrier.protocol.protocol))
      connection.agree(carrier.protocol)
    return connection
  }

  #close(view: DataView, at: number): void {
    const key = readSocketKey(
      view,
      at + socketClose.socket,
      view.getUint32(at + socketClose.generation, true),
    )
    const timeUs = this.#timeUs(view, at + socketClose.timeNs)
    const { connections, tcpFlows } = this.#options
    let isKnown = false
    // What is in the records ends before them.
    for (const each of [plaintextKey(key), key]) {
      if (connections.get(each) === undefined) continue
      isKnown = true
      connections.close(each, timeUs)
    }
    if (isKnown) this.counters.closes_total++
    const flow = tcpFlows.get(key)
    if (flow !== undefined) tcpFlows.end(key, flow.closeType)
  }

  /** Nothing will be told of the connection any more, nor of what is said over it. */
  #gone(key: number, nowUs: number): void {
    for (const each of [plaintextKey(key), key]) this.#options.connections.close(each, nowUs)
  }

  /** Connections that were not told of since that roll call are over. */
  endCall(call: number, nowUs: number): void {
    this.#options.tcpFlows.endCall(call, (key) => this.#gone(key, nowUs))
  }

  /** To be called about once a second. */
  expire(nowUs: number): void {
    this.#options.causality.expire(nowUs)
    this.#options.connections.expire(nowUs)
    this.#options.tcpFlows.expire(nowUs, (key) => this.#gone(key, nowUs))
    this.#options.verdicts.expire(nowUs)
    this.#options.datagrams.expire(nowUs)
  }
}

/**
 * Key of the connection that a kernel socket serves: 42 bits of its address (they are 64-byte aligned and share their upper
 * bits) and 11 of its generation; exact in a JavaScript number.
 */
const readSocketKey = (view: DataView, at: number, generation: number): number => {
  const low = view.getUint32(at, true) >>> 6
  const high = view.getUint16(at + 4, true)
  return (high * 67_108_864 + low) * 2_048 + (generation & 0x7ff)
}

/** The key of what is said within the connection's TLS; of that, the key of the connection. */
const plaintextKey = (key: number): number => -1 - key
