import { describe, expect, it } from "vitest"
import type { ProcessView } from "../../api/contract.ts"
import { countByState, matchesProcess, portTexts } from "./processList.ts"

const nginx: ProcessView = {
  pid: 4_321,
  parentPid: 1,
  service: "front",
  comm: "nginx",
  commandLine: "nginx -p /srv",
  exe: "/usr/sbin/nginx",
  user: "www",
  containerId: "",
  startUs: 1,
  listening: [
    { ip: "0.0.0.0", port: 80 },
    { ip: "::", port: 80 },
    { ip: "127.0.0.1", port: 8_081 },
    { ip: "::1", port: 9_000 },
  ],
  capture: { state: "captured", by: "socket data", protocols: ["HTTP"], requests: 5, notes: [] },
}

describe("processList", () => {
  it.each(["", "FRONT", "nginx", "/srv", "www", "http", "432", "8081", " 80 "])("finds by %j", (search) =>
    expect(matchesProcess(nginx, search)).toBe(true),
  )

  it.each(["redis", "321", "99"])("does not find by %j", (search) =>
    expect(matchesProcess(nginx, search)).toBe(false),
  )

  it("counts by state", () => {
    const not = { ...nginx, capture: { ...nginx.capture, state: "not" as const } }
    expect(countByState([nginx, not, not])).toEqual({ captured: 1, partly: 0, not: 2 })
  })

  it("names ports once", () => expect(portTexts(nginx)).toEqual(["*:80", "127.0.0.1:8081", "[::1]:9000"]))
})
