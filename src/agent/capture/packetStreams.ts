// Connects reassembled TCP streams and datagrams to the connections of a pipeline: the consumer of packet flows, live or from
// a file.

import { type Connection, Side } from "../flow/Connection.ts"
import type { ConnectionTable } from "../flow/ConnectionTable.ts"
import { type Endpoint, makeEndpoint } from "../flow/Endpoint.ts"
import { DirectionScore } from "../flow/tcp/direction.ts"
import { DatagramStream } from "../flow/udp/DatagramStream.ts"
import type { FlowEnd, PacketFlow } from "../flow/tcp/PacketFlow.ts"
import { type ByteStream, type StreamConsumer, StreamDirection } from "../flow/tcp/StreamConsumer.ts"
import { ObservationPoint, SignalSource } from "../../model/observation.ts"

export interface PacketStreamsOptions {
  readonly connections: ConnectionTable
  /** Completes what is known of an end: its process, where it runs here. */
  readonly describe?: (end: Endpoint) => void
  /** Addresses of this host as text keys of their 16 bytes; decides the observation point. */
  readonly isLocal?: (ip: Uint8Array) => boolean
  /** Connections that are nobody's business: Sonde's own. */
  readonly isExcluded?: (flow: PacketFlow) => boolean
}

const endpoint = (end: FlowEnd, describe: ((end: Endpoint) => void) | undefined): Endpoint => {
  const made = makeEndpoint(end.ip, 0, end.port)
  describe?.(made)
  return made
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
    this.#connection.feed(sender, bytes, start, end, missing, timeUs, tcpSeq, 0, 0)
  }

  close(timeUs: number): void {
    this.#connections.close(this.#connection.key, timeUs)
  }
}

export const packetStreams = (options: PacketStreamsOptions): StreamConsumer => {
  const { connections } = options
  const isLocal = options.isLocal ?? (() => false)
  const open = (flow: PacketFlow): Connection | null => {
    if (options.isExcluded?.(flow)) return null
    const clientIsLocal = isLocal(flow.client.ip)
    const serverIsLocal = isLocal(flow.server.ip)
    return connections.open(
      flow.id,
      {
        a: endpoint(flow.client, options.describe),
        b: endpoint(flow.server, options.describe),
        observed: Side.unknown,
        client: flow.directionScore === DirectionScore.handshake ? Side.a : Side.unknown,
        signalSource: SignalSource.packet,
        isTls: false,
        transport: flow.protocol,
        packetPoint:
          clientIsLocal && serverIsLocal
            ? ObservationPoint.local
            : clientIsLocal
              ? ObservationPoint.clientNic
              : serverIsLocal
                ? ObservationPoint.serverNic
                : ObservationPoint.rest,
      },
      flow.startUs,
    )
  }
  return {
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
