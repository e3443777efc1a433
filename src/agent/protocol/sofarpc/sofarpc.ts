// SOFARPC over Bolt as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectBolt } from "./detect.ts"
import { SofaRpcConnection } from "./SofaRpcConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeSofaRpc = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.sofaRpc,
    name: "sofarpc",
    stats,
    detect: detectBolt,
    connection: (sink: MessageSink) => new SofaRpcConnection(sink, stats),
  }
}
