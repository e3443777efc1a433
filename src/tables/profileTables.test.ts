import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { reloadDictionary } from "./Dictionary.ts"
import {
  frameDictionary,
  inProcess,
  nodeDictionary,
  profileFrame,
  profileNode,
  profileStack,
  stackDictionary,
} from "./profileTables.ts"
import { testTables } from "./tables.testing.ts"

const tables = testTables()

beforeAll(async () => {
  await tables.insert(profileFrame, [
    { id: 1, name: "main" },
    { id: 2, name: "parse" },
    { id: 3, name: "read" },
  ])
  await tables.insert(profileNode, [
    { id: 1, parent: 0, frame: 1, depth: 1 },
    { id: 2, parent: 1, frame: 2, depth: 2 },
    { id: 3, parent: 1, frame: 3, depth: 2 },
  ])
  await tables.insert(profileStack, [
    { id: 1, path: [1, 2] },
    { id: 2, path: [1, 3] },
  ])
  for (const one of [frameDictionary, nodeDictionary, stackDictionary])
    await tables.command(reloadDictionary(one))
  await tables.insert(inProcess, [
    { time: 1_790_000_000, stack_id: 1, profile_value: 2 },
    { time: 1_790_000_001, stack_id: 2, profile_value: 3 },
    { time: 1_790_000_002, stack_id: 1, profile_value: 4 },
  ])
}, 60_000)

afterAll(() => tables.dispose())

describe("profiles", () => {
  it("read as text", async () => {
    expect(
      await tables.query(
        "SELECT profile_location_str AS stack, sum(profile_value) AS value FROM profile.in_process GROUP BY stack ORDER BY stack",
      ),
    ).toEqual([
      { stack: "main;parse", value: "6" },
      { stack: "main;read", value: "3" },
    ])
  })

  it("are summed by node inside the database", async () => {
    expect(
      await tables.query(
        `SELECT dictGetString('profile.frame_map', 'name', dictGetUInt32('profile.node_map', 'frame', node)) AS name, sum(v) AS value
         FROM (SELECT stack_id, sum(profile_value) AS v FROM profile.in_process GROUP BY stack_id)
         ARRAY JOIN dictGet('profile.stack_map', 'path', stack_id) AS node GROUP BY node ORDER BY value DESC`,
      ),
    ).toEqual([
      { name: "main", value: "9" },
      { name: "parse", value: "6" },
      { name: "read", value: "3" },
    ])
  })
})
