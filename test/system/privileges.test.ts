// With fewer rights it does what they allow, and says so: packets without CAP_BPF, an inventory without CAP_NET_RAW.

import { afterAll, beforeAll, expect, it } from "vitest"
import type { ProcessView, StatusView } from "../../src/querier/ConsoleSources.ts"
import type { RequestList } from "../../src/querier/requests/requestList.ts"
import { curl, nginx, type Program } from "./support/programs.ts"
import { Sonde, sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

/** Root with none but these capabilities. */
const only = (...capabilities: ReadonlyArray<string>): ReadonlyArray<string> => [
  "setpriv",
  `--bounding-set=${["-all", ...capabilities.map((name) => `+${name}`)].join()}`,
  "--inh-caps=-all",
]

const basic = ["dac_override", "dac_read_search", "kill", "sys_ptrace"]

interface DoctorLine {
  readonly name: string
  readonly on: boolean
  readonly missing: string
  readonly next: string
  readonly tier: number
}

const doctor = async (wrapper: ReadonlyArray<string>) => {
  const { code, stdout } = await sonde(["doctor", "--json"], { wrapper })
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as DoctorLine)
  return { code, lines, feature: (name: string) => lines.find((line) => line.name === name)! }
}

/** The log, once it holds `text`. */
const told = (observer: Sonde, text: string): Promise<string> =>
  until(
    "the log tells",
    () => observer.messages().join("\n"),
    (log) => log.includes(text),
    5,
  )

describeSystem("fewer rights", ["/usr/sbin/nginx", "/usr/bin/setpriv", "/usr/bin/curl"], () => {
  let web: Program

  beforeAll(async () => {
    web = await nginx()
  })
  afterAll(() => web?.stop())

  it("all rights: system calls", async () => {
    const { code, feature, lines } = await doctor([])
    expect(code).toBe(0)
    expect(new Set(lines.map(({ tier }) => tier))).toEqual(new Set([1]))
    expect(feature("socket data").on).toBe(true)
  })

  it("without CAP_BPF: falls to packets and says so", async () => {
    const wrapper = only(...basic, "net_raw", "net_admin")
    const observer = new Sonde({ wrapper })
    try {
      const agent = await observer.capturing()
      expect(agent.tier).toBe(2)
      const socketData = agent.features.find(({ name }) => name === "socket data")
      expect(socketData).toMatchObject({ on: false })
      expect(socketData!.missing).toContain("CAP_BPF")
      expect(socketData!.next).toContain("root")
      expect(agent.features.find(({ name }) => name === "packets")).toMatchObject({ on: true })
      const said = await told(observer, "falling back to packets")
      expect(said).toContain("CAP_BPF")

      curl([`http://127.0.0.1:${web.port}/ok/packets`, `http://127.0.0.1:${web.port}/missing/packets`])
      const { rows } = await until(
        "the requests, seen as packets",
        () => observer.get<RequestList>("/api/v1/requests?q=/packets&last=60"),
        (list) => list.rows.length >= 2,
      )
      expect(
        rows.map(({ code, point, resource, serverPort, type }) => ({
          code,
          point,
          resource,
          serverPort,
          type,
        })),
      ).toEqual([
        { code: 404, point: "local", resource: "/missing/packets", serverPort: web.port, type: "GET" },
        { code: 200, point: "local", resource: "/ok/packets", serverPort: web.port, type: "GET" },
      ])
      // A flow is over two seconds after its last packet.
      const [flow] = await observer.sqlUntil(
        `SELECT observation_point, close_type, is_new_flow, protocol, l7_protocol, direction_score, syn_count, synack_count, fin_count,
           l7_request, l7_client_error, rtt > 0 AS has_rtt, packet_tx > 4 AND packet_rx > 3 AS has_packets, auto_service_1
         FROM flow_log.l4_flow_log WHERE server_port = ${web.port} AND close_type != 5`,
        (found) => found.length > 0,
        20,
      )
      expect(flow).toEqual({
        observation_point: "local",
        close_type: 1,
        is_new_flow: 1,
        protocol: 6,
        l7_protocol: 20,
        direction_score: 255,
        syn_count: 1,
        synack_count: 1,
        fin_count: 2,
        l7_request: 2,
        l7_client_error: 1,
        has_rtt: 1,
        has_packets: 1,
        auto_service_1: "nginx",
      })
      const sides = await observer.sqlUntil(
        `SELECT role, sum(new_flow) AS began, sum(closed_flow) AS ended, sum(l7_request) AS requests
         FROM flow_metrics.\`network.1s\` WHERE server_port = ${web.port} GROUP BY role ORDER BY role`,
        (found) => found.length === 2 && found.every((row) => row["ended"] === 1),
        20,
      )
      expect(sides).toEqual([0, 1].map((role) => ({ role, began: 1, ended: 1, requests: 2 })))
      const page = await fetch((await observer.ready).url)
      expect(page.status).toBe(200)
    } finally {
      await observer.stop()
    }
    const { code, feature, lines } = await doctor(wrapper)
    expect(code).toBe(0)
    expect(new Set(lines.map(({ tier }) => tier))).toEqual(new Set([2]))
    expect(feature("socket data").missing).toContain("CAP_BPF")
    expect(feature("packets").on).toBe(true)
  })

  it("with neither: lists processes and says that nothing is captured", async () => {
    const wrapper = only(...basic)
    const observer = new Sonde({ wrapper })
    try {
      const agent = await observer.capturing()
      expect(agent.tier).toBe(3)
      expect(agent.features.filter(({ on }) => on)).toEqual([])
      const said = await told(observer, "nothing is captured")
      for (const capability of ["CAP_BPF", "CAP_NET_RAW"]) expect(said).toContain(capability)

      const status = await observer.get<StatusView>("/api/v1/status")
      expect(status.agents[0]!.tier).toBe(3)
      const { processes } = await observer.get<{ processes: ReadonlyArray<ProcessView> }>("/api/v1/processes")
      const own = processes.find(({ listening }) => listening.some(({ port }) => port === web.port))
      expect(own?.service).toBe("nginx")
      expect(own?.capture.state).toBe("not")
      expect(own?.capture.notes[0]?.next).toContain("CAP_NET_RAW")
      const page = await fetch((await observer.ready).url)
      expect(page.status).toBe(200)
    } finally {
      await observer.stop()
    }
    const { code, feature, lines } = await doctor(wrapper)
    expect(code).toBe(1)
    expect(new Set(lines.map(({ tier }) => tier))).toEqual(new Set([3]))
    expect(feature("packets").missing).toContain("CAP_NET_RAW")
  })
})
