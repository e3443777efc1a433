// Echo of ICMP and ICMPv6 as a Protocol; destination-unreachable and the like are no answers to it and stay out.

import { IpProtocol, L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectPing, PingConnection } from "./PingConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makePing = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.ping,
    name: "ping",
    transports: [IpProtocol.icmp, IpProtocol.icmpV6],
    stats,
    detect: detectPing,
    connection: (sink: MessageSink) => new PingConnection(sink, stats),
  }
}
