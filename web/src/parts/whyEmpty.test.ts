import { describe, expect, it } from "vitest"
import type { ProcessView, Status } from "../api/contract.ts"
import { whyEmpty } from "./whyEmpty.ts"

const status = (tier: number, features: Status["agents"][0]["features"] = []): Status => ({
  version: "1",
  uptimeSeconds: 1,
  agents: [{ id: "a", host: "box", tier, lastSeenUs: 1, features, counters: {}, budget: null }],
  storage: { mode: "embedded", rows: 0, bytes: 0, version: "1" },
})

const process = (requests: number): ProcessView => ({
  pid: 1,
  parentPid: 0,
  service: "web",
  comm: "web",
  commandLine: "web",
  exe: "/web",
  user: "root",
  containerId: "",
  startUs: 1,
  listening: [{ ip: "127.0.0.1", port: 80 }],
  capture: { state: "captured", by: "socket data", protocols: [], requests, notes: [] },
})

const texts = (...args: Parameters<typeof whyEmpty>) =>
  whyEmpty(...args).map((reason) => `${reason.tone}: ${reason.text} ${reason.next}`)

describe("whyEmpty", () => {
  it("says nothing before it knows", () => expect(whyEmpty(undefined, undefined)).toEqual([]))

  it("says that there is no agent", () => {
    expect(texts({ ...status(1), agents: [] }, [])[0]).toContain("down: No agent has connected")
  })

  it("says that nobody has made a request", () => {
    const [capture, traffic] = texts(status(1), [process(0)])
    expect(capture).toContain("ok: The agent on box follows")
    expect(traffic).toContain("Of 1 processes 1 listen on a port")
  })

  it("says that requests are elsewhere in time", () => {
    expect(texts(status(1), [process(5), process(0)])[1]).toContain("1 of 2 processes")
  })

  it("names what is missing and what to do", () => {
    const missing = { name: "socket data", on: false, hook: "", missing: "no CAP_BPF", next: "run as root" }
    const said = texts(status(3, [missing]), [])
    expect(said[0]).toContain("down: ")
    expect(said[1]).toBe("degraded: socket data: no CAP_BPF run as root")
  })
})
