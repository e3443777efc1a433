import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { ClickHouse, type Row } from "../runtime/clickhouse/ClickHouse.ts"
import { testEngine } from "../runtime/clickhouse/testEngine.ts"
import { createDictionary, type Dictionary } from "../tables/Dictionary.ts"
import { createDatabase, createTable } from "../tables/Table.ts"
import { recordTable } from "../tables/tagTables.ts"
import { Health, HealthTree } from "../runtime/Health.ts"
import { Labeler, type LabelerOptions, type LeaderGate } from "./Labeler.ts"
import { EventSink } from "./publish/EventSink.ts"
import type { ResourceEvent } from "./record/resourceEvents.ts"
import { fileSource } from "./source/file/fileSource.ts"
import { type ResourceSource, SourceError } from "./source/ResourceSource.ts"
import type { Machine } from "./source/machines/MachineFeed.ts"
import { machinesSource } from "./source/machines/machinesSource.ts"

const runtime = ManagedRuntime.make(Layer.merge(testEngine, Logger.layer([])))
const run = <A, E>(effect: Effect.Effect<A, E, ClickHouse>): Promise<A> => runtime.runPromise(effect)
const query = (sql: string) => Effect.flatMap(ClickHouse, (clickhouse) => clickhouse.query(sql))
const command = (sql: string) => Effect.flatMap(ClickHouse, (clickhouse) => clickhouse.command(sql))

const chostMap: Dictionary = {
  database: "flow_tag",
  name: "test_chost_map",
  comment: "",
  layout: "FLAT",
  keys: [{ name: "id", type: "UInt64" }],
  attributes: [{ name: "name", type: "String" }],
  source: recordTable,
  where: "kind = 'chost'",
}

beforeAll(() =>
  run(
    Effect.gen(function* () {
      yield* command(createDatabase("flow_tag"))
      yield* command(createTable(recordTable, {}))
      yield* command(createDictionary(chostMap))
    }),
  ),
)
afterAll(() => runtime.dispose())

let directory = ""
let file = ""
let events: Array<ResourceEvent> = []
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "sonde-labeler-"))
  file = join(directory, "hosts.yaml")
  events = []
  await run(command("TRUNCATE TABLE flow_tag.record"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const sinkOpen = Latch.makeUnsafe(true)
const sink = Layer.sync(EventSink, () => ({
  write: (written: ReadonlyArray<ResourceEvent>) =>
    sinkOpen.await.pipe(Effect.andThen(Effect.sync(() => void events.push(...written)))),
}))

/** A labeler that lives as long as `use` runs. */
const labeling = <A, E>(
  options: Partial<LabelerOptions>,
  use: (labeler: Labeler["Service"]) => Effect.Effect<A, E, ClickHouse>,
): Promise<A> =>
  run(
    Effect.flatMap(Labeler, use).pipe(
      Effect.provide(
        Labeler.layer({
          sources: [fileSource(file)],
          dictionaries: [chostMap],
          ...options,
        }).pipe(Layer.provide(sink)),
        { local: true },
      ),
    ),
  )

const current =
  "SELECT kind, id, name, tag_values, is_deleted, revision FROM flow_tag.record FINAL ORDER BY kind, id"

/** Asks until the answer is so, for at most two seconds. */
const soon = (what: (rows: ReadonlyArray<Row>) => boolean, sql = current) =>
  Effect.gen(function* () {
    let rows: ReadonlyArray<Row> = []
    for (let tries = 0; tries < 40; tries++) {
      rows = yield* query(sql)
      if (what(rows)) return rows
      yield* Effect.sleep("50 millis")
    }
    throw new Error(`not within 2 s: ${JSON.stringify(rows)}`)
  })

const hosts = (owner: string, more = "") => `resources:
  - {kind: region, name: eu}
  - {kind: chost, name: db-1, ips: [10.0.0.5], parents: {region: eu}, tags: {owner: ${owner}}}
  - {kind: chost, name: db-2, ips: [10.0.0.6], parents: {region: eu}}
${more}`

describe("Labeler", () => {
  it("keeps ids over changes, deletion, return and restart, and grows the revision", async () => {
    writeFileSync(file, hosts("alice"))
    const [first, changed, gone] = await labeling({}, () =>
      Effect.gen(function* () {
        const first = yield* soon((rows) => rows.length === 3)
        writeFileSync(file, hosts("bob"))
        const changed = yield* soon((rows) => String(rows[0]!["tag_values"]) === "bob")
        writeFileSync(file, hosts("bob").split("\n").slice(0, 3).join("\n"))
        const gone = yield* soon((rows) => rows[1]!["is_deleted"] === 1)
        return [first, changed, gone]
      }),
    )
    expect(first!.map((row) => [row["kind"], row["id"], row["name"], row["is_deleted"]])).toEqual([
      ["chost", 1, "db-1", 0],
      ["chost", 2, "db-2", 0],
      ["region", 1, "eu", 0],
    ])
    expect(first!.map((row) => row["revision"]).sort()).toEqual(["1", "2", "3"])
    expect(changed![0]).toMatchObject({ id: 1, revision: "4" })
    expect(gone![1]).toMatchObject({ id: 2, name: "db-2", is_deleted: 1, revision: "5" })

    writeFileSync(file, hosts("bob", "  - {kind: chost, name: db-0}"))
    const again = await labeling({}, () =>
      Effect.gen(function* () {
        const rows = yield* soon((found) => found.length === 4)
        // Events are told behind the rows.
        while (events.length < 4) yield* Effect.sleep("10 millis")
        return rows
      }),
    )
    expect(again.map((row) => [row["kind"], row["id"], row["name"], row["is_deleted"]])).toEqual([
      ["chost", 1, "db-1", 0],
      ["chost", 2, "db-2", 0],
      ["chost", 3, "db-0", 0],
      ["region", 1, "eu", 0],
    ])
    expect(again[0]!["revision"]).toBe("4")
    expect(events.map(({ description, type }) => `${type}: ${description}`)).toEqual([
      "modify: chost db-1 changed: biz.owner: alice -> bob",
      "delete: chost db-2 is gone",
      "create: chost db-2 appeared",
      "create: chost db-0 appeared",
    ])
  })

  it("tells the events of what it stored when it ends in between", async () => {
    writeFileSync(file, hosts("alice"))
    await labeling({}, () =>
      Effect.gen(function* () {
        yield* soon((rows) => rows.length === 3)
        sinkOpen.closeUnsafe()
        writeFileSync(file, hosts("bob"))
        yield* soon((rows) => String(rows[0]!["tag_values"]) === "bob")
        expect(events).toEqual([])
        setTimeout(() => sinkOpen.openUnsafe(), 50)
      }),
    )
    expect(events.map(({ description }) => description)).toEqual([
      "chost db-1 changed: biz.owner: alice -> bob",
    ])
  })

  it("reloads dictionaries", async () => {
    writeFileSync(file, hosts("alice"))
    const name = "SELECT dictGet('flow_tag.test_chost_map', 'name', toUInt64(1)) AS name"
    const rows = await labeling({}, () =>
      Effect.gen(function* () {
        yield* soon((rows) => rows[0]!["name"] === "db-1", name)
        writeFileSync(file, hosts("alice").replace("name: db-1", "name: new, uid: db-1"))
        return yield* soon((rows) => rows[0]!["name"] === "new", name)
      }),
    )
    expect(rows).toEqual([{ name: "new" }])
  })

  it("works only while it leads, and begins with what is stored then", async () => {
    writeFileSync(file, hosts("alice"))
    const leads = await Effect.runPromise(Latch.make(false))
    const whenLeader: LeaderGate = (work) => leads.await.pipe(Effect.andThen(work))
    await labeling({ whenLeader }, (labeler) =>
      Effect.gen(function* () {
        yield* Effect.sleep("300 millis")
        expect(yield* query(current)).toEqual([])
        expect(labeler.sources()[0]!.lastSuccessMs).toBe(0)
        // Another server has led meanwhile.
        yield* command(
          "INSERT INTO flow_tag.record (kind, id, domain, uid, name, revision) VALUES ('chost', 7, 'cmdb:hosts.yaml', 'db-2', 'db-2', 40)",
        )
        yield* leads.open
        const rows = yield* soon((rows) => rows.length === 3)
        expect(rows.map((row) => [row["kind"], row["id"], row["name"]])).toEqual([
          ["chost", 7, "db-2"],
          ["chost", 8, "db-1"],
          ["region", 1, "eu"],
        ])
        expect(rows.every((row) => Number(row["revision"]) > 40)).toBe(true)
      }),
    )
  })

  it("goes on with the others when a source fails, and starts it again", async () => {
    writeFileSync(file, hosts("alice"))
    let starts = 0
    const failing: ResourceSource = {
      domain: "failing",
      run: (emit) =>
        Effect.gen(function* () {
          if (++starts < 3) return yield* new SourceError({ message: "broken" })
          yield* emit({ type: "snapshot", records: [{ kind: "az", uid: "z", name: "z" }] })
          return yield* Effect.never
        }),
    }
    const health = new HealthTree()
    await run(
      Effect.gen(function* () {
        yield* soon((rows) => rows.length === 4)
      }).pipe(
        Effect.provide(
          Labeler.layer({ sources: [failing, fileSource(file)] }).pipe(
            Layer.provide(sink),
            Layer.provide(Layer.succeed(Health, health)),
          ),
          { local: true },
        ),
      ),
    )
    expect(health.part("server/labeler/failing").restarts).toBe(2)
    expect(health.part("server/labeler/cmdb:hosts.yaml").restarts).toBe(0)
  })

  it("keeps what was read last when the file is broken, and says why", async () => {
    writeFileSync(file, hosts("alice"))
    const [before, problem, after] = await labeling({}, (labeler) =>
      Effect.gen(function* () {
        const before = yield* soon((rows) => rows.length === 3)
        writeFileSync(file, hosts("alice", "  - {kind: chost, name: db-1}"))
        yield* soon(() => labeler.sources()[0]!.problem !== "")
        const { problem } = labeler.sources()[0]!
        const after = yield* query(current)
        rmSync(file)
        yield* soon(() => labeler.sources()[0]!.problem.includes("not there"))
        expect(yield* query(current)).toEqual(before)
        renameSync((writeFileSync(`${file}.new`, hosts("eve")), `${file}.new`), file)
        yield* soon((rows) => String(rows[0]!["tag_values"]) === "eve")
        expect(labeler.sources()[0]!.problem).toBe("")
        return [before, problem, after] as const
      }),
    )
    expect(after).toEqual(before)
    expect(problem).toBe(
      `${file}: line 5: chost "db-1" stands there already, in line 3; give them different uids`,
    )
  })

  it("lets agents' machines join the hosts of a file", async () => {
    writeFileSync(file, hosts("alice"))
    const machine = (host: string, ip: string): Machine => ({
      agentId: `agent of ${host}`,
      machineId: `id of ${host}`,
      host,
      addresses: [
        { interface: "lo", ip: "127.0.0.1", mac: "" },
        { interface: "eth0", ip, mac: ip === "10.0.0.15" ? "02:00:00:00:00:15" : "" },
      ],
      kernel: "6.8.0",
      os: "",
      isConnected: true,
    })
    const feed = { list: Effect.succeed([machine("db-1.local", "10.0.0.15"), machine("db-2", "10.0.0.6")]) }
    const machines = machinesSource({ feed, pollMs: 200, keepMs: 60_000, region: "", az: "" })
    const rows = await labeling({ sources: [machines, fileSource(file)] }, () =>
      soon(
        (rows) => rows.length === 3,
        "SELECT name, domain, ips, macs, agents, tag_names, length(parent_ids) AS parents FROM flow_tag.record FINAL WHERE kind = 'chost' ORDER BY id",
      ),
    )
    expect(rows).toEqual([
      {
        name: "db-1",
        domain: "cmdb:hosts.yaml",
        ips: ["10.0.0.5"],
        macs: [],
        agents: [],
        tag_names: ["biz.owner"],
        parents: "1",
      },
      {
        name: "db-2",
        domain: "cmdb:hosts.yaml",
        ips: ["10.0.0.6"],
        macs: [],
        agents: ["agent of db-2"],
        tag_names: ["host.kernel"],
        parents: "1",
      },
      {
        name: "db-1.local",
        domain: "machines",
        ips: ["10.0.0.15"],
        macs: ["02:00:00:00:00:15"],
        agents: ["agent of db-1.local"],
        tag_names: ["host.kernel"],
        parents: "0",
      },
    ])
  })
})
