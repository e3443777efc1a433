// ZMTP 3 (ZeroMQ) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectZmtp } from "./detect.ts"
import { ZmtpConnection } from "./ZmtpConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeZmtp = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.zmtp,
    name: "zmtp",
    stats,
    detect: detectZmtp,
    connection: (sink: MessageSink) => new ZmtpConnection(sink, stats),
  }
}
