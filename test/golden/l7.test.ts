// Conformance of the protocol parsers: captured traffic through connections, messages in the neutral form, compared with
// what DeepFlow's agent makes of the same captures.

import { existsSync, readdirSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { packetStreams } from "../../src/agent/capture/packetStreams.ts"
import { readPackets } from "../../src/agent/capture/pcap/readPcap.ts"
import { PacketFlows } from "../../src/agent/flow/tcp/PacketFlows.ts"
import { Pipeline } from "../../src/agent/Pipeline.ts"
import { neutralMessage } from "../../src/agent/protocol/neutral.ts"
import type { L7Message } from "../../src/model/L7Session.ts"
import { differences, notYet } from "./differences.ts"

const root = new URL("../../../shared/conformance/l7/", import.meta.url).pathname
const protocols = [
  "http",
  "redis",
  "mysql",
  "mongo",
  "memcached",
  "postgre",
  "dns",
  "some_ip",
  "amqp",
  "kafka",
  "mqtt",
  "nats",
  "openwire",
  "pulsar",
  "rocketmq",
  "zmtp",
  "dubbo",
  "brpc",
  "tars",
]

const requiredKeys = [
  "protocol",
  "msg",
  "request_type",
  "request_domain",
  "request_resource",
  "endpoint",
  "request_id",
  "response_status",
  "response_code",
  "response_exception",
  "response_result",
  "trace_ids",
  "span_id",
]

type Line = Record<string, unknown>

const cases = existsSync(root)
  ? protocols.flatMap((protocol) =>
      readdirSync(root + protocol)
        .filter((name) => name.endsWith(".expected.jsonl"))
        .map((name) => `${protocol}/${name.slice(0, -".expected.jsonl".length)}`),
    )
  : []

const expectedLines = (name: string): ReadonlyArray<Line> =>
  readFileSync(`${root}${name}.expected.jsonl`, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line)

/** Messages of a capture in the order of their first bytes, by the way of `sonde replay --messages`. */
const messagesOf = async (name: string): Promise<ReadonlyArray<Line>> => {
  const found: Array<L7Message> = []
  const pipeline = new Pipeline({
    // DeepFlow prints Redis command lines as they are.
    maskLiterals: false,
    sessionTimeoutUs: 120_000_000,
    maxConnections: 1_024,
    flowIdSeed: 0,
    emit: () => {},
    onMessage: (message) => found.push(message),
  })
  const flows = new PacketFlows({ consumer: packetStreams({ connections: pipeline.connections }) })
  await readPackets(`${root}${name}.pcap`, (packet) => {
    pipeline.tick(packet.timeUs)
    flows.add(packet.bytes, packet.start, packet.end, packet.originalLength, packet.linkType, packet.timeUs)
  })
  flows.endAll()
  return found
    .toSorted((a, b) => a.startUs - b.startUs)
    .map((message) => neutralMessage(message) as unknown as Line)
}

/** The expectation with the reviewed differences applied. */
const withDifferences = (name: string): ReadonlyArray<Line> => {
  let lines = expectedLines(name)
  for (const difference of differences) {
    if (difference.file !== name) continue
    const { key } = difference
    for (const i of difference.lines) {
      const line = lines.find((candidate) => candidate["i"] === i)
      expect(line, `difference for line ${i} of ${name}, which is not there`).toBeDefined()
      if (key === undefined) lines = lines.filter((candidate) => candidate !== line)
      else {
        expect(line?.[key], `difference in ${key} of ${name} is not needed`).not.toEqual(difference.ours)
        lines = lines.map((candidate) =>
          candidate === line ? { ...line, [key]: difference.ours } : candidate,
        )
      }
    }
  }
  return lines
}

const requiredPart = (line: Line, like: Line): Line =>
  Object.fromEntries(requiredKeys.filter((key) => like[key] !== undefined).map((key) => [key, line[key]]))

/** Cases without an expectation, and what the protocol's specification says of them. */
const unexpected: Record<string, ReadonlyArray<Line>> = {
  "krpc/krpc": [
    {
      msg: "request",
      protocol: "KRPC",
      request_type: "30",
      request_resource: "455",
      endpoint: "455/30",
      request_id: 1,
      trace_ids: ["gtwdemo-ac110006-463659-122997101"],
      span_id: "gtwdemo-ac110006-463659-122997102",
      parent_span_id: "gtwdemo-ac110006-463659-122997101",
    },
    { msg: "response", endpoint: "455/30", request_id: 1, response_status: "ok", response_code: 0 },
  ],
  "sofarpc/sofa-old": [
    {
      msg: "request",
      protocol: "SofaRPC",
      version: "1",
      request_type: "testSuccess",
      request_resource: "com.mycompany.app.common.ServInterface:1.0",
      endpoint: "com.mycompany.app.common.ServInterface:1.0/testSuccess",
      request_id: 2,
      request_length: 896,
      trace_ids: ["0a2200ce167089845152310016143"],
      span_id: "0",
    },
    { msg: "response", request_id: 2, response_status: "ok", response_code: 0, response_length: 230 },
  ],
}

if (cases.length === 0) console.warn(`SKIPPED: no conformance data at ${root}`)

describe.skipIf(cases.length === 0)("l7 conformance", () => {
  for (const name of cases) {
    const reason = notYet[name]
    if (reason !== undefined) {
      console.warn(`SKIPPED: conformance case ${name}: ${reason}`)
      it.skip(`${name} (${reason})`, () => {})
      continue
    }
    it(name, async () => {
      const expected = withDifferences(name)
      const found = await messagesOf(name)
      expect(found.map((line, i) => requiredPart(line, expected[i] ?? line))).toEqual(
        expected.map((line) => requiredPart(line, line)),
      )
    })
  }

  for (const [name, lines] of Object.entries(unexpected)) {
    it(`${name} (no expectation)`, async () => {
      expect(await messagesOf(name)).toMatchObject(lines)
    })
  }

  it("knows every case that it skips or excepts", () => {
    for (const name of [...Object.keys(notYet), ...differences.map((difference) => difference.file)]) {
      expect(cases).toContain(name)
    }
  })
})
