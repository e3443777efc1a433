// Filters with real programs: whose requests are read, and that connections are counted whoever's are not.

import { mkdirSync, rmdirSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { nginx, type Program, redis } from "../system/support/programs.ts"
import { until } from "../system/support/Sonde.ts"
import { describeSystem } from "../system/support/system.ts"
import { type Capturing, runBeside, startCapturing } from "./support/capturing.ts"
import { needed } from "./support/tracing.ts"

/** Programs that ask twice over one connection, some time apart: who is gone before anybody looked has no name to be filtered by. */
const curl = (port: number) => {
  const url = `http://127.0.0.1:${port}/ok`
  return runBeside("/usr/bin/curl", ["-s", "--rate", "8/s", url, url])
}
const ping = (port: number) =>
  runBeside("/usr/bin/redis-cli", ["-p", String(port), "-r", "2", "-i", "0.12", "ping"])

/** A control group of the second version; the machine may have it beside the first. */
const groups = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]

describeSystem("filters", [...needed, "/usr/sbin/nginx", "/usr/bin/redis-server", "/usr/bin/curl"], () => {
  let web: Program
  let store: Program
  let capturing: Capturing
  let asked = 0

  beforeAll(async () => {
    capturing = await startCapturing()
    web = await nginx()
    store = await redis()
  })
  afterAll(async () => {
    await capturing.stop()
    await web.stop()
    await store.stop()
  })

  /** Who saw requests, and who saw connections, of one more round by each filter. */
  const round = async (filter: Parameters<Capturing["filter"]>[0]) => {
    capturing.filter(filter)
    const before = {
      web: capturing.sessions(web.port).length,
      store: capturing.sessions(store.port).length,
    }
    asked++
    await curl(web.port)
    await ping(store.port)
    await capturing.settle()
    const sides = (port: number, from: number) => {
      const seen = capturing
        .sessions(port)
        .slice(from)
        .map(({ side }) => side)
      return [...new Set(seen)].toSorted()
    }
    return { web: sides(web.port, before.web), store: sides(store.port, before.store) }
  }
  const both = ["client", "server"]

  it("read all when there is none", async () => {
    expect(await round({})).toEqual({ web: both, store: both })
  })

  it("leave out a program that starts later, from its first bytes on", async () => {
    expect(await round({ exclude: ["comm=curl"] })).toEqual({ web: ["server"], store: both })
    expect(await round({ exclude: ["exe=/usr/bin/curl"] })).toEqual({ web: ["server"], store: both })
  })

  it("leave out a program that runs", async () => {
    expect(await round({ exclude: ["exe=*/nginx"] })).toEqual({ web: ["client"], store: both })
    expect(await round({ exclude: [`pid=${store.pid}`] })).toEqual({ web: both, store: ["client"] })
  })

  it("read only what is included", async () => {
    expect(await round({ include: ["comm=nginx", "comm=curl"] })).toEqual({ web: both, store: [] })
    expect(await round({ include: [`port=${store.port}`] })).toEqual({ web: [], store: both })
    const rules = { include: [`port=${store.port}`, `port=${web.port}`], exclude: [`port=${web.port}`] }
    expect(await round(rules)).toEqual({ web: [], store: both })
  })

  it("are taken back", async () => {
    expect(await round({})).toEqual({ web: both, store: both })
  })

  it("count every connection meanwhile, at both ends and with its round trip", async () => {
    const flows = await until(
      "all connections are told",
      () => capturing.flows(web.port),
      (rows) => rows.filter(({ client }) => client === "curl").length >= 2 * asked,
    )
    for (const side of ["client", "server"] as const) {
      const rows = flows.filter((row) => row.side === side && row.client === "curl")
      expect(rows).toHaveLength(asked)
      for (const row of rows) {
        expect(row).toMatchObject({ client: "curl", server: "nginx", closeType: 1 })
        expect(row.bytes).toEqual(rows[0]!.bytes)
        expect(row.packets[0]).toBeGreaterThan(2)
        expect(row.rttUs).toBeGreaterThan(0)
      }
      // Those that were read have their request, the others none.
      expect(new Set(rows.map(({ requests }) => requests))).toEqual(new Set([0, 2]))
    }
  })

  it("leave connections alone, too, where they are told to", async () => {
    const before = capturing.flows(web.port).length
    const rules = { exclude: ["comm=curl", "comm=nginx"], connections: "included" } as const
    expect(await round(rules)).toEqual({ web: [], store: both })
    await runBeside("/usr/bin/sleep", ["1.5"])
    expect(capturing.flows(web.port)).toHaveLength(before)
  })

  describe("by namespace and control group", () => {
    it("leave out what runs in another network namespace", async () => {
      const { output } = await runBeside("/usr/bin/readlink", ["/proc/self/ns/net"])
      const netns = /\d+/.exec(output)![0]
      expect(await round({ exclude: [`netns=${netns}`] })).toEqual({ web: [], store: [] })
      expect(await round({ include: [`netns=${netns}`] })).toEqual({ web: both, store: both })
    })

    it("leave out what runs in a control group", async ({ skip }) => {
      const folder = groups
        .map((group) => `${group}/sonde-filters-test`)
        .find((path) => {
          try {
            mkdirSync(path)
            return true
          } catch {
            return false
          }
        })
      if (folder === undefined) return skip("control groups cannot be made here")
      try {
        const slowPing = `redis-cli -p ${store.port} -r 2 -i 0.3 ping`
        const within = ["-c", `echo $$ > ${folder}/cgroup.procs && exec ${slowPing}`]
        const sides = async (rule: string) => {
          capturing.filter({ exclude: [rule] })
          const from = capturing.sessions(store.port).length
          await runBeside("/bin/sh", within)
          await capturing.settle()
          return capturing
            .sessions(store.port)
            .slice(from)
            .map(({ side }) => side)
        }
        expect(await sides("cgroup=/sonde-filters-*")).toEqual(["server", "server"])
        expect(await sides("cgroup=/sonde-others-*")).toHaveLength(4)
      } finally {
        rmdirSync(folder)
      }
    })
  })
})
