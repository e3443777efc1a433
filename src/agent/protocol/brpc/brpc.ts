// Apache bRPC's own protocol (baidu_std) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { BrpcConnection } from "./BrpcConnection.ts"
import { detectBrpc } from "./detect.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeBrpc = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.brpc,
    name: "brpc",
    stats,
    detect: detectBrpc,
    connection: (sink: MessageSink) => new BrpcConnection(sink, stats),
  }
}
