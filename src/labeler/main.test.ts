import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { ClickHouse, type Row } from "../runtime/clickhouse/ClickHouse.ts"
import { testEngine } from "../runtime/clickhouse/testEngine.ts"
import { ConfigSchema } from "../runtime/configSchema.ts"
import { migrate } from "../tables/migrations/migrate.ts"
import { defaultRetention } from "../tables/retention.ts"
import { Labeler } from "./Labeler.ts"
import { labeler } from "./main.ts"
import { clickHouseEvents } from "./publish/clickHouseEvents.ts"
import { type Machine, MachineFeed } from "./source/machines/MachineFeed.ts"

const runtime = ManagedRuntime.make(Layer.merge(testEngine, Logger.layer([])))
const run = <A, E>(effect: Effect.Effect<A, E, ClickHouse>): Promise<A> => runtime.runPromise(effect)
const query = (sql: string) => Effect.flatMap(ClickHouse, (clickhouse) => clickhouse.query(sql))

let directory = ""
beforeAll(() => run(migrate(defaultRetention)), 60_000)
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sonde-labeler-"))
})
afterEach(async () => {
  rmSync(directory, { recursive: true, force: true })
  await run(
    Effect.gen(function* () {
      const clickhouse = yield* ClickHouse
      yield* clickhouse.command("TRUNCATE TABLE flow_tag.record")
      yield* clickhouse.command("TRUNCATE TABLE event.event")
    }),
  )
})
afterAll(() => runtime.dispose())

let rowId = 0n
const events = clickHouseEvents({
  resourceIdsOf: (records) => Effect.succeed(records.map(({ id }) => id)),
  rowIds: (_, rows) => BigUint64Array.from({ length: rows }, () => ++rowId),
})

const machine: Machine = {
  agentId: "agent-1",
  machineId: "4f2a",
  host: "node-1",
  addresses: [{ interface: "eth0", ip: "10.0.0.1", mac: "02:00:00:00:00:01" }],
  kernel: "6.8.0",
  os: "Ubuntu 24.04",
  isConnected: true,
}

/** A labeler as the server has it, for as long as `use` runs. */
const labeling = <A, E>(
  keys: object,
  use: (labeler: Labeler["Service"]) => Effect.Effect<A, E, ClickHouse>,
  machines: ReadonlyArray<Machine> = [machine],
): Promise<A> => {
  const config = Schema.decodeUnknownSync(ConfigSchema)({ labeler: keys })
  const feed = Layer.succeed(MachineFeed, { list: Effect.succeed(machines) })
  return run(
    Effect.flatMap(Labeler, use).pipe(
      Effect.provide(labeler(config).pipe(Layer.provide([events, feed])), { local: true }),
    ),
  )
}

/** Asks until the answer is so. */
const soon = (sql: string, what: (rows: ReadonlyArray<Row>) => boolean, withinMs = 2_000) =>
  Effect.gen(function* () {
    const startedMs = performance.now()
    let rows: ReadonlyArray<Row> = []
    while (performance.now() - startedMs < withinMs) {
      // The engine may just be starting again.
      rows = yield* query(sql).pipe(Effect.orElseSucceed(() => rows))
      if (what(rows)) return rows
      yield* Effect.sleep("50 millis")
    }
    throw new Error(`not within ${withinMs} ms: ${JSON.stringify(rows)}`)
  })

const pod = (name: string, node: string, label: string, ip: string) => ({
  metadata: {
    name,
    namespace: "shop",
    labels: { app: label },
    ownerReferences: [{ kind: "StatefulSet", name: "web", controller: true }],
  },
  spec: { nodeName: node },
  status: { phase: "Running", podIP: ip },
})

const writePods = (path: string, ...pods: ReadonlyArray<object>) => {
  writeFileSync(`${path}.new`, JSON.stringify({ kind: "PodList", items: pods }))
  renameSync(`${path}.new`, path)
}

describe("labeler", () => {
  it("follows a cluster: names in dictionaries, the machine under the node, events", async () => {
    const cluster = join(directory, "prod")
    mkdirSync(cluster)
    writeFileSync(
      join(cluster, "nodes.json"),
      JSON.stringify({
        kind: "NodeList",
        items: ["node-1", "node-2"].map((name, i) => ({
          metadata: { name },
          status: { addresses: [{ type: "InternalIP", address: `10.0.0.${i + 1}` }] },
        })),
      }),
    )
    const path = join(cluster, "pods.json")
    writePods(path, pod("web-0", "node-1", "web", "10.1.0.1"), pod("web-1", "node-2", "web", "10.1.0.2"))
    const podSql =
      "SELECT dictGet('flow_tag.pod_map', ('name', 'pod_node_id'), id) AS named, " +
      "dictGet('flow_tag.pod_k8s_label_map', 'value', (id, 'app')) AS app, is_deleted " +
      "FROM (SELECT toUInt64(id) AS id, is_deleted FROM flow_tag.record FINAL WHERE kind = 'pod' ORDER BY id)"
    await labeling({ kubernetes: [cluster] }, (running) =>
      Effect.gen(function* () {
        const first = yield* soon(podSql, (rows) => rows.length === 2)
        expect(first.map((row) => [Object.values(row["named"] as object), row["app"]])).toEqual([
          [["web-0", "1"], "web"],
          [["web-1", "2"], "web"],
        ])
        const nodes = yield* query(
          "SELECT name, agents, parent_kinds FROM flow_tag.record FINAL WHERE kind = 'pod_node' ORDER BY id",
        )
        expect(nodes).toEqual([
          { name: "node-1", agents: ["agent-1"], parent_kinds: ["chost", "pod_cluster"] },
          { name: "node-2", agents: [], parent_kinds: ["pod_cluster"] },
        ])
        writePods(path, pod("web-0", "node-2", "shop", "10.1.0.9"))
        const second = yield* soon(
          podSql,
          (rows) => rows[0]!["app"] === "shop" && rows[1]!["is_deleted"] === 1,
        )
        expect(Object.values(second[0]!["named"] as object)).toEqual(["web-0", "2"])
        const told = yield* soon(
          "SELECT event_type, event_desc, IPv4NumToString(ip4) AS ip, resource_id, attribute_values[1] AS kind FROM event.event ORDER BY _id",
          (rows) => rows.length === 5,
        )
        expect(told.map((row) => Object.values(row).join(" | "))).toEqual([
          "migrate | pod web-0 moved from node-1 to node-2 | 10.1.0.9 | 1 | pod",
          "add-ip | pod web-0 got 10.1.0.9 | 10.1.0.9 | 1 | pod",
          "remove-ip | pod web-0 lost 10.1.0.1 | 10.1.0.1 | 1 | pod",
          "modify | pod web-0 changed: k8s.label.app: web -> shop | 10.1.0.9 | 1 | pod",
          "delete | pod web-1 is gone | 10.1.0.2 | 2 | pod",
        ])
        expect(running.stats()).toMatchObject({ pod_records: 1, deleted_records_total: 1, events_total: 5 })
      }),
    )
  }, 20_000)

  it("goes on when ClickHouse was killed, with the newest state and the same ids", async () => {
    const file = join(directory, "hosts.csv")
    const write = (...rows: ReadonlyArray<string>) =>
      writeFileSync(file, ["kind,name,tag:owner", ...rows, ""].join("\n"))
    write("region,eu,a")
    await labeling({ files: [file] }, (running) =>
      Effect.gen(function* () {
        const clickhouse = yield* ClickHouse
        const sql =
          "SELECT kind, id, name, tag_values, is_deleted FROM flow_tag.record FINAL ORDER BY kind, id"
        yield* soon(sql, (rows) => rows.length === 2)
        process.kill(clickhouse.server().pid, "SIGKILL")
        write("region,eu,b", "az,first,a")
        yield* Effect.sleep("300 millis")
        write("region,eu,c", "az,second,b")
        const rows = yield* soon(sql, (rows) => String(rows.at(-1)?.["tag_values"]) === "c", 15_000)
        const names = rows.map((row) => `${row["kind"]} ${row["id"]} ${row["name"]} ${row["is_deleted"]}`)
        expect(names.at(-1)).toBe("region 1 eu 0")
        expect(names).toContain("chost 1 node-1 0")
        expect(new Set(rows.map((row) => `${row["kind"]} ${row["id"]}`)).size).toBe(rows.length)
        expect(running.stats()["publish_failures_total"]).toBeGreaterThan(0)
      }),
    )
  }, 40_000)

  it("shows sources, what is wrong with them, and keeps the others going", async () => {
    const good = join(directory, "good.csv")
    writeFileSync(good, "kind,name\nregion,eu\n")
    const keys = {
      files: [good, join(directory, "missing.csv")],
      region: "eu",
      hetzner: { token: "t", url: "http://127.0.0.1:9" },
    }
    await labeling(keys, (running) =>
      Effect.gen(function* () {
        yield* soon("SELECT kind, name FROM flow_tag.record FINAL", (rows) => rows.length === 2, 4_000)
        expect(
          running.sources().map(({ domain, problem, records }) => [domain, records, problem !== ""]),
        ).toEqual([
          ["machines", 2, false],
          ["cmdb:good.csv", 1, false],
          ["cmdb:missing.csv", 0, true],
          ["hetzner:default", 0, false],
        ])
        const hosts = yield* query(
          "SELECT parent_kinds, parent_ids FROM flow_tag.record FINAL WHERE kind = 'chost'",
        )
        expect(hosts).toEqual([{ parent_kinds: ["region"], parent_ids: [1] }])
      }),
    )
  }, 20_000)
})
