// An agent is upgraded by a package that is built from this tree, signed, stored by a server and brought to it: it takes over, keeps what it
// captured before, and a version that does not work is taken back, on the machine and in the region.

import { execFileSync, spawn, type ChildProcess } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { tinyPackage, tinyProgram } from "../../src/runtime/agentPackage/tinyAgent.testing.ts"
import type { AgentView, RolloutView } from "../../src/wire/control/AdminRpc.ts"
import { Load } from "./support/Load.ts"
import { nginx as startNginx } from "./support/programs.ts"
import { bin, Sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

describeSystem("an upgrade by package", ["/usr/sbin/nginx"], () => {
  const data = mkdtempSync(join(tmpdir(), "sonde-upgrade-"))
  const file = (name: string) => join(data, name)
  let server: Sonde
  let agent: ChildProcess
  let agentLog = ""
  let address: ReadonlyArray<string> = []

  const admin = (...words: ReadonlyArray<string>): string =>
    execFileSync(bin, ["admin", ...words, ...address], { encoding: "utf8" })
  const lines = <A>(text: string): ReadonlyArray<A> =>
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as A)
  const agents = () => lines<AgentView>(admin("agents", "list", "--json"))
  const rollouts = () => lines<RolloutView>(admin("packages", "rollout", "status", "--json"))
  const telling = (error: Error): never => {
    throw new Error(`${error.message}\n${agentLog}\n${server.log}`)
  }

  beforeAll(async () => {
    server = new Sonde({ command: "server", data: file("server") })
    const ready = (await server.ready) as unknown as { readonly control: string; readonly admin: string }
    address = ["--data", server.data, "--server", ready.admin]
    const key = execFileSync(bin, ["admin", "packages", "key", file("key.pem")], { encoding: "utf8" })
    agent = spawn(
      bin,
      [
        "agent",
        ...["--data", file("agent"), "--set", "agent.proveSeconds=2"],
        ...["--set", `agent.controllers=${ready.control}`, "--set", "agent.server="],
        ...["--set", `agent.packageKeys=${/agent\.packageKeys: (\S+)/.exec(key)![1]}`],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    )
    agent.stderr!.setEncoding("utf8").on("data", (text: string) => (agentLog += text))
    await until(
      "the agent runs",
      agents,
      ([one]) => one?.state === "running" && one.capabilities.length > 0,
      40,
    ).catch(telling)
  }, 90_000)

  afterAll(async () => {
    agent.kill("SIGTERM")
    await server.stop()
    rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }, 60_000)

  it("runs the new version once it has proved itself, and lost nothing that it had captured", async () => {
    const web = await startNginx()
    try {
      execFileSync(bin, ["admin", "packages", "build-agent", file("agent.tgz"), "--version", "9.0.0"])
      admin(
        "packages",
        "add",
        file("agent.tgz"),
        "--kind",
        "agent",
        "--version",
        "9.0.0",
        "--key",
        file("key.pem"),
      )
      const load = new Load(web.port, "/upgrade", 50)
      await until(
        "requests are captured",
        () =>
          server.sql(
            "SELECT count() AS rows FROM flow_log.l7_flow_log WHERE startsWith(request_resource, '/upgrade/')",
          ),
        ([row]) => Number(row?.["rows"]) > 20,
      )
      const beganMs = Date.now()
      admin("packages", "assign", "sonde-agent", "9.0.0", "default")
      await until(
        "the new version is kept",
        () => agentLog,
        (log) => log.includes("version 9.0.0 of the agent works and is kept"),
        60,
      ).catch(telling)
      const keptMs = Date.now()
      await until(
        "requests behind the upgrade",
        () => load.paths(keptMs).length,
        (count) => count > 50,
      )
      await load.stop()
      const [one] = await until("the server knows", agents, ([one]) => one?.packages.length === 1, 30)
      expect(one).toMatchObject({
        version: "9.0.0",
        versionWanted: "9.0.0",
        versionLastGood: "0.1.0",
        packages: [{ name: "sonde-agent", version: "9.0.0" }],
        packageProblem: "",
        state: "running",
      })
      const stored = async () =>
        (
          await server.sql(
            `SELECT request_resource AS path, count() AS rows FROM flow_log.l7_flow_log
             WHERE startsWith(request_resource, '/upgrade/') AND observation_point = 's-p' GROUP BY path LIMIT 100000`,
          )
        ).map(({ path, rows }) => [String(path), Number(rows)] as const)
      const number = (path: string) => Number(path.split("/")[2])
      const before = load.paths(0, beganMs).filter((path) => number(path) >= 20)
      const rows = await until("all of before and after are stored", stored, (found) => {
        const paths = new Set(found.map(([path]) => path))
        return [...before, ...load.paths(keptMs)].every((path) => paths.has(path))
      })
      expect(rows.filter(([, count]) => count !== 1)).toEqual([])
      // Nobody captures between the two versions, once and not for long.
      const paths = new Set(rows.map(([path]) => path))
      const missing = load
        .paths(beganMs)
        .filter((path) => !paths.has(path))
        .map(number)
      console.log(`${missing.length} requests (20 ms each) came while no version captured`)
      if (missing.length > 0) expect(Math.max(...missing) - Math.min(...missing)).toBe(missing.length - 1)
    } finally {
      await web.stop()
    }
  }, 150_000)

  it("goes back from a version that ends, and the roll-out is taken back in the region", async () => {
    writeFileSync(file("bad.tgz"), tinyPackage("9.1.0", tinyProgram("9.1.0", "process.exit(3)")))
    admin(
      "packages",
      "add",
      file("bad.tgz"),
      "--kind",
      "agent",
      "--version",
      "9.1.0",
      "--key",
      file("key.pem"),
    )
    admin("packages", "rollout", "start", "sonde-agent", "9.1.0", "--stages", "1")
    const [ended] = await until(
      "the roll-out is taken back",
      rollouts,
      ([one]) => one?.to === 2 && one.state === "rolled back",
      60,
    ).catch(telling)
    expect(ended!.reason).toContain("package: version 9.1.0: ended with status 3")
    const [one] = await until("it runs as before", agents, ([one]) => one?.packageProblem === "", 30).catch(
      telling,
    )
    expect(one).toMatchObject({ version: "9.0.0", versionWanted: "9.0.0", versionLastGood: "0.1.0" })
    const kept = JSON.parse(readFileSync(join(file("agent"), "agent/release.json"), "utf8")) as Record<
      string,
      unknown
    >
    expect(kept).toMatchObject({ trying: null, refused: [{ version: "9.1.0" }] })
  }, 150_000)
})
