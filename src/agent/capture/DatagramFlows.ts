// Turns datagrams from the kernel into connections: those of one socket with one peer are a flow, which is over after a minute of
// silence. Nothing is told of their end; bounded, the one that was silent longest makes room.

import { IpProtocol } from "../../model/protocol.ts"
import { SignalSource } from "../../model/observation.ts"
import { type Connection, Side } from "../flow/Connection.ts"
import type { ConnectionTable } from "../flow/ConnectionTable.ts"
import type { FlowLog } from "../flow/FlowLog.ts"
import { countMoved, processAccount } from "../flow/processAccount.ts"
import type { ProcessTable } from "../process/ProcessTable.ts"
import type { Causality } from "../trace/Causality.ts"
import { Exchange } from "../trace/Exchange.ts"
import { isServer, localEnd, readU64, remoteEnd } from "./eventEnds.ts"
import { socketData } from "./layout.gen.ts"

const idleUs = 60_000_000
const maxFlows = 4_096

export class DatagramFlows {
  readonly counters = { datagram_flows_evicted_total: 0 }
  readonly #connections: ConnectionTable
  readonly #flowLog: FlowLog
  readonly #processes: ProcessTable
  readonly #causality: Causality
  readonly #call = { thread: 0, coroutine: 0, number: 0 }
  /** In the order in which they were last used. */
  readonly #flows = new Map<string, Connection>()

  constructor(connections: ConnectionTable, flowLog: FlowLog, processes: ProcessTable, causality: Causality) {
    this.#connections = connections
    this.#flowLog = flowLog
    this.#processes = processes
    this.#causality = causality
  }

  /** The event of a datagram at `at`, whose payload is `bytes[start, end)` and `missing` more. */
  add(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
  ): void {
    const key = flowKey(bytes, view, at)
    const known = this.#flows.get(key)
    const isOpen = known !== undefined && this.#connections.get(key) === known
    const connection = isOpen ? known : this.#open(bytes, view, at, key, timeUs)
    const isSent = view.getUint8(at + socketData.direction) === 0
    const sender = isSent ? Side.a : Side.b
    countMoved(this.#flowLog, connection.account, sender, end - start + missing, timeUs)
    const call = this.#call
    call.thread = view.getUint32(at + socketData.tid, true)
    call.coroutine = readU64(view, at + socketData.coroutine)
    const tgid = view.getUint32(at + socketData.tgid, true)
    const waits = view.getUint32(at + socketData.waits, true)
    connection.exchange ??= new Exchange()
    // Who is the client is known once a message was read; and then a whole one was.
    this.#causality.begin(
      connection.exchange,
      undefined,
      isSent,
      tgid,
      call.thread,
      call.coroutine,
      waits,
      timeUs,
    )
    connection.feed(sender, bytes, start, end, missing, timeUs, 0, call, 0)
    this.#causality.end(isServer(connection), isSent, connection.isAbandoned)
    this.#flows.delete(key)
    // What is no message of a known protocol leaves nothing behind.
    if (connection.protocol === null) this.#connections.close(key, timeUs)
    else this.#flows.set(key, connection)
  }

  #open(bytes: Uint8Array, view: DataView, at: number, key: string, timeUs: number): Connection {
    if (this.#flows.size >= maxFlows) {
      this.#end(this.#flows.keys().next().value!, timeUs)
      this.counters.datagram_flows_evicted_total++
    }
    const local = localEnd(bytes, view, at, this.#processes)
    const remote = remoteEnd(bytes, view, at)
    return this.#connections.open(
      key,
      {
        a: local,
        b: remote,
        observed: Side.a,
        client: Side.unknown,
        signalSource: SignalSource.ebpf,
        isTls: false,
        transport: IpProtocol.udp,
        account: processAccount(IpProtocol.udp, local, remote, Side.unknown, timeUs),
      },
      timeUs,
    )
  }

  #end(key: string, timeUs: number): void {
    this.#flows.delete(key)
    this.#connections.close(key, timeUs)
  }

  /** To be called about once a second. */
  expire(nowUs: number): void {
    for (const [key, connection] of this.#flows) {
      if (nowUs - connection.lastUs < idleUs) return
      this.#end(key, nowUs)
    }
  }
}

const flowKey = (bytes: Uint8Array, view: DataView, at: number): string => {
  const socket = view.getBigUint64(at + socketData.socket, true)
  const ports = view.getUint32(at + socketData.localPort, true)
  return `${socket},${ports},${bytes.subarray(at + socketData.remoteIp, at + socketData.remoteIp + 16)}`
}
