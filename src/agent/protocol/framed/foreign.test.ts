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

const here = new URL("../", import.meta.url)

/** Folder and bytes of all runs of the recordings. */
const recordedRuns = (): ReadonlyArray<readonly [folder: string, bytes: Uint8Array]> =>
  readdirSync(here, { recursive: true, encoding: "utf8" })
    .filter((file) => /^\w+\/recordings\/.+\.jsonl$/.test(file))
    .flatMap((file) =>
      readRecording(new URL(file, here)).map(({ bytes }) => [file.split("/")[0], bytes] as const),
    )

describe("recorded conversations", () => {
  const rpc = ["brpc", "dubbo", "sofarpc", "tars"]

  it("of RPC protocols are taken by nobody else", () => {
    const protocols = makeProtocols().filter(({ transports }) => transports === undefined)
    for (const [folder, bytes] of recordedRuns().filter((run) => rpc.includes(run[0]))) {
      const takers = protocols.filter((protocol) => {
        const evidence = protocol.detect(bytes, 0, Math.min(bytes.length, 64))
        return evidence !== Evidence.none && evidence !== Evidence.unclear
      })
      expect(takers.map(({ name }) => name)).toEqual([folder])
    }
  })

  it("of other protocols are not taken by them", () => {
    const runs = recordedRuns().filter(([folder]) => !rpc.includes(folder))
    expect(runs.length).toBeGreaterThan(500)
    for (const protocol of [makeBrpc(), makeDubbo(), makeKrpc(), makeSofaRpc(), makeTars()]) {
      for (const [folder, bytes] of runs) {
        const evidence = protocol.detect(bytes, 0, bytes.length)
        expect([Evidence.none, Evidence.unclear], `${protocol.name} took ${folder}`).toContain(evidence)
      }
    }
  })
})
