// Apache Kafka as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectKafka } from "./detect.ts"
import { KafkaConnection } from "./KafkaConnection.ts"
import { TopicNames } from "./TopicNames.ts"

/** A protocol value of its own, with statistics and topic names of its own. */
export const makeKafka = (): Protocol => {
  const stats = makeParserStats()
  const topics = new TopicNames()
  return {
    protocol: L7Protocol.kafka,
    name: "kafka",
    stats,
    detect: detectKafka,
    connection: (sink: MessageSink) => new KafkaConnection(sink, stats, topics),
  }
}
