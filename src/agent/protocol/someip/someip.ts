// SOME/IP as two Protocols with one set of statistics: over TCP and over UDP.

import { IpProtocol, L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectSomeIpDatagram, detectSomeIpStream } from "./detect.ts"
import { SomeIpConnection } from "./SomeIpConnection.ts"

export interface SomeIpProtocols {
  readonly stream: Protocol
  readonly datagrams: Protocol
}

/** Protocol values of their own, with statistics of their own. */
export const makeSomeIp = (): SomeIpProtocols => {
  const stats = makeParserStats()
  const common = { protocol: L7Protocol.someIp, name: "someip", stats }
  return {
    stream: {
      ...common,
      detect: detectSomeIpStream,
      connection: (sink: MessageSink) => new SomeIpConnection(sink, stats, false),
    },
    datagrams: {
      ...common,
      transports: [IpProtocol.udp],
      detect: detectSomeIpDatagram,
      connection: (sink: MessageSink) => new SomeIpConnection(sink, stats, true),
    },
  }
}
