import { describe, expect, it } from "vitest"
import { makeAmqp } from "../amqp/amqp.ts"
import { eachForeignPayload, hasCaptures } from "../captures.testing.ts"
import { makeKafka } from "../kafka/kafka.ts"
import { makeMqtt } from "../mqtt/mqtt.ts"
import { makeNats } from "../nats/nats.ts"
import { makeOpenWire } from "../openwire/openwire.ts"
import { Evidence } from "../Protocol.ts"
import { makePulsar } from "../pulsar/pulsar.ts"
import { makeRocketMq } from "../rocketmq/rocketmq.ts"
import { makeZmtp } from "../zmtp/zmtp.ts"

describe.skipIf(!hasCaptures)("detection of message queues", () => {
  for (const protocol of [
    makeAmqp(),
    makeKafka(),
    makeMqtt(),
    makeNats(),
    makeOpenWire(),
    makePulsar(),
    makeRocketMq(),
    makeZmtp(),
  ]) {
    it(`${protocol.name} takes nothing of other protocols`, async () => {
      const taken = new Set<string>()
      const payloads = await eachForeignPayload([protocol.name], (bytes, start, end, file) => {
        const evidence = protocol.detect(bytes, start, end)
        if (evidence !== Evidence.none && evidence !== Evidence.unclear) taken.add(file)
      })
      expect(payloads).toBeGreaterThan(1000)
      expect([...taken]).toEqual([])
    })
  }
})
