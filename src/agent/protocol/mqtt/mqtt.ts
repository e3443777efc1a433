// MQTT (3.1, 3.1.1, 5.0) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectMqtt } from "./detect.ts"
import { MqttConnection } from "./MqttConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeMqtt = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.mqtt,
    name: "mqtt",
    stats,
    detect: detectMqtt,
    connection: (sink: MessageSink) => new MqttConnection(sink, stats),
  }
}
