import { describe, expect, it } from "vitest"
import type { MeasuredAgent } from "../../api/cpuShares.ts"
import {
  type Column,
  configText,
  countByKind,
  matchesAgent,
  missingCapabilities,
  serverText,
  sortAgents,
} from "./agentList.ts"

const web1: MeasuredAgent = {
  id: "0f-1",
  host: "web-1",
  machineId: "m1",
  version: "0.1.0",
  group: "front",
  region: "eu",
  zone: "eu-a",
  state: "running",
  server: "s1",
  place: "s1",
  capabilities: ["socket data", "packets"],
  exceptions: [],
  configVersion: 3,
  configWanted: 3,
  configProblem: "",
  packages: [],
  packageProblem: "",
  versionWanted: "",
  versionLastGood: "",
  load: 12,
  cpuMs: 0,
  cpuShare: null,
  memoryMiB: 80,
  clockOffsetUs: -900,
  firstSeenMs: 1,
  lastSeenMs: 2,
}
const web2: MeasuredAgent = { ...web1, id: "0f-2", host: "web-2", state: "lost", server: "", load: 3 }
const db: MeasuredAgent = { ...web1, id: "0f-3", host: "db", state: "waiting", place: "s2", capabilities: [] }

describe("agentList", () => {
  it.each(["", "WEB", "front eu-a", "0f-1", "s1", " web  0.1 "])("finds by %j", (search) =>
    expect(matchesAgent(web1, search)).toBe(true),
  )

  it.each(["db", "front back"])("does not find by %j", (search) =>
    expect(matchesAgent(web1, search)).toBe(false),
  )

  it("counts by what one would do about it", () =>
    expect(countByKind([web1, web2, db])).toEqual({
      running: 1,
      limited: 1,
      pending: 0,
      disabled: 0,
      lost: 1,
    }))

  it("says where an agent is and where it goes", () => {
    expect(serverText(web1)).toBe("s1")
    expect(serverText(web2)).toBe("none, belongs to s1")
    expect(serverText(db)).toBe("s1, moves to s2")
    expect(serverText({ ...web2, place: "" })).toBe("–")
  })

  it("tells the version wanted only where it differs", () => {
    expect(configText(web1)).toBe("3")
    expect(configText({ ...web1, configWanted: 4 })).toBe("3, wants 4")
  })

  it("puts first what needs somebody, equal ones by host", () => {
    const hosts = (by: Column, isDown: boolean) =>
      sortAgents([web1, web2, db], by, isDown).map(({ host }) => host)
    expect(hosts("state", false)).toEqual(["web-2", "db", "web-1"])
    expect(hosts("load", true)).toEqual(["db", "web-1", "web-2"])
    expect(hosts("version", false)).toEqual(["db", "web-1", "web-2"])
  })

  it("names what other agents can and this one cannot", () =>
    expect(missingCapabilities(db, [web1, web2, db])).toEqual(["packets", "socket data"]))
})
