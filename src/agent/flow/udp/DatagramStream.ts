// The datagrams of one UDP or ICMP flow on their way to its connection. The flow table bounds the flows and ends those that
// are idle for a minute; who is the client, the protocol says (a flag of DNS, the type of an echo), else no session is made.

import { noCall } from "../CallSite.ts"
import { type Connection, Side } from "../Connection.ts"
import type { ConnectionTable } from "../ConnectionTable.ts"
import { EndReason, type PacketFlow } from "../tcp/PacketFlow.ts"
import { type ByteStream, StreamDirection } from "../tcp/StreamConsumer.ts"

export class DatagramStream implements ByteStream {
  private readonly flow: PacketFlow
  private readonly connection: Connection
  private readonly connections: ConnectionTable

  constructor(flow: PacketFlow, connection: Connection, connections: ConnectionTable) {
    this.flow = flow
    this.connection = connection
    this.connections = connections
  }

  get isAbandoned(): boolean {
    return this.connection.isAbandoned
  }

  deliver(
    direction: StreamDirection,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
  ): void {
    const sender = direction === StreamDirection.toServer ? Side.a : Side.b
    this.connection.feed(sender, bytes, start, end, missing, timeUs, 0, noCall, 0)
  }

  close(timeUs: number): void {
    // Silence is how a request over datagrams fails: nothing ever closes them.
    if (this.flow.endReason === EndReason.timeout) this.connection.expire(Infinity)
    this.connections.close(this.connection.key, timeUs)
  }
}
