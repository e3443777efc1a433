// Two regions that share a global etcd, a server each, everything over TLS, and a real agent: a setting made in one region reaches the
// agent in the other; when the agent's region is gone it is a guest of the other and its rows are there; it goes home afterwards.

import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { freePort, startEtcd, type TestEtcd } from "../../src/runtime/coordination/etcd.testing.ts"
import type { AgentView, RegionView } from "../../src/wire/control/AdminRpc.ts"
import { Load } from "./support/Load.ts"
import { nginx as startNginx } from "./support/programs.ts"
import { askAdmin } from "./support/askAdmin.ts"
import { bin, Sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

describeSystem("two regions and an agent", ["/usr/bin/etcd", "/usr/sbin/nginx"], () => {
  const scope = Effect.runSync(Scope.make())
  const data = mkdtempSync(join(tmpdir(), "sonde-regions-"))
  let global: TestEtcd
  let eu: Sonde
  let us: Sonde
  let agent: ChildProcess
  let agentLog = ""
  let ports: { readonly control: number; readonly ingest: number }

  const start = (region: string, set: ReadonlyArray<string> = []): Sonde =>
    new Sonde({
      command: "server",
      data: join(data, region),
      set: [
        `cluster.id=${region}-1`,
        `cluster.region=${region}`,
        `cluster.global=${global.endpoints.join(",")}`,
        `cluster.secret=of the region ${region}`,
        "cluster.tls=always",
        "cluster.spill=true",
        "cluster.spillSeconds=5",
        `labeler.region=${region}-label`,
        ...set,
      ],
    })
  /** Where the agent finds it again. */
  const startEu = () => start("eu", [`control.port=${ports.control}`, `ingest.port=${ports.ingest}`])

  const agentsOf = (server: Sonde) => askAdmin<ReadonlyArray<AgentView>>(server, "Agents")
  const told = (error: Error): never => {
    throw new Error(`${error.message}\n--- agent\n${agentLog}\n--- eu\n${eu.log}\n--- us\n${us.log}`)
  }

  beforeAll(async () => {
    global = await Effect.runPromise(startEtcd().pipe(Scope.provide(scope)))
    const [control, ingest] = await Effect.runPromise(Effect.all([freePort, freePort]))
    ports = { control, ingest }
    eu = startEu()
    us = start("us")
    await Promise.all([eu.ready, us.ready])
    const { token } = await askAdmin<{ readonly token: string }>(eu, "TokenMake", {
      role: "agent",
      note: "",
      hours: 1,
      usesMost: 1,
    })
    agent = spawn(
      bin,
      [
        "agent",
        ...["--data", join(data, "agent")],
        ...["--set", `agent.controllers=127.0.0.1:${ports.control}`, "--set", "agent.server="],
        ...["--set", `agent.token=${token}`],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    )
    agent.stderr!.setEncoding("utf8").on("data", (text: string) => (agentLog += text))
  }, 60_000)

  afterAll(async () => {
    agent.kill("SIGTERM")
    await Promise.all([eu, us].map((server) => server.stop()))
    await Effect.runPromise(Scope.close(scope, Exit.void))
    rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }, 60_000)

  it("gives the agent in one region what was set in the other", async () => {
    const layer = { layer: "default", name: "-" }
    await askAdmin(us, "ConfigSet", { layer, values: { sessionSeconds: 77 }, comment: "", stages: [] })
    await until(
      "the agent runs with it",
      () => agentsOf(eu),
      ([one]) => one?.state === "running" && one.configVersion > 0 && one.configVersion === one.configWanted,
      40,
    ).catch(told)
    const [{ id }] = (await agentsOf(eu)) as [AgentView]
    const { config, home } = await until(
      "it has its home",
      () => askAdmin<{ readonly config: object; readonly home: string }>(eu, "Agent", { id }),
      (answer) => answer.home === "eu",
      40,
    ).catch(told)
    expect(config).toEqual({ sessionSeconds: 77 })
    expect(home).toBe("eu")
    const regions = await until(
      "the regions know each other",
      () => askAdmin<ReadonlyArray<RegionView>>(eu, "Regions"),
      (all) => all.length === 2 && all.every(({ heardMs = 0 }) => heardMs > 0),
      40,
    ).catch(told)
    expect(regions.map(({ isHere, name, servers, state }) => [name, isHere, servers, state])).toEqual([
      ["eu", true, 1, "reachable"],
      ["us", false, 1, "reachable"],
    ])
  }, 130_000)

  it("has the agent as a guest elsewhere while its region is gone, and sees it go home", async () => {
    await until(
      "the agent knows where to go",
      () =>
        JSON.parse(readFileSync(join(data, "agent", "elsewhere.json"), "utf8")) as {
          regions: Array<{ name: string }>
        },
      ({ regions }) => regions.some(({ name }) => name === "us"),
      40,
    ).catch(told)
    eu.child.kill("SIGKILL")
    await eu.exited
    const [guest] = await until(
      "the agent is a guest",
      () => agentsOf(us),
      ([one]) => one?.server === "us-1" && one.state === "running",
      60,
    ).catch(told)
    expect(guest).toMatchObject({ guestOf: "eu", place: "us-1" })
    const web = await startNginx()
    try {
      const load = new Load(web.port, "/guest", 20)
      const stored = await until(
        "its requests are there, as those of its own region",
        () =>
          us.sql(
            `SELECT region_1 AS region, count() AS rows FROM flow_log.l7_flow_log
             WHERE startsWith(request_resource, '/guest/') AND observation_point = 's-p' GROUP BY region_1 LIMIT 10`,
          ),
        (rows) => rows.some(({ region, rows }) => region === "eu-label" && Number(rows) > 10),
        40,
      ).catch(told)
      expect(stored.length).toBeGreaterThan(0)
      await load.stop()
    } finally {
      await web.stop()
    }
    const here = (await askAdmin<ReadonlyArray<RegionView>>(us, "Regions"))[0]!
    expect(here).toMatchObject({ name: "us", guests: 1 })

    eu = startEu()
    await eu.ready
    await until(
      "the agent is at home",
      () => agentsOf(eu),
      ([one]) => one?.server === "eu-1" && one.state === "running" && one.guestOf === undefined,
      60,
    ).catch(told)
    await until(
      "and a guest no more",
      () => agentsOf(us),
      (list) => list.every(({ server }) => server === ""),
      40,
    ).catch(told)
  }, 200_000)
})
