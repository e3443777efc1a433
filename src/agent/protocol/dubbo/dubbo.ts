// Apache Dubbo's own protocol (`dubbo://`) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectDubbo } from "./detect.ts"
import { DubboConnection } from "./DubboConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeDubbo = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.dubbo,
    name: "dubbo",
    stats,
    detect: detectDubbo,
    connection: (sink: MessageSink) => new DubboConnection(sink, stats),
  }
}
