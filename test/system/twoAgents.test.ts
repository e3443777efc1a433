// Two agents on one host: the second says whom it waits for, captures nothing, and takes over when the first ends, however it does:
// in one network namespace by the name that the first holds, in two by its kernel programs.

import { afterEach, beforeEach, expect, it } from "vitest"
import { loadAddon } from "../../src/agent/capture/native/Addon.ts"
import { aloneFeature, findOtherAgent } from "../../src/agent/capture/HostClaim.ts"
import type { AgentView, StatusView } from "../../src/querier/ConsoleSources.ts"
import { curl, nginx } from "./support/programs.ts"
import { Sonde, sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

const waiting = { set: ["agent.besideAnother=wait"] }
/** Looks at the name each second; programs have to be gone for two looks. */
const takeOverSeconds = 10

const agentOf = async (observer: Sonde): Promise<AgentView> =>
  (await observer.get<StatusView>("/api/v1/status")).agents[0]!

const alone = (agent: AgentView) => agent.features.find(({ name }) => name === aloneFeature)

const requests = async (observer: Sonde, path: string): Promise<number> => {
  const [row] = await observer.sql(
    `SELECT count() AS rows FROM flow_log.l7_flow_log WHERE request_resource = '${path}'`,
  )
  return Number(row!["rows"])
}

describeSystem("two agents", ["/usr/sbin/nginx", "/usr/bin/curl", "/usr/bin/unshare", "/usr/sbin/ip"], () => {
  const running: Array<Sonde> = []
  const start = (options: ConstructorParameters<typeof Sonde>[0]): Sonde => {
    const observer = new Sonde(options)
    running.push(observer)
    return observer
  }

  beforeEach(async () => {
    const addon = loadAddon()
    if ("missing" in addon) throw new Error(addon.missing)
    await until(
      "no other agent captures on this machine",
      () => findOtherAgent(addon),
      (other) => other === undefined,
      120,
    )
  }, 150_000)
  afterEach(async () => {
    for (const observer of running.splice(0)) await observer.stop()
  })

  it("the second waits, says for whom, and takes over when the first is killed", async () => {
    const web = await nginx()
    try {
      const url = (path: string) => `http://127.0.0.1:${web.port}${path}`
      const first = start(waiting)
      expect((await first.capturing()).tier).toBe(1)
      const firstAgent = first.agentPid!
      const second = start(waiting)
      const waits = await second.capturing()
      expect(waits.tier).toBe(3)
      expect(alone(waits)).toMatchObject({ on: false, hook: "" })
      expect(alone(waits)!.missing).toBe(
        `another agent captures on this host (pid ${firstAgent}, data directory ${first.data})`,
      )
      await until(
        "its log tells",
        () => second.messages().join("\n"),
        (log) => log.includes(`pid ${firstAgent}, data directory ${first.data}`),
      )
      const { stdout } = await sonde(["doctor"])
      expect(stdout).toContain(
        `another agent captures on this host (pid ${firstAgent}, data directory ${first.data})`,
      )

      curl([url("/ok/one")])
      await until(
        "the first captures",
        () => requests(first, "/ok/one"),
        (rows) => rows === 2,
      )
      expect(await requests(second, "/ok/one")).toBe(0)

      process.kill(firstAgent, "SIGKILL")
      await first.stop("SIGKILL")
      const took = await until(
        "the second captures",
        () => agentOf(second),
        ({ tier }) => tier === 1,
        takeOverSeconds,
      )
      expect(alone(took)).toBeUndefined()
      curl([url("/ok/two")])
      await until(
        "the second stores",
        () => requests(second, "/ok/two"),
        (rows) => rows === 2,
      )
    } finally {
      await web.stop()
    }
  })

  it("sees an agent of another network namespace by its kernel programs", async () => {
    const first = start({
      ...waiting,
      wrapper: ["unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"],
    })
    await first.ready
    const addon = loadAddon()
    if ("missing" in addon) throw new Error(addon.missing)
    await until(
      "its programs are loaded",
      () => addon.programIds("sonde_").length,
      (count) => count > 0,
    )
    const second = start(waiting)
    const waits = await second.capturing()
    expect(waits.tier).toBe(3)
    expect(alone(waits)!.missing).toBe(`another agent captures on this host (pid ${first.agentPid!})`)
    await first.stop()
    await until(
      "the second captures",
      () => agentOf(second),
      ({ tier }) => tier === 1,
      takeOverSeconds,
    )
  })

  it("both capture where that is asked for", async () => {
    const first = start(waiting)
    expect((await first.capturing()).tier).toBe(1)
    const second = start({ set: ["agent.besideAnother=capture"] })
    expect((await second.capturing()).tier).toBe(1)
    expect((await agentOf(first)).tier).toBe(1)
  })
})
