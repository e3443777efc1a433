// TCP performance of recorded connections, against the expectations in ../shared/conformance/flow.

import { existsSync, readFileSync } from "node:fs"
import { expect, it } from "@effect/vitest"
import { describe } from "vitest"
import { readPackets } from "../../capture/pcap/readPcap.ts"
import { flowRecord } from "./flowRecord.ts"
import type { PacketFlow } from "./PacketFlow.ts"
import { PacketFlows } from "./PacketFlows.ts"

const directory = "../shared/conformance/flow"

/**
 * Payload bytes of captures without what was sent again, by tshark 4.0: the sum of tcp.len over
 * "not (tcp.analysis.retransmission or tcp.analysis.spurious_retransmission)".
 */
const deliveredBytes: ReadonlyArray<readonly [capture: string, bytes: number]> = [
  ["flow/rtt-rtt-2.pcap", 349],
  ["flow/art-continues-payload-len-larger-than-1.pcap", 5248],
  ["l7/postgre/prepare_stat.pcap", 89],
  ["l7/mqtt/mqtt_roundtrip.pcap", 259],
  ["l7/http/client-ip.pcap", 2147],
  ["l7/nats/nats-nrpc2.pcap", 784],
  ["l7/rocketmq/rocketmq-pull-message.pcap", 3142],
  ["l7/openwire/openwire_correlation_id.pcap", 21251],
  ["l7/memcached/memcached-userdata.pcap", 551979],
]

const play = async (path: string, onFlowEnd?: (flow: PacketFlow) => void): Promise<PacketFlows> => {
  const consumer = { open: () => ({ isAbandoned: false, deliver: () => {}, close: () => {} }) }
  const flows = new PacketFlows(onFlowEnd === undefined ? { consumer } : { consumer, onFlowEnd })
  await readPackets(path, (packet) => {
    const { bytes, end, linkType, originalLength, start, timeUs } = packet
    flows.add(bytes, start, end, originalLength, linkType, timeUs)
  })
  flows.endAll()
  return flows
}
type Expectation = Readonly<Record<string, unknown>> & { readonly pcap: string }

/** What says which capture it is, not what comes out. */
const about = new Set(["pcap", "after_packet"])

const isPresent = existsSync(directory)
if (!isPresent) console.warn(`skipped: ${directory} is not there`)

describe.skipIf(!isPresent)("conformance: TCP performance and close types", () => {
  const cases: ReadonlyArray<Expectation> = isPresent
    ? readFileSync(`${directory}/expected.jsonl`, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
    : []
  for (const expectation of cases) {
    it(expectation.pcap, async () => {
      const records: Array<Record<string, unknown>> = []
      await play(`${directory}/${expectation.pcap}`, (flow) => records.push(flowRecord(flow)))
      const keys = Object.keys(expectation).filter((key) => !about.has(key))
      expect(keys.length).toBeGreaterThan(0)
      expect(records).toHaveLength(1)
      expect(Object.fromEntries(keys.map((key) => [key, records[0][key]]))).toEqual(
        Object.fromEntries(keys.map((key) => [key, expectation[key]])),
      )
    })
  }
})

describe.skipIf(!isPresent)("conformance: bytes of streams", () => {
  it.each(deliveredBytes)("%s", async (capture, bytes) => {
    const flows = await play(`${directory}/../${capture}`)
    expect(flows.reassembler.counters.deliveredBytes).toBe(bytes)
    expect(flows.size).toBe(0)
  })
})
