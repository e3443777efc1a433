import { afterAll, beforeEach, describe, expect, it } from "vitest"
import { application, applicationMap } from "./applicationMetrics.ts"
import { qualifiedName } from "./Table.ts"
import { testTables } from "./tables.testing.ts"

const tables = testTables()
const { days, hours, minutes } = application

/** Starts an hour and, at UTC, not a day. */
const start = 1_789_999_200

beforeEach(async () => {
  for (const table of [minutes, hours, days]) await tables.command(`TRUNCATE TABLE ${qualifiedName(table)}`)
}, 60_000)

afterAll(() => tables.dispose())

const meters = "sum(request) AS request, max(rrt_max) AS rrt_max, groupBitOr(tag_source) AS tag_source"
const read = (table: typeof hours) =>
  tables.query(
    `SELECT toUnixTimestamp(time) AS time, resource_id, ${meters} FROM ${qualifiedName(table)} GROUP BY time, resource_id ORDER BY time, resource_id`,
  )

describe("metric tables", () => {
  it("sum minutes up to hours and days as they are stored", async () => {
    await tables.insert(minutes, [
      { time: start, resource_id: 1, request: 1, rrt_max: 5, tag_source: 1 },
      { time: start + 3_540, resource_id: 1, request: 2, rrt_max: 4, tag_source: 2 },
      { time: start + 3_600, resource_id: 1, request: 4, rrt_max: 1, tag_source: 1 },
      { time: start, resource_id: 2, request: 8, rrt_max: 9, tag_source: 1 },
    ])
    await tables.insert(minutes, [
      { time: start + 60, resource_id: 2, request: 16, rrt_max: 10, tag_source: 4 },
    ])
    expect(await read(hours)).toEqual([
      { time: start, resource_id: 1, request: "3", rrt_max: 5, tag_source: 3 },
      { time: start, resource_id: 2, request: "24", rrt_max: 10, tag_source: 5 },
      { time: start + 3_600, resource_id: 1, request: "4", rrt_max: 1, tag_source: 1 },
    ])
    const day = start - (start % 86_400)
    expect(await read(days)).toEqual([
      { time: day, resource_id: 1, request: "7", rrt_max: 5, tag_source: 3 },
      { time: day, resource_id: 2, request: "24", rrt_max: 10, tag_source: 5 },
    ])
  })

  it("merge rows that differ in no tag, and only those", async () => {
    const row = { time: start, resource_id_0: 1, resource_id_1: 2, server_port: 80, request: 1, rrt_max: 3 }
    const table = applicationMap.minutes
    const tags = applicationMap.minutes.orderBy.filter(
      (tag) => !(tag in row) && !/^ip|capture_nic$/.test(tag),
    )
    const changed = tags.map((tag) => ({ ...row, [tag]: "1" }))
    await tables.insert(table, [row, ...changed])
    await tables.insert(table, [{ ...row, rrt_max: 7 }, ...changed])
    await tables.command(`OPTIMIZE TABLE ${qualifiedName(table)} FINAL`)
    expect(
      await tables.query(
        `SELECT count() AS rows, sum(request) AS requests, max(request) AS most, max(rrt_max) AS longest FROM ${qualifiedName(table)}`,
      ),
    ).toEqual([
      { rows: String(changed.length + 1), requests: String(2 * changed.length + 2), most: "2", longest: 7 },
    ])
  })

  it("take a batch that is sent again once, and hours what they have missed of it", async () => {
    const rows = [{ time: start, resource_id: 1, request: 1 }]
    const settings = {
      insert_deduplication_token: "a:1",
      deduplicate_blocks_in_dependent_materialized_views: 1 as const,
    }
    const counts = async () => [
      (await read(minutes))[0]?.request,
      (await read(hours))[0]?.request,
      (await read(days))[0]?.request,
    ]
    await tables.insert(minutes, rows, settings)
    await tables.insert(minutes, rows, settings)
    expect(await counts()).toEqual(["1", "1", "1"])
    // As if the engine had been killed after the minutes were stored.
    for (const table of [hours, days]) await tables.command(`TRUNCATE TABLE ${qualifiedName(table)}`)
    expect(await counts()).toEqual(["1", undefined, undefined])
    await tables.insert(minutes, rows, settings)
    expect(await counts()).toEqual(["1", "1", "1"])
  })
})
