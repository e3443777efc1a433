// Tars' own protocol (tars, tup) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectTars } from "./detect.ts"
import { TarsConnection } from "./TarsConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeTars = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.tars,
    name: "tars",
    stats,
    detect: detectTars,
    connection: (sink: MessageSink) => new TarsConnection(sink, stats),
  }
}
