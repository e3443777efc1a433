// KRPC as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectKrpc } from "./detect.ts"
import { KrpcConnection } from "./KrpcConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeKrpc = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.krpc,
    name: "krpc",
    stats,
    detect: detectKrpc,
    connection: (sink: MessageSink) => new KrpcConnection(sink, stats),
  }
}
