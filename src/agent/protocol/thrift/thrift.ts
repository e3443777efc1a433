// Apache Thrift's RPC as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectThrift } from "./detect.ts"
import { ThriftConnection } from "./ThriftConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeThrift = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.thrift,
    name: "thrift",
    stats,
    detect: detectThrift,
    connection: (sink: MessageSink) => new ThriftConnection(sink, stats),
  }
}
