// Connects reassembled TCP streams and datagrams to the connections of a pipeline: the consumer of packet flows, live or from
// a file.

import { noCall } from "../flow/CallSite.ts"
import { type Connection, Side } from "../flow/Connection.ts"
import type { ConnectionTable } from "../flow/ConnectionTable.ts"
import type { Endpoint } from "../flow/Endpoint.ts"
import { DirectionScore } from "../flow/tcp/direction.ts"
import { DatagramStream } from "../flow/udp/DatagramStream.ts"
import type { PacketFlow } from "../flow/tcp/PacketFlow.ts"
import { type ByteStream, type StreamConsumer, StreamDirection } from "../flow/tcp/StreamConsumer.ts"
import { SignalSource } from "../../model/observation.ts"
import { macAt } from "./packet/addresses.ts"
import type { Packet } from "./packet/Packet.ts"
import { packetPoint } from "./packetPoint.ts"

export interface PacketStreamsOptions {
  readonly connections: ConnectionTable
  /** Completes what is known of an end: its process, where it runs here. */
  readonly describe?: (end: Endpoint) => void
  /** Addresses of this host as text keys of their 16 bytes; decides the observation point. */
  readonly isLocal?: (ip: Uint8Array) => boolean
  /** Hardware addresses of this host, as numbers of 48 bits. */
  readonly isLocalMac?: (mac: number) => boolean
  /** Connections that are nobody's business: Sonde's own. */
  readonly isExcluded?: (flow: PacketFlow) => boolean
}

class Stream implements ByteStream {
  readonly #connection: Connection
  readonly #connections: ConnectionTable

  constructor(connection: Connection, connections: ConnectionTable) {
    this.#connection = connection
    this.#connections = connections
  }

  get isAbandoned(): boolean {
    return this.#connection.isAbandoned
  }

  touch(): number {
    return this.#connection.touch()
  }

  deliver(
    direction: StreamDirection,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
  ): void {
    const sender = direction === StreamDirection.toServer ? Side.a : Side.b
    this.#connection.feed(sender, bytes, start, end, missing, timeUs, tcpSeq, noCall, 0)
  }

  close(timeUs: number): void {
    this.#connections.close(this.#connection.key, timeUs)
  }
}

export const packetStreams = (options: PacketStreamsOptions): StreamConsumer => {
  const { connections } = options
  const isLocal = options.isLocal ?? (() => false)
  const isLocalMac = options.isLocalMac ?? (() => false)
  const begin = (flow: PacketFlow, packet: Packet, isFromClient: boolean): void => {
    const { account } = flow
    const sourceMac = macAt(packet.bytes, packet.macSourceAt)
    const targetMac = macAt(packet.bytes, packet.macTargetAt)
    flow.clientMac = isFromClient ? sourceMac : targetMac
    flow.serverMac = isFromClient ? targetMac : sourceMac
    flow.isClientMacLocal = isLocalMac(flow.clientMac)
    flow.isServerMacLocal = isLocalMac(flow.serverMac)
    flow.isClientIpLocal = isLocal(flow.client.ip)
    flow.isServerIpLocal = isLocal(flow.server.ip)
    account.point = packetPoint(
      { hasLocalMac: flow.isClientMacLocal, hasLocalIp: flow.isClientIpLocal },
      { hasLocalMac: flow.isServerMacLocal, hasLocalIp: flow.isServerIpLocal },
      packet.macSourceAt >= 0,
      sourceMac === targetMac,
      packet.tunnelTier > 0,
    )
    if (options.isExcluded?.(flow)) return
    options.describe?.(flow.client)
    options.describe?.(flow.server)
    account.client = flow.client
    account.server = flow.server
  }
  const open = (flow: PacketFlow): Connection | null => {
    const { account } = flow
    if (account.client === undefined || account.server === undefined) return null
    return connections.open(
      flow.id,
      {
        a: account.client,
        b: account.server,
        observed: Side.unknown,
        client: account.directionScore === DirectionScore.handshake ? Side.a : Side.unknown,
        signalSource: SignalSource.packet,
        isTls: false,
        transport: flow.protocol,
        account,
      },
      account.startUs,
    )
  }
  return {
    begin,
    open: (flow) => {
      const connection = open(flow)
      return connection === null ? null : new Stream(connection, connections)
    },
    openDatagrams: (flow) => {
      const connection = open(flow)
      return connection === null ? null : new DatagramStream(flow, connection, connections)
    },
  }
}
