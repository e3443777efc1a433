// Apache Pulsar's binary protocol as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectPulsar } from "./detect.ts"
import { PulsarConnection } from "./PulsarConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makePulsar = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.pulsar,
    name: "pulsar",
    stats,
    detect: detectPulsar,
    connection: (sink: MessageSink) => new PulsarConnection(sink, stats),
  }
}
