// The region under test: real servers over three members of etcd and one ClickHouse, agents by the real protocols, and between all
// of them ways that can be disturbed (servers to etcd, agents to servers).

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Exit from "effect/Exit"
import { ask, setFlushMs } from "../../bench/fleetProcesses.ts"
import { Witness } from "../../bench/Witness.ts"
import { ClickHouse } from "../../src/runtime/clickhouse/ClickHouse.ts"
import { freePort, startEtcd, type TestEtcd } from "../../src/runtime/coordination/etcd.testing.ts"
import { startProxy, type TestProxy } from "../../src/runtime/coordination/proxy.testing.ts"
import { kept, tablesEngine } from "../../src/tables/tables.testing.ts"
import { Sonde } from "../system/support/Sonde.ts"
import { AgentHost, type AgentWords } from "./AgentHosts.ts"
import { openFront } from "./clickHouseFront.ts"
import { followStore, type StoreHistory } from "./StoreHistory.ts"
import { TestClock } from "./TestClock.ts"

/** Small, so that it is full soon; what a round writes is a hundredth of it. */
export const etcdQuotaBytes = 16 * 1_048_576

export const prefix = "/sonde/default/"

const serverIds = ["s1", "s2", "s3"]
const hostsCount = 2
const answerMs = 5_000

export interface RegionOptions {
  readonly agents: number
  readonly batchEveryMs: number
  readonly leaseSeconds: number
}

export interface RegionServer {
  readonly id: string
  readonly clock: TestClock
  /** The process as it runs now. */
  life: Sonde
  /** To etcd's members, in their order. */
  readonly toEtcd: ReadonlyArray<TestProxy>
  readonly control: TestProxy
  readonly ingest: TestProxy
}

export class Region {
  readonly agents: number
  readonly directory: string
  readonly etcd: TestEtcd
  readonly history: StoreHistory
  readonly clickhouse: ClickHouse["Service"]
  readonly witness: Witness
  readonly servers: ReadonlyArray<RegionServer>
  readonly hosts: ReadonlyArray<AgentHost>
  /** What agents say of themselves, by id. */
  readonly words: ReadonlyMap<string, AgentWords>
  readonly #start: (server: Omit<RegionServer, "life">) => Sonde
  readonly #scope: Scope.Closeable

  private constructor(
    parts: Pick<
      Region,
      "agents" | "directory" | "etcd" | "history" | "clickhouse" | "witness" | "servers" | "hosts" | "words"
    >,
    start: (server: Omit<RegionServer, "life">) => Sonde,
    scope: Scope.Closeable,
  ) {
    this.agents = parts.agents
    this.directory = parts.directory
    this.etcd = parts.etcd
    this.history = parts.history
    this.clickhouse = parts.clickhouse
    this.witness = parts.witness
    this.servers = parts.servers
    this.hosts = parts.hosts
    this.words = parts.words
    this.#start = start
    this.#scope = scope
  }

  static async start(options: RegionOptions): Promise<Region> {
    const directory = mkdtempSync(join(tmpdir(), "sonde-region-"))
    const scope = Effect.runSync(Scope.make())
    const opened = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
      Effect.runPromise(Scope.provide(effect, scope))
    try {
      return await Region.#open(options, directory, scope, opened)
    } catch (error) {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
      throw error
    }
  }

  static async #open(
    { agents, batchEveryMs, leaseSeconds }: RegionOptions,
    directory: string,
    scope: Scope.Closeable,
    opened: <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Promise<A>,
  ): Promise<Region> {
    const [etcd, services] = await Promise.all([
      opened(startEtcd({ members: 3, flags: ["--quota-backend-bytes", String(etcdQuotaBytes)] })),
      opened(Layer.build(tablesEngine())),
    ])
    const clickhouse = Context.get(services, ClickHouse)
    const storage = await opened(openFront(clickhouse))
    const history = await opened(followStore(etcd.endpoints, prefix))
    const witness = new Witness()
    const ways: Record<string, number> = {}
    const ports = new Map<string, number>()
    const way = async (name: string, readAlong?: () => ReturnType<Witness["connection"]>) => {
      const port = await Effect.runPromise(freePort)
      const proxy = await opened(startProxy(`tcp://127.0.0.1:${port}`, readAlong))
      ports.set(name, port)
      ways[port] = proxy.port
      return proxy
    }
    const start = ({ clock, id, toEtcd }: Omit<RegionServer, "life">): Sonde =>
      new Sonde({
        command: "server",
        data: join(directory, id),
        wrapper: ["env", ...Object.entries(clock.env).map(([name, value]) => `${name}=${value}`)],
        set: [
          `cluster.id=${id}`,
          `cluster.etcd=${toEtcd.map(({ endpoint }) => endpoint).join(",")}`,
          "cluster.secret=of the test",
          `cluster.leaseSeconds=${leaseSeconds}`,
          `control.port=${ports.get(`${id} control`)}`,
          `ingest.port=${ports.get(`${id} ingest`)}`,
          "storage.mode=remote",
          `storage.url=${storage}`,
          // As the tables are that were made for tests: making others takes seconds.
          ...Object.entries(kept).map(([name, hours]) => `storage.${name}Hours=${hours}`),
        ],
      })
    const servers: Array<RegionServer> = []
    for (const id of serverIds) {
      mkdirSync(join(directory, id))
      const server = {
        id,
        clock: new TestClock(join(directory, `${id}.clock`)),
        toEtcd: await Promise.all(etcd.endpoints.map((endpoint) => opened(startProxy(endpoint)))),
        control: await way(`${id} control`),
        ingest: await way(`${id} ingest`, witness.connection),
      }
      servers.push({ ...server, life: start(server) })
    }
    const words = new Map<string, AgentWords>()
    const hosts: Array<AgentHost> = []
    const region = new Region(
      { agents, directory, etcd, history, clickhouse, witness, servers, hosts, words },
      start,
      scope,
    )
    try {
      await Promise.all(servers.map(({ life }) => life.ready))
      const count = agents / hostsCount
      for (let at = 0; at < hostsCount; at++) {
        const name = `host ${at + 1}`
        hosts.push(
          new AgentHost(
            name,
            new TestClock(join(directory, `${name}.clock`)),
            {
              from: at * count,
              count,
              directory: join(directory, name),
              controllers: serverIds.map((id) => `127.0.0.1:${ports.get(`${id} control`)}`),
              ways,
              batchEveryMs,
            },
            words,
          ),
        )
      }
      return region
    } catch (error) {
      await region.end({ isKept: false })
      throw error
    }
  }

  async kill(server: RegionServer): Promise<void> {
    server.life.child.kill("SIGKILL")
    await server.life.exited
    TestClock.clear(server.life.child.pid)
    this.#keepLog(server)
  }

  async restart(server: RegionServer): Promise<void> {
    server.life = this.#start(server)
    await server.life.ready
  }

  #keepLog({ id, life }: RegionServer): void {
    writeFileSync(join(this.directory, `${id}.log`), life.log, { flag: "a" })
  }

  async #keepMetrics({ id, life }: RegionServer): Promise<void> {
    const { url } = await life.ready
    const text = await fetch(new URL("/metrics", url), { signal: AbortSignal.timeout(answerMs) }).then(
      (response) => response.text(),
      (error: Error) => error.message,
    )
    writeFileSync(join(this.directory, `${id}.metrics`), text)
  }

  /** Asks a server by its administration port, which nothing disturbs. */
  async ask<A>(server: RegionServer, question: Parameters<typeof ask<A>>[1]): Promise<A> {
    return ask(await administered(server), question, answerMs)
  }

  async setFlushMs(server: RegionServer, flushMs: number): Promise<void> {
    await setFlushMs(await administered(server), flushMs, answerMs)
  }

  /** Ends every process; the directory with the servers' logs stays when somebody is to look at it. */
  async end({ isKept }: { readonly isKept: boolean }): Promise<void> {
    for (const { child } of this.hosts) child.kill("SIGCONT")
    if (isKept) await Promise.all(this.servers.map((server) => this.#keepMetrics(server)))
    await Promise.all(this.hosts.map((host) => host.kill()))
    await Promise.all(this.servers.map((server) => this.kill(server)))
    await Effect.runPromise(Scope.close(this.#scope, Exit.void))
    if (!isKept) rmSync(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }
}

const administered = async ({ life }: RegionServer) => {
  const { admin } = await life.ready
  return {
    admin: Number(admin.slice(admin.lastIndexOf(":") + 1)),
    token: readFileSync(join(life.data, "admin-token"), "utf8").trim(),
  }
}
