import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { allDictionaries } from "./databases.ts"
import { reloadDictionary } from "./Dictionary.ts"
import { recordTable } from "./tagTables.ts"
import { testTables } from "./tables.testing.ts"

const tables = testTables()

const record = { domain: "k8s:a", changed: 1_790_000_000, revision: 1 }

beforeAll(async () => {
  const ns = { parent_kinds: ["vpc", "pod_cluster", "pod_ns"], parent_ids: [1, 2, 3] }
  await tables.insert(recordTable, [
    { ...record, kind: "vpc", id: 1, name: "main" },
    { ...record, kind: "pod_cluster", id: 2, name: "prod" },
    { ...record, kind: "pod_ns", id: 3, name: "shop", parent_kinds: ["pod_cluster"], parent_ids: [2] },
    { ...record, kind: "pod_group", id: 4, name: "cart", subtype: 130, ...ns },
    { ...record, kind: "pod", id: 5, name: "old name", ...ns },
    {
      ...record,
      kind: "pod",
      id: 5,
      name: "cart-0",
      revision: 2,
      parent_kinds: [...ns.parent_kinds, "pod_group"],
      parent_ids: [...ns.parent_ids, 4],
      ips: ["10.0.0.7"],
      tag_names: ["k8s.label.app", "k8s.label.tier", "k8s.annotation.a", "k8s.env.b"],
      tag_values: ["cart", "web", "x", "y"],
    },
    {
      ...record,
      kind: "pod_service",
      id: 6,
      name: "cart-svc",
      ...ns,
      target_kinds: ["pod_group", "pod"],
      target_ids: [4, 5],
      ports: ["6/8080", "0/0"],
    },
    { ...record, kind: "pod", id: 8, name: "gone", is_deleted: 1 },
    { ...record, kind: "gprocess", id: 9, name: "nginx", tag_names: ["os.app.team"], tag_values: ["web"] },
  ])
  for (const dictionary of allDictionaries) await tables.command(reloadDictionary(dictionary))
}, 60_000)

afterAll(() => tables.dispose())

const all = (dictionary: string, columns = "*") =>
  tables.query(`SELECT ${columns} FROM flow_tag.${dictionary} ORDER BY ALL`)

describe("dictionaries of records", () => {
  it("name resources and what they belong to by the newest revision, deleted ones too", async () => {
    expect(
      await all("pod_map", "id, name, pod_cluster_id, pod_ns_id, pod_group_id, pod_node_id, is_deleted"),
    ).toEqual([
      {
        id: "5",
        name: "cart-0",
        pod_cluster_id: "2",
        pod_ns_id: "3",
        pod_group_id: "4",
        pod_node_id: "0",
        is_deleted: 0,
      },
      {
        id: "8",
        name: "gone",
        pod_cluster_id: "0",
        pod_ns_id: "0",
        pod_group_id: "0",
        pod_node_id: "0",
        is_deleted: 1,
      },
    ])
    expect(await all("pod_group_map", "name, pod_group_type, pod_ns_id")).toEqual([
      { name: "cart", pod_group_type: "130", pod_ns_id: "3" },
    ])
  })

  it("know devices by every number they go by", async () => {
    expect(await all("device_map", "devicetype, deviceid, name")).toEqual([
      { devicetype: "10", deviceid: "5", name: "cart-0" },
      { devicetype: "10", deviceid: "8", name: "gone" },
      { devicetype: "11", deviceid: "6", name: "cart-svc" },
      { devicetype: "101", deviceid: "4", name: "cart" },
      { devicetype: "103", deviceid: "2", name: "prod" },
      { devicetype: "120", deviceid: "9", name: "nginx" },
      { devicetype: "130", deviceid: "4", name: "cart" },
    ])
  })

  it("know custom tags one by one and all in one", async () => {
    expect(await all("pod_k8s_label_map")).toEqual([
      { id: "5", key: "app", value: "cart", l3_epc_id: "1", pod_ns_id: "3" },
      { id: "5", key: "tier", value: "web", l3_epc_id: "1", pod_ns_id: "3" },
    ])
    expect(await all("pod_k8s_labels_map", "id, labels")).toEqual([
      { id: "5", labels: "app: cart, tier: web" },
      { id: "8", labels: "" },
    ])
    expect(await all("pod_k8s_annotation_map", "key, value")).toEqual([{ key: "a", value: "x" }])
    expect(await all("pod_k8s_env_map", "key, value")).toEqual([{ key: "b", value: "y" }])
    expect(await all("os_app_tag_map")).toEqual([{ id: "9", key: "team", value: "web" }])
  })

  it("know what an address and a port of a workload are", async () => {
    expect(await all("ip_resource_map", "ip, pod_id, pod_name, pod_ns_name, l3_epc_name, chost_id")).toEqual([
      {
        ip: "10.0.0.7",
        pod_id: "5",
        pod_name: "cart-0",
        pod_ns_name: "shop",
        l3_epc_name: "main",
        chost_id: "0",
      },
    ])
    expect(await all("pod_group_port_map")).toEqual([
      { id: "4", protocol: "0", port: "0", port_pod_service_id: "6", port_pod_service_name: "cart-svc" },
      { id: "4", protocol: "6", port: "8080", port_pod_service_id: "6", port_pod_service_name: "cart-svc" },
    ])
  })
})

describe("dictionaries of enumerations", () => {
  it("name numbers and short words", async () => {
    expect(
      await tables.query(
        `SELECT dictGetString('flow_tag.int_enum_map', 'name_en', ('l7_protocol', toUInt64(20))) AS protocol,
                dictGetString('flow_tag.int_enum_map', 'name_en', ('auto_service_type', toUInt64(130))) AS workload,
                dictGetString('flow_tag.string_enum_map', 'name_en', ('observation_point', 's-p')) AS point,
                dictGetString('flow_tag.node_type_map', 'node_type', 11) AS node,
                dictGetString('flow_tag.server_port_map', 'server_port_name', 6379) AS port`,
      ),
    ).toEqual([
      {
        protocol: "HTTP",
        workload: "Deployment",
        point: "Server Process",
        node: "pod_service",
        port: "Redis",
      },
    ])
  })
})
