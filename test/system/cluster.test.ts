// Two servers over a real etcd, everything over TLS, and a real agent that captures: it enrols with a token for one use, has one server at a time, finds the other when its server is
// killed, moves when its server is drained, and what it delivers arrives.

import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { startEtcd, type TestEtcd } from "../../src/runtime/coordination/etcd.testing.ts"
import type { AgentView, ServerView } from "../../src/wire/control/AdminRpc.ts"
import { Load } from "./support/Load.ts"
import { askAdmin } from "./support/askAdmin.ts"
import { bin, Sonde, until } from "./support/Sonde.ts"
import { nginx as startNginx } from "./support/programs.ts"
import { describeSystem } from "./support/system.ts"

describeSystem("two servers and an agent", ["/usr/bin/etcd", "/usr/sbin/nginx"], () => {
  const scope = Effect.runSync(Scope.make())
  const data = mkdtempSync(join(tmpdir(), "sonde-cluster-"))
  let etcd: TestEtcd
  let servers: Record<string, Sonde> = {}
  let agent: ChildProcess
  let agentLog = ""

  const start = (id: string): Sonde =>
    new Sonde({
      command: "server",
      data: join(data, id),
      set: [
        `cluster.id=${id}`,
        `cluster.etcd=${etcd.endpoints.join(",")}`,
        "cluster.secret=of the test",
        "cluster.tls=always",
      ],
    })

  const agentAt = (server: Sonde, id: string, seconds = 10) =>
    until(
      `the agent is at ${id}`,
      () => askAdmin<ReadonlyArray<AgentView>>(server, "Agents"),
      (agents) =>
        agents.length === 1 &&
        agents[0]!.server === id &&
        agents[0]!.place === id &&
        agents[0]!.state === "running",
      seconds,
    )

  beforeAll(async () => {
    etcd = await Effect.runPromise(startEtcd().pipe(Scope.provide(scope)))
    servers = { s1: start("s1"), s2: start("s2") }
    const ready = await Promise.all(Object.values(servers).map((server) => server.ready))
    const controllers = ready.map(({ control }) => control)
    const { token } = await askAdmin<{ readonly token: string }>(servers["s1"]!, "TokenMake", {
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
        ...["--set", `agent.controllers=${controllers.join(",")}`, "--set", "agent.server="],
        ...["--set", `agent.token=${token}`],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    )
    agent.stderr!.setEncoding("utf8").on("data", (text: string) => (agentLog += text))
  }, 60_000)

  afterAll(async () => {
    agent.kill("SIGTERM")
    await Promise.all(Object.values(servers).map((server) => server.stop()))
    await Effect.runPromise(Scope.close(scope, Exit.void))
    rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }, 60_000)

  it("has the agent at one of them, wherever it asked, and its requests there", async () => {
    const { s1, s2 } = servers as { readonly s1: Sonde; readonly s2: Sonde }
    const seen = await until(
      "both know the agent",
      async () => [
        await askAdmin<ReadonlyArray<AgentView>>(s1, "Agents"),
        await askAdmin<ReadonlyArray<AgentView>>(s2, "Agents"),
      ],
      (lists) =>
        lists.every((list) => list.length === 1 && list[0]!.state === "running" && list[0]!.server !== ""),
      20,
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${agentLog}\n${s1.log}\n${s2.log}`)
    })
    expect(seen[0]![0]!.server).toBe(seen[1]![0]!.server)
    const leaders = await Promise.all(
      [s1, s2].map((server) => askAdmin<{ readonly server: string }>(server, "Leader")),
    )
    expect(leaders[0]).toEqual(leaders[1])
    const listed = await askAdmin<ReadonlyArray<ServerView>>(s1, "Servers")
    expect(listed.map(({ id, isLeader }) => [id, isLeader])).toEqual([
      ["s1", leaders[0]!.server === "s1"],
      ["s2", leaders[0]!.server === "s2"],
    ])
  }, 40_000)

  it("moves the agent when its server is drained, without losing a request", async () => {
    const { s1 } = servers as { readonly s1: Sonde }
    const from = (await askAdmin<ReadonlyArray<AgentView>>(s1, "Agents"))[0]!.server
    const to = from === "s1" ? "s2" : "s1"
    const web = await startNginx()
    try {
      const load = new Load(web.port, "/moving", 50)
      await until(
        "requests",
        () => load.answered.length,
        (count) => count > 50,
      )
      await askAdmin(servers[to]!, "ServerDrain", { id: from, isDraining: true })
      await agentAt(servers[to]!, to)
      const movedMs = Date.now()
      await until(
        "requests behind the move",
        () => load.paths(movedMs).length,
        (count) => count > 50,
      )
      await load.stop()
      const wanted = load.paths().filter((path) => Number(path.split("/")[2]) >= 20)
      const stored = async () => {
        const rows = await Promise.all(
          Object.values(servers).map((server) =>
            server.sql(
              `SELECT request_resource AS path, count() AS rows FROM flow_log.l7_flow_log
               WHERE startsWith(request_resource, '/moving/') AND observation_point = 's-p' GROUP BY path LIMIT 10000`,
            ),
          ),
        )
        return rows.flat().map(({ path, rows }) => [String(path), Number(rows)] as const)
      }
      const found = await until("all requests are stored", stored, (rows) => {
        const paths = new Set(rows.map(([path]) => path))
        return wanted.every((path) => paths.has(path))
      })
      expect(found.filter(([, rows]) => rows !== 1)).toEqual([])
      expect(new Set(found.map(([path]) => path)).size).toBe(found.length)
      await askAdmin(servers[to]!, "ServerDrain", { id: from, isDraining: false })
    } finally {
      await web.stop()
    }
  }, 60_000)

  it("has the agent at the other when its server is killed, and the leader's work there", async () => {
    const { s1 } = servers as { readonly s1: Sonde }
    const from = (await askAdmin<ReadonlyArray<AgentView>>(s1, "Agents"))[0]!.server
    const to = from === "s1" ? "s2" : "s1"
    const killed = servers[from]!
    killed.child.kill("SIGKILL")
    await killed.exited
    const startedMs = performance.now()
    await agentAt(servers[to]!, to).catch((error: Error) => {
      throw new Error(`${error.message}\n${agentLog}\n${servers[to]!.log}`)
    })
    console.log(
      `the agent was at the other server ${Math.round(performance.now() - startedMs)} ms after the kill`,
    )
    await until(
      "the other leads",
      () => askAdmin<{ readonly server: string }>(servers[to]!, "Leader"),
      ({ server }) => server === to,
    )
    // It comes back under its name and leaves the agent where it is.
    servers = { ...servers, [from]: start(from) }
    await until(
      "both serve",
      () => askAdmin<ReadonlyArray<ServerView>>(servers[to]!, "Servers"),
      (list) => list.length === 2 && list.every(({ control }) => control !== ""),
      20,
    )
    await agentAt(servers[from]!, to)
  }, 60_000)
})
