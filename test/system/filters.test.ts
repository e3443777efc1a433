// Filters and sampling set from the server, taken by an agent that runs: rows, connections and metrics of real requests.

import { execFileSync, spawnSync } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, it } from "vitest"
import { nginx, type Program, renamed } from "./support/programs.ts"
import { bin, Sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

const asked = 4
/** A program that is gone sooner than the agent hears of it. */
const alone = "left-alone"

describeSystem("settings of an agent that runs", ["/usr/sbin/nginx", "/usr/bin/curl"], () => {
  let sonde: Sonde
  let web: Program
  let address: ReadonlyArray<string>

  beforeAll(async () => {
    sonde = new Sonde({
      command: "up",
      set: ["agent.tls=false", "agent.besideAnother=capture", `agent.excludePrograms=${alone}`],
    })
    const ready = await sonde.ready
    web = await nginx()
    address = ["--data", sonde.data, "--server", ready.admin]
    await until(
      "the agent captures",
      () => sonde.get<{ agents: ReadonlyArray<{ tier: number }> }>("/api/v1/status"),
      ({ agents }) => agents.some(({ tier }) => tier === 1),
      60,
    )
  }, 120_000)
  afterAll(async () => {
    await sonde.stop()
    await web.stop()
  })

  const admin = (...words: ReadonlyArray<string>): string =>
    execFileSync(bin, ["admin", ...words, ...address], { encoding: "utf8", stdio: "pipe" })

  const configured = () =>
    JSON.parse(admin("agents", "list", "--json")) as Readonly<
      Record<"configVersion" | "configWanted", number>
    >

  /** Changes the agents' settings, and waits until the agent runs with the new ones. */
  const set = async (...words: ReadonlyArray<string>): Promise<void> => {
    const { configWanted: before } = configured()
    admin("config", ...words)
    await until(
      `${words.join(" ")} is in force`,
      configured,
      ({ configVersion, configWanted }) => configWanted > before && configVersion === configWanted,
      30,
    )
  }

  const ask = async (what: string): Promise<void> => {
    for (let i = 0; i < asked; i++)
      spawnSync("curl", ["-s", "-o", "/dev/null", `http://127.0.0.1:${web.port}/ok?${what}`])
    // So that the agent has taken them before it is told something else.
    await sleep(1_000)
  }

  it("filters leave out rows and not connections, sampling leaves out rows and not metrics", async () => {
    await ask("before")
    await set("set", "default", 'filter.exclude=["comm=curl"]')
    await ask("excluded")
    await set("set", "default", "filter.exclude=[]", "sampleOneIn=1000000")
    await ask("sampled")
    await set("unset", "default", "sampleOneIn")
    await ask("after")
    const sum = async (table: string, by: string, what: string) => {
      const rows = await sonde.sql(
        `SELECT ${by} AS key, ${what} AS value FROM ${table} WHERE server_port = ${web.port} GROUP BY ${by}`,
      )
      return Object.fromEntries(rows.map(({ key, value }) => [String(key), Number(value)]))
    }
    const connections = await until(
      "all connections are stored",
      () => sum("flow_log.l4_flow_log", "observation_point", "count()"),
      (counts) => counts["c-p"] === 4 * asked && counts["s-p"] === 4 * asked,
      30,
    )
    expect(connections).toEqual({ "c-p": 4 * asked, "s-p": 4 * asked })
    expect(await sum("flow_log.l7_flow_log", "request_resource", "count()")).toEqual({
      "/ok?before": 2 * asked,
      "/ok?excluded": asked,
      "/ok?after": 2 * asked,
    })
    // Of clients (0) those that were excluded are not counted; of the sampled all are.
    const requests = await until(
      "all metrics are stored",
      () => sum("flow_metrics.`application.1s`", "role", "sum(request)"),
      (counts) => counts["1"] === 4 * asked && counts["0"] === 3 * asked,
      30,
    )
    expect(requests).toEqual({ 0: 3 * asked, 1: 4 * asked })
  }, 240_000)

  it("leaves programs alone that are gone before anybody looks at them", async () => {
    const program = renamed("/usr/bin/curl", alone, web.folder)
    const times = 20
    for (let i = 0; i < times; i++)
      spawnSync(program, ["-s", "-o", "/dev/null", `http://127.0.0.1:${web.port}/ok?alone`])
    const points = (table: string, where: string) =>
      sonde.sql(
        `SELECT observation_point AS point, count() AS value FROM ${table} WHERE ${where} GROUP BY point`,
      )
    const requests = await until(
      "the server's side of all is stored",
      () => points("flow_log.l7_flow_log", "request_resource = '/ok?alone'"),
      (rows) => rows.some(({ point, value }) => point === "s-p" && Number(value) === times),
      30,
    )
    await sleep(2_000)
    expect(requests).toEqual([{ point: "s-p", value: times }])
    expect(await points("flow_log.l4_flow_log", `process_kname_0 = '${alone}'`)).not.toContainEqual(
      expect.objectContaining({ point: "c-p" }),
    )
  })

  it("refuses what is no rule, and says what one is", () => {
    const refused = spawnSync(
      bin,
      ["admin", "config", "set", "default", 'filter.exclude=["nginx"]', ...address],
      { encoding: "utf8" },
    )
    expect(refused.status).toBe(1)
    expect(refused.stdout + refused.stderr).toContain(
      "filter.exclude: expected a list of rules such as pid=1234, comm=nginx, exe=/usr/sbin/nginx",
    )
  })
})
