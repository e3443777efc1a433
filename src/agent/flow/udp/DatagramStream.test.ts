// Packets of UDP and ICMP through flow table, connections and parsers to sessions.

import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ethernet, ipv4, ipv6, udpDatagram } from "../../capture/packet/packets.testing.ts"
import { readPackets } from "../../capture/pcap/readPcap.ts"
import { packetStreams } from "../../capture/packetStreams.ts"
import { Pipeline } from "../../Pipeline.ts"
import { sessionRecord } from "../sessionRecord.ts"
import { PacketFlows } from "../tcp/PacketFlows.ts"

const secondUs = 1_000_000

const start = () => {
  const records: Array<Readonly<Record<string, unknown>>> = []
  const transports: Array<number> = []
  const pipeline = new Pipeline({
    maskLiterals: true,
    sessionTimeoutUs: 120 * secondUs,
    maxConnections: 16,
    flowIdSeed: 0,
    emit: () => {},
    onSession: (session, connection) => {
      records.push(sessionRecord(session, connection))
      transports.push(connection.transport)
    },
  })
  const flows = new PacketFlows({ consumer: packetStreams({ connections: pipeline.connections }) })
  let timeUs = secondUs
  const add = (frame: Uint8Array) => flows.add(frame, 0, frame.length, frame.length, 1, ++timeUs)
  return { add, flows, pipeline, records, transports }
}

const there = { from: "10.0.0.1", to: "10.0.0.2" }
const back = { from: "10.0.0.2", to: "10.0.0.1" }
const udp = (ends: typeof there, from: number, to: number, payload: Uint8Array) =>
  ethernet(0x0800, ipv4({ ...ends, protocol: 17 }, udpDatagram(from, to, payload)))
const query = Buffer.from("00070100000100000000000003777777076578616d706c65036f72670000010001", "hex")
const answer = Buffer.from(query)
answer.set([0x81, 0x82], 2)
const echo = (type: number, sequence: number) =>
  Buffer.concat([Buffer.from([type, 0, 0, 0, 0x12, 0x34, 0, sequence]), Buffer.alloc(56)])

describe("datagrams", () => {
  it("become sessions of DNS, whichever side is seen first", () => {
    for (const isAnswerFirst of [false, true]) {
      const { add, flows, pipeline, records, transports } = start()
      const frames = [udp(there, 40_000, 9_953, query), udp(back, 9_953, 40_000, answer)]
      if (isAnswerFirst) add(frames[1])
      for (const frame of frames) add(frame)
      flows.endAll()
      expect(records.at(-1)).toMatchObject({
        msg: "session",
        protocol: "DNS",
        client: "10.0.0.1:40000",
        server: "10.0.0.2:9953",
        response_status: "server_error",
        rrt_us: 1,
      })
      expect(transports[0]).toBe(17)
      expect(pipeline.connections.size).toBe(0)
    }
  })

  it("that are never answered time out with their flow", () => {
    const { add, flows, records } = start()
    add(udp(there, 40_000, 53, query))
    flows.expire(59 * secondUs)
    expect(records).toEqual([])
    flows.expire(62 * secondUs)
    expect(records).toEqual([
      expect.objectContaining({ msg: "request", request_resource: "www.example.org" }),
    ])
  })

  it("in fragments are read whole", () => {
    const { add, flows, records } = start()
    const text = Buffer.concat([Buffer.from("c00c001000010000003c00fbfa", "hex"), Buffer.alloc(250, "t")])
    const question = Buffer.concat([query.subarray(0, -4), Buffer.from([0, 16, 0, 1])])
    const large = Buffer.concat([question, ...Array.from({ length: 15 }, () => text)])
    large.set([0x81, 0x80, 0, 1, 0, 15], 2)
    const datagram = udpDatagram(53, 40_000, large)
    const fragment = (at: number, end: number) =>
      ethernet(
        0x0800,
        ipv4(
          {
            ...back,
            protocol: 17,
            identification: 9,
            fragment: (end < datagram.length ? 0x2000 : 0) | (at / 8),
          },
          datagram.subarray(at, end),
        ),
      )
    add(udp(there, 40_000, 53, question))
    for (const at of [2_960, 0, 1_480]) add(fragment(at, Math.min(at + 1_480, datagram.length)))
    expect(records).toMatchObject([
      { msg: "session", protocol: "DNS", response_status: "ok", response_length: large.length, rrt_us: 3 },
    ])
    flows.endAll()
    expect(records).toHaveLength(1)
  })

  it("of unknown protocols hold no connection", () => {
    const { add, flows, pipeline } = start()
    for (let i = 0; i < 6; i++) add(udp(there, 40_000, 443, Buffer.from("quic or anything")))
    expect(flows.size).toBe(1)
    expect(pipeline.connections.size).toBe(0)
  })
})

describe("echoes", () => {
  it("become sessions, by sequence number, without ports", () => {
    const { add, flows, records, transports } = start()
    for (const sequence of [1, 2]) add(ethernet(0x0800, ipv4({ ...there, protocol: 1 }, echo(8, sequence))))
    for (const sequence of [2, 1]) add(ethernet(0x0800, ipv4({ ...back, protocol: 1 }, echo(0, sequence))))
    add(ethernet(0x0800, ipv4({ ...back, protocol: 1 }, Buffer.from([3, 1, 0, 0, 0, 0, 0, 0]))))
    flows.endAll()
    expect(records).toMatchObject([
      { msg: "session", protocol: "Ping", request_id: 2, rrt_us: 1, client: "10.0.0.1", server: "10.0.0.2" },
      { msg: "session", request_id: 1, rrt_us: 3, request_resource: "4660", response_status: "ok" },
    ])
    expect(transports).toEqual([1, 1])
  })

  it("of ICMPv6 too", () => {
    const { add, flows, records, transports } = start()
    add(ethernet(0x86dd, ipv6(58, echo(128, 1))))
    flows.endAll()
    expect(records).toMatchObject([{ msg: "request", protocol: "Ping", client: "2001:db8::1" }])
    expect(transports).toEqual([58])
  })
})

describe("real programs", () => {
  it("dig, dnsmasq and ping give a session for each question", async () => {
    const { flows, records } = start()
    const file = new URL("../../protocol/dns/recordings/dnsmasq-dig.pcap", import.meta.url).pathname
    await readPackets(file, (packet) => {
      flows.add(packet.bytes, packet.start, packet.end, packet.originalLength, packet.linkType, packet.timeUs)
    })
    flows.endAll()
    const shown = records.map(
      ({ msg, request_resource, request_type, response_exception, response_result, server }) =>
        [msg, server, request_type, request_resource, response_result ?? response_exception ?? ""].join(" "),
    )
    const server = "127.0.0.1:5300"
    expect(shown).toEqual([
      `session ${server} A www.example.org A=10.1.2.3 TTL=0`,
      `session ${server} AAAA shop.example.org CNAME=www.example.org TTL=0, AAAA=2001:db8::5 TTL=0`,
      `session ${server} TXT example.org TXT=v=spf1 -all TTL=0`,
      `session ${server} SRV _ldap._tcp.example.org SRV=389 ldap.example.org TTL=0`,
      `session ${server} A no.example.org NXDOMAIN`,
      `session ${server} A elsewhere.test REFUSED`,
      `session ${server} A www.example.org A=10.1.2.3 TTL=0`,
      "session 127.0.0.1 Echo 13970 ",
      "session 127.0.0.1 Echo 13970 ",
      "session ::1 Echo 13971 ",
    ])
  })
})
