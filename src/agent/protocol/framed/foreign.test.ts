import { readdirSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { makeAmqp } from "../amqp/amqp.ts"
import { makeBrpc } from "../brpc/brpc.ts"
import { eachForeignPayload, hasCaptures } from "../captures.testing.ts"
import { makeDubbo } from "../dubbo/dubbo.ts"
import { makeKafka } from "../kafka/kafka.ts"
import { makeKrpc } from "../krpc/krpc.ts"
import { makeMqtt } from "../mqtt/mqtt.ts"
import { makeNats } from "../nats/nats.ts"
import { makeOpenWire } from "../openwire/openwire.ts"
import { Evidence } from "../Protocol.ts"
import { makeProtocols } from "../protocols.ts"
import { makePulsar } from "../pulsar/pulsar.ts"
import { readRecording } from "../recording.testing.ts"
import { makeRocketMq } from "../rocketmq/rocketmq.ts"
import { makeSofaRpc } from "../sofarpc/sofarpc.ts"
import { makeTars } from "../tars/tars.ts"
import { makeZmtp } from "../zmtp/zmtp.ts"

describe.skipIf(!hasCaptures)("detection of framed protocols", () => {
  for (const protocol of [
    makeAmqp(),
    makeKafka(),
    makeMqtt(),
    makeNats(),
    makeOpenWire(),
    makePulsar(),
    makeRocketMq(),
    makeZmtp(),
    makeBrpc(),
    makeDubbo(),
    makeKrpc(),
    makeSofaRpc(),
    makeTars(),
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

describe("recorded conversations", () => {
  for (const folder of ["dubbo", "sofarpc", "tars"]) {
    it(`of ${folder} are taken by nobody else`, () => {
      const recordings = new URL(`../${folder}/recordings/`, import.meta.url)
      for (const file of readdirSync(recordings).filter((name) => name.endsWith(".jsonl"))) {
        for (const { bytes } of readRecording(new URL(file, recordings))) {
          const takers = makeProtocols().filter((protocol) => {
            if (protocol.transports !== undefined) return false
            const evidence = protocol.detect(bytes, 0, Math.min(bytes.length, 64))
            return evidence !== Evidence.none && evidence !== Evidence.unclear
          })
          expect(
            takers.map(({ name }) => name),
            file,
          ).toEqual([folder])
        }
      }
    })
  }
})
