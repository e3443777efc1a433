// Captures of tunnelled traffic through `sonde replay`: flows and requests are those of the packets within.

import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../../shared/conformance/tunnel/", import.meta.url))
const bin = fileURLToPath(new URL("../../bin/sonde", import.meta.url))

const isPresent = existsSync(root)
if (!isPresent) console.warn(`SKIPPED: no conformance captures at ${root}`)

const replay = (file: string, ...flags: ReadonlyArray<string>): ReadonlyArray<Record<string, unknown>> =>
  execFileSync(bin, ["replay", ...flags, "--json", root + file], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

const flowsOf = (file: string, ...flags: ReadonlyArray<string>): ReadonlyArray<string> =>
  replay(file, "--flows", ...flags).map((flow) => {
    const client = `${flow["client_ip"]} ${flow["client_port"]}`
    const server = `${flow["server_ip"]} ${flow["server_port"]}`
    return `${flow["protocol"]} ${client} > ${server}: ${flow["packet_tx"]} + ${flow["packet_rx"]}`
  })

describe.skipIf(!isPresent)("conformance: tunnels", () => {
  it.each([
    ["ff-vxlan.pcap", ["tcp 10.244.0.34 51854 > 10.244.1.73 80: 1 + 0"]],
    ["ip6-vxlan.pcap", ["tcp 2409:8086:8911:3123::7d1 47202 > 2409:8086:8911:3123::7e3 30100: 0 + 1"]],
    [
      "ipip.pcap",
      [
        "tcp 27.36.55.113 49249 > 210.21.210.241 60030: 1 + 1",
        "icmp 10.162.12.112 0 > 117.169.70.33 0: 1 + 0",
        "tcp 61.144.252.235 60029 > 183.9.205.187 31356: 2 + 0",
      ],
    ],
    [
      "vmware-gre-teb.pcap",
      [
        "icmp 172.16.6.1 0 > 172.16.6.119 0: 9 + 9",
        "icmp 10.25.88.89 0 > 223.5.5.5 0: 9 + 9",
        "udp 10.25.88.89 50037 > 10.25.88.1 123: 1 + 1",
      ],
    ],
  ])("flows of %s", (file, expected) => expect(flowsOf(file)).toEqual(expected))

  it("requests", () => {
    expect(replay("ff-vxlan.pcap")).toMatchObject([
      { protocol: "HTTP", request_type: "GET", request_domain: "10.244.1.73", client: "10.244.0.34:51854" },
    ])
  })

  it("packets as often as the mirror sent them, where that is asked for", () => {
    expect(flowsOf("vmware-gre-teb.pcap", "--duplicates")[0]).toBe(
      "icmp 172.16.6.1 0 > 172.16.6.119 0: 18 + 18",
    )
  })
})
