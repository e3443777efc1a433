// Apache RocketMQ's remoting protocol as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectRocketMq } from "./detect.ts"
import { RocketMqConnection } from "./RocketMqConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeRocketMq = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.rocketMq,
    name: "rocketmq",
    stats,
    detect: detectRocketMq,
    connection: (sink: MessageSink) => new RocketMqConnection(sink, stats),
  }
}
