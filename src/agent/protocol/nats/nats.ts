// NATS (with headers and JetStream) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectNats } from "./detect.ts"
import { NatsConnection } from "./NatsConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeNats = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.nats,
    name: "nats",
    stats,
    detect: detectNats,
    connection: (sink: MessageSink) => new NatsConnection(sink, stats),
  }
}
