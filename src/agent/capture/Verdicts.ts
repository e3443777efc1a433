// What the kernel side is told of sockets: which protocol one speaks, as its connection found out, or that it is to be left alone;
// and with what connections to a server begin. Bounded; told in one call a map after each drain.

import { type Connection, DirectionScore, Side } from "../flow/Connection.ts"
import { L7Protocol } from "../../model/protocol.ts"
import { latin1Text } from "../protocol/latin1.ts"
import { serverKey, socketData, socketKey, verdictLeave } from "./layout.gen.ts"

/** What the kernel side takes: keys one after the other, a byte for each; both answer how many it took. */
export interface VerdictTarget {
  decideSockets(keys: Uint8Array, verdicts: Uint8Array): number
  decideServers(keys: Uint8Array, verdicts: Uint8Array): number
  forgetServer(key: Uint8Array): void
}

/** Recognised by the kernel program itself (bpf/lib/infer.h): connections to such servers need no verdict to begin with. */
const inferredByKernel: ReadonlySet<number> = new Set([L7Protocol.http1, L7Protocol.redis])

const isTold = (protocol: number): boolean => protocol !== 0 && !inferredByKernel.has(protocol)

/** As many as the kernel's map has. */
const maxServers = 4_096
/** Connections in a row that are not recognised, seen from one end each, until a server's are left alone. */
const maxUnrecognised = 4
/** So long a server is left alone; then the next connection to it is looked at again. */
const leaveUs = 60_000_000
/** A server of which no connection was recognised for longer is forgotten. */
const forgetUs = 600_000_000
/** Verdicts that wait for the end of a drain; more are told at once. */
const batchSize = 256

/** What connections to a server turned out to be. */
interface Server {
  readonly key: Uint8Array
  /** L7Protocol number, `verdictLeave`, 0: nothing was recognised yet, or connections differ. */
  protocol: number
  isMixed: boolean
  /** Connections in a row that were not recognised. */
  unrecognised: number
  untilUs: number
}

/** Entries of one kernel map that are to be told together. */
class Batch {
  readonly #keys: Uint8Array
  readonly #values = new Uint8Array(batchSize)
  readonly #tell: (keys: Uint8Array, values: Uint8Array) => number
  #length = 0
  /** Entries that the map did not take. */
  refused = 0

  constructor(keySize: number, tell: (keys: Uint8Array, values: Uint8Array) => number) {
    this.#keys = new Uint8Array(batchSize * keySize)
    this.#tell = tell
  }

  add(key: Uint8Array, value: number): void {
    if (this.#length === batchSize) this.flush()
    this.#keys.set(key, this.#length * key.length)
    this.#values[this.#length++] = value
  }

  flush(): void {
    const length = this.#length
    if (length === 0) return
    this.#length = 0
    const keys = this.#keys.subarray(0, (this.#keys.length / batchSize) * length)
    this.refused += length - this.#tell(keys, this.#values.subarray(0, length))
  }
}

export class Verdicts {
  readonly #counters = { told: 0, left: 0, evicted: 0 }
  readonly #target: VerdictTarget
  readonly #sockets: Batch
  readonly #told: Batch
  /** By `key` as text, in the order in which they were heard of last. */
  readonly #servers = new Map<string, Server>()
  readonly #socketKey = new Uint8Array(socketKey.size)
  readonly #socketView = new DataView(this.#socketKey.buffer)
  /** Whether the kernel waits for a verdict, or offers more: the next look at the ring should not be long in coming. */
  isAwaited = false

  constructor(target: VerdictTarget) {
    this.#target = target
    this.#sockets = new Batch(socketKey.size, (keys, values) => target.decideSockets(keys, values))
    this.#told = new Batch(serverKey.size, (keys, values) => target.decideServers(keys, values))
  }

  /** Counters by metric name. */
  stats(): Record<string, number> {
    return {
      verdicts_total: this.#counters.told,
      verdicts_left_total: this.#counters.left,
      verdicts_refused_total: this.#sockets.refused + this.#told.refused,
      servers: this.#servers.size,
      servers_evicted_total: this.#counters.evicted,
    }
  }

  /** To be called after each feed of a connection, with the event at `at` that it was fed. */
  consider(connection: Connection, view: DataView, at: number, nowUs: number): void {
    const found = connection.protocol?.protocol ?? 0
    const verdict = connection.isAbandoned ? verdictLeave : found
    if (verdict === connection.verdict) {
      if (verdict === 0) this.isAwaited = true
      return
    }
    const isFirst = connection.verdict === 0
    connection.verdict = verdict
    const said = view.getUint8(at + socketData.protocol)
    if (isFirst) this.#learn(connection, found, said, view.getUint32(at + socketData.netns, true), nowUs)
    if (verdict !== said) this.#tell(view, at, connection.isTls, verdict)
  }

  /** The same of a datagram: others of its socket may have other peers. */
  considerDatagram(connection: Connection, view: DataView, at: number): void {
    const verdict = connection.isAbandoned ? verdictLeave : (connection.protocol?.protocol ?? 0)
    const said = view.getUint8(at + socketData.protocol)
    if (verdict === said || verdict === connection.verdict) return
    // What is no message is left alone by the kernel itself, after a few.
    if (verdict === 0 || (verdict === verdictLeave && said === 0)) return
    connection.verdict = verdict
    this.#tell(view, at, false, verdict)
  }

  #tell(view: DataView, at: number, isTls: boolean, verdict: number): void {
    this.#socketView.setBigUint64(socketKey.socket, view.getBigUint64(at + socketData.socket, true), true)
    this.#socketView.setUint32(socketKey.generation, view.getUint32(at + socketData.generation, true), true)
    this.#socketView.setUint32(socketKey.isTls, isTls ? 1 : 0, true)
    this.#sockets.add(this.#socketKey, verdict)
    this.#counters.told++
    if (verdict === verdictLeave) this.#counters.left++
  }

  /** Tells the kernel; to be called after each drain. */
  flush(): void {
    this.#sockets.flush()
    this.#told.flush()
  }

  /** To be called about once a second. */
  expire(nowUs: number): void {
    for (const [text, server] of this.#servers) {
      if (server.untilUs > nowUs) continue
      this.#servers.delete(text)
      this.#takeBack(server)
    }
  }

  /** `found` is the first that was recognised on this connection, 0: nothing is. */
  #learn(connection: Connection, found: number, said: number, netns: number, nowUs: number): void {
    // Which end listens is certain from a message, or from the kernel; nothing is learnt from what began before the agent.
    if (found === 0 && connection.directionScore !== DirectionScore.kernel) return
    if (connection.client === Side.unknown) return
    const { ip, port } = connection.serverEnd
    // An old kernel does not tell it (capture/compat).
    if (port === 0) return
    // What is said within TLS is another matter than what the socket carries.
    const text = `${netns},${port},${connection.isTls},${latin1Text(ip, 0, 16)}`
    const server = this.#servers.get(text) ?? this.#newServer(ip, port, netns, connection.isTls)
    // At the end of the order again.
    this.#servers.delete(text)
    this.#servers.set(text, server)
    server.untilUs = nowUs + forgetUs
    if (found === 0) this.#unrecognised(server, nowUs)
    else this.#recognised(server, found, said)
  }

  #recognised(server: Server, found: number, said: number): void {
    server.unrecognised = 0
    if (server.isMixed) return
    if (server.protocol !== 0 && server.protocol !== found && server.protocol !== verdictLeave) {
      server.isMixed = true
      return this.#decide(server, 0)
    }
    // Said again when the kernel's map gave it up.
    if (server.protocol !== found || said === 0) this.#decide(server, found)
  }

  #unrecognised(server: Server, nowUs: number): void {
    if (server.isMixed || ++server.unrecognised < maxUnrecognised) return
    server.unrecognised = 0
    // What was known first is doubted first.
    if (server.protocol !== 0) return this.#decide(server, 0)
    this.#decide(server, verdictLeave)
    server.untilUs = nowUs + leaveUs
  }

  #decide(server: Server, protocol: number): void {
    if (protocol === 0) this.#takeBack(server)
    server.protocol = protocol
    if (isTold(protocol)) this.#told.add(server.key, protocol)
  }

  #takeBack(server: Server): void {
    if (!isTold(server.protocol)) return
    // What waits to be told comes before.
    this.#told.flush()
    this.#target.forgetServer(server.key)
  }

  #newServer(ip: Uint8Array, port: number, netns: number, isTls: boolean): Server {
    if (this.#servers.size >= maxServers) {
      const [oldest, server] = this.#servers.entries().next().value!
      this.#servers.delete(oldest)
      this.#counters.evicted++
      this.#takeBack(server)
    }
    const key = new Uint8Array(serverKey.size)
    const view = new DataView(key.buffer)
    view.setUint32(serverKey.netns, netns, true)
    view.setUint16(serverKey.port, port, true)
    view.setUint16(serverKey.isTls, isTls ? 1 : 0, true)
    key.set(ip, serverKey.ip)
    return { key, protocol: 0, isMixed: false, unrecognised: 0, untilUs: 0 }
  }
}
