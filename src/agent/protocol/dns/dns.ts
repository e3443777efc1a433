// DNS as two Protocols with one set of statistics: over TCP, and over UDP (with multicast DNS and LLMNR).

import { IpProtocol, L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectDnsDatagram, detectDnsStream } from "./detect.ts"
import { DnsDatagrams } from "./DnsDatagrams.ts"
import { DnsReader } from "./DnsReader.ts"
import { DnsStream } from "./DnsStream.ts"

export interface DnsOptions {
  /**
   * NXDOMAIN is no error for names that end so: those which resolvers try only because a search list says so (in Kubernetes
   * `.cluster.local`). In lower case. None by default.
   */
  readonly dnsSearchSuffixes?: ReadonlyArray<string>
}

export interface DnsProtocols {
  readonly stream: Protocol
  readonly datagrams: Protocol
}

/** Protocol values of their own, with statistics of their own. */
export const makeDns = (options: DnsOptions = {}): DnsProtocols => {
  const stats = makeParserStats()
  const reader = new DnsReader(options.dnsSearchSuffixes ?? [])
  const common = { protocol: L7Protocol.dns, name: "dns", stats }
  return {
    stream: {
      ...common,
      detect: detectDnsStream,
      connection: (sink: MessageSink) => new DnsStream(sink, reader, stats),
    },
    datagrams: {
      ...common,
      transports: [IpProtocol.udp],
      detect: detectDnsDatagram,
      connection: (sink: MessageSink, serverPort = 0) => new DnsDatagrams(sink, reader, stats, serverPort),
    },
  }
}
