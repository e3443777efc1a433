// OpenWire (Apache ActiveMQ) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectOpenWire } from "./detect.ts"
import { OpenWireConnection } from "./OpenWireConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeOpenWire = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.openWire,
    name: "openwire",
    stats,
    detect: detectOpenWire,
    connection: (sink: MessageSink) => new OpenWireConnection(sink, stats),
  }
}
