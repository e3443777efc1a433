// AMQP 0-9-1 (RabbitMQ) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { AmqpConnection } from "./AmqpConnection.ts"
import { detectAmqp } from "./detect.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeAmqp = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.amqp,
    name: "amqp",
    stats,
    detect: detectAmqp,
    connection: (sink: MessageSink) => new AmqpConnection(sink, stats),
  }
}
