import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { application1m, application1s } from "./applicationMetrics.ts"
import { reloadDictionary } from "./Dictionary.ts"
import { l7FlowLog } from "./l7FlowLog.ts"
import { customTagDictionary, customTagTable, resourceDictionary, resourceTable } from "./tagTables.ts"
import { testTables } from "./tables.testing.ts"

const tables = testTables()
const second = 1_790_000_000

beforeAll(async () => {
  await tables.insert(resourceTable, [
    {
      id: 1,
      pod: "cart-0",
      pod_id: 7,
      auto_service: "cart",
      auto_service_id: 3,
      auto_service_type: 11,
      l3_epc_id: 9,
      tag_set_id: 1,
    },
    { id: 2, region: "home", region_id: 1, auto_service_type: 255 },
  ])
  await tables.insert(customTagTable, [{ id: 1, key: "k8s.label.app", value: "cart" }])
  await tables.command(reloadDictionary(resourceDictionary))
  await tables.command(reloadDictionary(customTagDictionary))
}, 60_000)

afterAll(() => tables.dispose())

describe("tag columns", () => {
  it("are looked up by the resource of each side; the row's address stands for a service without a name", async () => {
    const row = { time: second, server_port: 80, resource_id_0: 2, resource_id_1: 1 }
    await tables.insert(l7FlowLog, [
      { ...row, _id: "1", is_ipv4: 1, ip4_0: "10.0.0.1", ip4_1: "10.0.0.2" },
      { ...row, _id: "2", is_ipv4: 1, ip4_0: "10.0.0.1", ip4_1: "10.0.0.2", resource_id_1: 2 },
      { ...row, _id: "3", is_ipv4: 0, ip6_0: "fe80::1", ip6_1: "::1", resource_id_0: 0, resource_id_1: 0 },
    ])
    const columns =
      "region_0, pod_1, pod_id_1, l3_epc_id_1, vpc_id_1, auto_service_0, auto_service_1, auto_service_id_1, auto_service_type_1, auto_instance_1, ip_1"
    expect(await tables.query(`SELECT ${columns} FROM flow_log.l7_flow_log ORDER BY _id`)).toEqual([
      {
        region_0: "home",
        pod_1: "cart-0",
        pod_id_1: 7,
        l3_epc_id_1: 9,
        vpc_id_1: 9,
        auto_service_0: "10.0.0.1",
        auto_service_1: "cart",
        auto_service_id_1: 3,
        auto_service_type_1: 11,
        auto_instance_1: "10.0.0.2",
        ip_1: "10.0.0.2",
      },
      {
        region_0: "home",
        pod_1: "",
        pod_id_1: 0,
        l3_epc_id_1: 0,
        vpc_id_1: 0,
        auto_service_0: "10.0.0.1",
        auto_service_1: "10.0.0.2:80",
        auto_service_id_1: 0,
        auto_service_type_1: 255,
        auto_instance_1: "10.0.0.2",
        ip_1: "10.0.0.2",
      },
      {
        region_0: "",
        pod_1: "",
        pod_id_1: 0,
        l3_epc_id_1: 0,
        vpc_id_1: 0,
        auto_service_0: "fe80::1",
        auto_service_1: "[::1]:80",
        auto_service_id_1: 0,
        auto_service_type_1: 0,
        auto_instance_1: "::1",
        ip_1: "::1",
      },
    ])
  })

  it("name the service of one side by its role", async () => {
    const row = { time: second, is_ipv4: 1, ip4: "10.0.0.2", server_port: 80 }
    const rows = [
      { ...row, role: 0 },
      { ...row, role: 1 },
      { time: second, role: 1, is_ipv4: 1, server_port: 80, resource_id: 1 },
    ]
    for (const table of [application1s, application1m]) {
      await tables.insert(table, rows)
      expect(
        await tables.query(
          `SELECT auto_service, pod FROM flow_metrics.\`${table.name}\` ORDER BY resource_id, role`,
        ),
      ).toEqual([
        { auto_service: "10.0.0.2", pod: "" },
        { auto_service: "10.0.0.2:80", pod: "" },
        { auto_service: "cart", pod: "cart-0" },
      ])
    }
  })

  it("lead to custom tags", async () => {
    expect(
      await tables.query(
        "SELECT dictGetString('flow_tag.custom_tag_map', 'value', (tag_set_id_1, 'k8s.label.app')) AS app, count() AS n FROM flow_log.l7_flow_log GROUP BY app ORDER BY app",
      ),
    ).toEqual([
      { app: "", n: "2" },
      { app: "cart", n: "1" },
    ])
  })

  it("are not part of what is selected by a star", async () => {
    const [row] = await tables.query("SELECT * FROM flow_log.l7_flow_log LIMIT 1")
    expect(Object.keys(row!)).toEqual(
      l7FlowLog.columns.filter(({ alias }) => alias === undefined).map(({ name }) => name),
    )
  })

  it("are forgotten only when nothing can refer to them any more", async () => {
    await tables.command(
      "INSERT INTO flow_tag.resource (id, used) VALUES (50, toDateTime(1)), (51, now() - 86400)",
    )
    await tables.command("OPTIMIZE TABLE flow_tag.resource FINAL")
    expect(await tables.query("SELECT id FROM flow_tag.resource ORDER BY id")).toEqual([
      { id: 1 },
      { id: 2 },
      { id: 51 },
    ])
  })
})
