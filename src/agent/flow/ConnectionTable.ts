// The connections of one agent worker by their identity. Bounded: idle ones are closed, and when it is full an old one makes
// room (second chance: those used since the last look are spared), so that no lookup moves anything.

import { IpProtocol } from "../../model/protocol.ts"
import type { Protocol } from "../protocol/Protocol.ts"
import { Connection, type ConnectionContext, type ConnectionInit } from "./Connection.ts"
import { makePairBudget, type PairBudget, type PairOptions } from "./SessionPairs.ts"

export interface ConnectionTableOptions extends PairOptions, Omit<ConnectionContext, "budget"> {
  readonly maxConnections?: number
  /** A connection without traffic for longer is forgotten. */
  readonly idleUs?: number
  /** Distinguishes the flow ids of agents and of their restarts: any integer, 21 bits of it are used. */
  readonly flowIdSeed?: number
}

const defaultMaxConnections = 65_536
const defaultIdleUs = 600_000_000
/** Entries looked at to make room. */
const maxChances = 16

/** 21 bits of seed above a 32-bit counter: 53 bits, exact in a JavaScript number; 0 is never given. */
const makeFlowIds = (seed: number): (() => number) => {
  const high = (seed & 0x1fffff) * 2 ** 32
  let low = 0
  return () => {
    low = (low + 1) >>> 0
    if (low === 0) low = 1
    return high + low
  }
}

const runsOn = ({ transports }: Protocol, transport: number): boolean =>
  transports === undefined ? transport === IpProtocol.tcp : transports.includes(transport)

export class ConnectionTable {
  /** Requests outstanding on all connections, and what happened to those that were never answered. */
  readonly budget: PairBudget
  readonly counters = { opened: 0, closed: 0, evictedIdle: 0, evictedFull: 0 }
  private readonly connections = new Map<number | string, Connection>()
  /** By transport, each with the protocols that run on it. */
  private readonly contexts = new Map<number, ConnectionContext>()
  private readonly options: ConnectionTableOptions
  private readonly maxConnections: number
  private readonly idleUs: number
  /** For flows that have no connection, too. */
  readonly nextFlowId: () => number

  constructor(options: ConnectionTableOptions) {
    this.budget = makePairBudget(options)
    this.options = options
    this.maxConnections = options.maxConnections ?? defaultMaxConnections
    this.idleUs = options.idleUs ?? defaultIdleUs
    this.nextFlowId = makeFlowIds(options.flowIdSeed ?? 0)
  }

  get size(): number {
    return this.connections.size
  }

  get(key: number | string): Connection | undefined {
    return this.connections.get(key)
  }

  /** A new connection under this key; one that is there already is over. */
  open(key: number | string, init: ConnectionInit, nowUs: number): Connection {
    this.close(key, nowUs)
    if (this.connections.size >= this.maxConnections) this.makeRoom(nowUs)
    const { account } = init
    if (account.flowId === 0) account.flowId = this.nextFlowId()
    const connection = new Connection(
      key,
      account.flowId,
      init,
      this.contextOf(init.transport ?? IpProtocol.tcp),
    )
    connection.lastUs = nowUs
    this.connections.set(key, connection)
    this.counters.opened++
    return connection
  }

  close(key: number | string, nowUs: number): void {
    const connection = this.connections.get(key)
    if (connection === undefined) return
    this.connections.delete(key)
    this.counters.closed++
    connection.close(nowUs)
  }

  /** To be called about once a second: times out requests, forgets idle connections. */
  expire(nowUs: number): void {
    for (const connection of this.connections.values()) {
      connection.expire(nowUs)
      if (nowUs - connection.lastUs < this.idleUs || connection.outstanding > 0) continue
      this.connections.delete(connection.key)
      this.counters.evictedIdle++
      connection.close(nowUs)
    }
  }

  /** The end of capture: every connection is over. */
  closeAll(nowUs: number): void {
    for (const key of this.connections.keys()) this.close(key, nowUs)
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.connections.values()
  }

  private contextOf(transport: number): ConnectionContext {
    const known = this.contexts.get(transport)
    if (known !== undefined) return known
    const { causeOf, causeOfUnasked, onBegin, onClose, onMessage, onSession, onSettle, protocols } =
      this.options
    const context = {
      protocols: protocols.filter((protocol) => runsOn(protocol, transport)),
      budget: this.budget,
      onSession,
      onMessage,
      onSettle,
      onClose,
      causeOf,
      causeOfUnasked,
      onBegin,
    }
    this.contexts.set(transport, context)
    return context
  }

  private makeRoom(nowUs: number): void {
    let chances = 0
    for (const [key, connection] of this.connections) {
      if (connection.lastUs > connection.sparedUs && chances++ < maxChances) {
        connection.sparedUs = connection.lastUs
        this.connections.delete(key)
        this.connections.set(key, connection)
        continue
      }
      this.connections.delete(key)
      this.counters.evictedFull++
      connection.close(nowUs)
      break
    }
  }
}
