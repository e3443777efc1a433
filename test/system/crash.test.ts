// Death without notice (SIGKILL) of each process in mid-stream: it comes back by itself or by a new start, what was
// acknowledged is there, nothing is there twice, and nothing stays behind in the kernel.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest"
import { lockHolder } from "../../src/runtime/clickhouse/lockHolder.ts"
import { Load } from "./support/Load.ts"
import { nginx, type Program, programsOf, unloaded } from "./support/programs.ts"
import { isAlive, Sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

/** Longer than it takes a request to be acknowledged: flush, delivery, insert, acknowledgement. */
const settledMs = 2_000

describeSystem("sudden death", ["/usr/sbin/nginx", "/usr/sbin/bpftool"], () => {
  let web: Program
  let data: string
  let sonde: Sonde
  let load: Load

  beforeAll(async () => {
    web = await nginx()
  })
  afterAll(() => web?.stop())

  beforeEach(async () => {
    data = mkdtempSync(join(tmpdir(), "sonde-test-"))
    sonde = new Sonde({ data })
    await sonde.capturing()
    load = new Load(web.port, `/ok/${Date.now()}`)
    await sleep(settledMs + 1_000)
  })
  afterEach(async () => {
    await load.stop()
    await sonde.stop()
    rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  })

  /** How often each path of the load is stored, by observation point. */
  const stored = async (): Promise<ReadonlyMap<string, Readonly<Record<string, number>>>> => {
    const rows = await sonde.sql(
      `SELECT request_resource AS path, countIf(observation_point = 'c-p') AS client,
         countIf(observation_point = 's-p') AS server FROM flow_log.l7_flow_log
       WHERE server_port = ${web.port} AND startsWith(request_resource, '${load.prefix}/') GROUP BY path LIMIT 100000`,
    )
    return new Map(
      rows.map((row) => [
        String(row["path"]),
        { client: Number(row["client"]), server: Number(row["server"]) },
      ]),
    )
  }

  const expectOnce = async (paths: ReadonlyArray<string>): Promise<void> => {
    expect(paths.length).toBeGreaterThan(0)
    const found = await until(
      "the paths are stored",
      stored,
      (rows) => paths.every((path) => rows.has(path)),
      10,
    ).catch(stored)
    expect(paths.filter((path) => found.get(path)?.["client"] !== 1)).toEqual([])
    expect(paths.filter((path) => found.get(path)?.["server"] !== 1)).toEqual([])
  }

  const expectNothingTwice = async (): Promise<void> => {
    const twice = [...(await stored())].filter(([, { client, server }]) => client! > 1 || server! > 1)
    expect(twice).toEqual([])
  }

  it("the agent: is started again and goes on capturing", async () => {
    const pid = sonde.agentPid!
    const loaded = programsOf(pid)
    expect(loaded.length).toBeGreaterThan(0)
    const killedMs = Date.now()
    process.kill(pid, "SIGKILL")
    const again = await until(
      "another agent process",
      () => sonde.agentPid,
      (one) => one !== undefined && one !== pid,
    )
    expect(again).not.toBe(pid)
    await until(
      "the new agent captures",
      async () => {
        const found = await stored()
        return load.paths(killedMs).findLast((path) => found.has(path))
      },
      (path) => path !== undefined,
    )
    const sureMs = Date.now()
    await sleep(1_500)
    await load.stop()
    await expectOnce(load.paths(0, killedMs - settledMs))
    await expectOnce(load.paths(sureMs))
    await expectNothingTwice()
    await unloaded(loaded)
    expect(programsOf(again!)).toHaveLength(loaded.length)
    expect(sonde.log).toContain("the agent ended with signal SIGKILL")
  })

  it("the database: is started again, nothing acknowledged is lost, nothing is stored twice", async () => {
    const pid = sonde.enginePid!
    process.kill(pid, "SIGKILL")
    const again = await until(
      "another database process",
      () => sonde.enginePid,
      (one) => one !== undefined && one !== pid,
    )
    expect(again).not.toBe(pid)
    await sleep(2_500)
    await load.stop()
    // Not even what was on its way is lost: it is sent again.
    await expectOnce(load.paths())
    await expectNothingTwice()
    expect(sonde.log).toContain("the embedded ClickHouse ended with signal SIGKILL")
  })

  it("everything: starts again on what it had, keeps nothing in the kernel", async () => {
    const agent = sonde.agentPid!
    const engine = sonde.enginePid!
    const loaded = programsOf(agent)
    expect(loaded.length).toBeGreaterThan(0)
    const acknowledged = await stored()
    expect(acknowledged.size).toBeGreaterThan(100)
    const killedMs = Date.now()
    sonde.child.kill("SIGKILL")
    await sonde.exited
    await until(
      "the agent ends",
      () => isAlive(agent),
      (alive) => !alive,
      15,
    )
    await until(
      "the database ends",
      () => isAlive(engine),
      (alive) => !alive,
      15,
    )
    await unloaded(loaded)
    expect(lockHolder(join(data, "clickhouse/status"))).toBeUndefined()

    sonde = new Sonde({ data })
    await sonde.capturing()
    const sureMs = Date.now()
    await sleep(1_500)
    await load.stop()
    await expectOnce([...acknowledged.keys()])
    // What the server had not acknowledged was kept by the agent and is delivered now.
    await expectOnce(load.paths(0, killedMs))
    await expectOnce(load.paths(sureMs))
    await expectNothingTwice()
  })
})
