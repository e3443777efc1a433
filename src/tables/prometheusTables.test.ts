import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { reloadDictionary } from "./Dictionary.ts"
import { prometheusSamples, prometheusSeries, seriesDictionary } from "./prometheusTables.ts"
import { resourceDictionary, resourceTable } from "./tagTables.ts"
import { testTables } from "./tables.testing.ts"

const tables = testTables()

beforeAll(async () => {
  await tables.insert(resourceTable, [{ id: 4, pod: "cart-0", auto_service: "cart" }])
  await tables.insert(prometheusSeries, [
    { id: 2, metric_id: 1, metric_name: "up", resource_id: 4, label_names: ["job"], label_values: ["shop"] },
  ])
  for (const one of [resourceDictionary, seriesDictionary]) await tables.command(reloadDictionary(one))
  await tables.insert(prometheusSamples, [{ series_id: 2, time: "2026-09-21 14:13:20.250", value: 1 }])
}, 60_000)

afterAll(() => tables.dispose())

describe("prometheus samples", () => {
  it("tell metric and tags through their series", async () => {
    expect(
      await tables.query(
        "SELECT time, value, metric_name, metric_id, resource_id, pod, auto_service FROM prometheus.samples",
      ),
    ).toEqual([
      {
        time: "2026-09-21 14:13:20.250",
        value: 1,
        metric_name: "up",
        metric_id: 1,
        resource_id: 4,
        pod: "cart-0",
        auto_service: "cart",
      },
    ])
  })
})
