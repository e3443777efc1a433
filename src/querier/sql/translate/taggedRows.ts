// For tests: resources, custom tags and requests that make every case of a tag: named, renamed, shared names, missing, unknown id.

import * as Effect from "effect/Effect"
import { ClickHouse } from "../../../runtime/clickhouse/ClickHouse.ts"
import { reloadDictionary } from "../../../tables/Dictionary.ts"
import { customTagDictionary, resourceDictionary } from "../../../tables/tagTables.ts"
import type { TagVector } from "../../../tags/TagVector.ts"

const shop: Partial<TagVector> = {
  region_id: 1,
  region: "eu",
  pod_cluster_id: 1,
  pod_cluster: "prod",
  pod_ns_id: 3,
  pod_ns: "shop",
  pod_group_id: 7,
  pod_group: "cart",
  pod_group_type: 130,
  l3_device_type: 10,
  service_id: 5,
  pod_service: "cart-svc",
  auto_service_type: 11,
  auto_service_id: 5,
  auto_service: "cart-svc",
  auto_instance_type: 10,
}

const pod = (id: number, name: string, more: Partial<TagVector>): Partial<TagVector> => ({
  ...shop,
  pod_id: id,
  pod: name,
  l3_device_id: id,
  l3_device: name,
  auto_instance_id: id,
  auto_instance: name,
  ...more,
})

/** By resource id; 9 is in no table. */
export const testResources: Readonly<Record<number, Partial<TagVector>>> = {
  1: pod(11, "cart-1", { tag_set_id: 1 }),
  2: pod(12, "cart-2", { tag_set_id: 2 }),
  3: pod(11, "cart-1-renamed", { tag_set_id: 3 }),
  4: pod(13, "cart-1", {
    pod_ns_id: 4,
    pod_ns: "it's \\ `odd`",
    auto_service_type: 130,
    auto_service_id: 7,
    auto_service: "cart-svc",
  }),
  5: {
    region_id: 1,
    region: "eu",
    chost_id: 2,
    chost: "web-1",
    l3_device_type: 1,
    l3_device_id: 2,
    l3_device: "web-1",
    auto_service_type: 1,
    auto_service_id: 2,
    auto_service: "web-1",
    auto_instance_type: 1,
    auto_instance_id: 2,
    auto_instance: "web-1",
    tag_set_id: 4,
  },
  6: {
    region_id: 2,
    region: "us",
    l3_device_type: 5,
    l3_device_id: 9,
    l3_device: "edge",
    auto_service_type: 5,
    auto_service_id: 9,
    auto_service: "edge",
    auto_instance_type: 5,
    auto_instance_id: 9,
    auto_instance: "edge",
  },
  7: {},
  8: {
    subnet_id: 4,
    subnet: "office",
    auto_service_type: 255,
    auto_service_id: 4,
    auto_instance_type: 255,
    auto_instance_id: 4,
  },
}

export const testTags: ReadonlyArray<readonly [set: number, key: string, value: string]> = [
  [1, "k8s.label.app", "cart"],
  [1, "k8s.label.tier_1", "front"],
  [2, "k8s.label.app", "cart"],
  [2, "k8s.label.empty", ""],
  [3, "k8s.label.app", "cart-next"],
  [3, "k8s.label.app.kubernetes.io/pod-name", "x"],
  [4, "cloud.tag.team", "web"],
  [4, "k8s.label.o'dd\\ `q`", "it's \\"],
]

const ids = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
export const testTraceId = "4bf92f3577b34da6a3ce929d0e0e4736"

const requests = ids.flatMap((client) =>
  ids.map((server) => {
    const n = client * 10 + server
    const isIpv4 = n % 3 !== 0
    return {
      time: 1_700_000_000 + n,
      _id: n,
      type: 2,
      l7_protocol: n % 2 === 0 ? 20 : 80,
      observation_point: n % 2 === 0 ? "c-p" : "s-p",
      is_ipv4: isIpv4 ? 1 : 0,
      ...(isIpv4
        ? { ip4_0: `10.0.0.${client % 3}`, ip4_1: "10.0.1.1" }
        : { ip6_0: "fe80::1", ip6_1: `fe80::${server % 2}` }),
      server_port: 80 + (n % 2),
      resource_id_0: client,
      resource_id_1: server,
      response_duration: n,
      attribute_names: n % 4 === 0 ? ["http.user_agent", "q"] : n % 4 === 1 ? ["q"] : [],
      attribute_values: n % 4 === 0 ? ["curl", ""] : n % 4 === 1 ? ["1"] : [],
      ...(n === 5 ? { _span_id: "67667974448284343" } : {}),
    }
  }),
)

const insert = Effect.fnUntraced(function* (table: string, rows: ReadonlyArray<object>) {
  const clickhouse = yield* ClickHouse
  yield* clickhouse.command(
    `INSERT INTO ${table} FORMAT JSONEachRow\n${rows.map((row) => JSON.stringify(row)).join("\n")}`,
  )
})

/** Into tables that are there. */
export const insertTaggedRows = Effect.gen(function* () {
  const clickhouse = yield* ClickHouse
  yield* insert(
    "flow_tag.resource",
    Object.entries(testResources).map(([id, vector]) => ({ id: Number(id), ...vector })),
  )
  yield* insert(
    "flow_tag.custom_tag",
    testTags.map(([id, key, value]) => ({ id, key, value })),
  )
  yield* clickhouse.command(reloadDictionary(resourceDictionary))
  yield* clickhouse.command(reloadDictionary(customTagDictionary))
  yield* insert("flow_log.l7_flow_log", requests)
  yield* insert(
    "flow_metrics.`application.1s`",
    ids.flatMap((id) =>
      [0, 1].map((role) => ({
        time: 1_700_000_000,
        resource_id: id,
        role,
        server_port: 80,
        is_ipv4: 1,
        ip4: "10.0.0.7",
        request: id + 1,
      })),
    ),
  )
  // Traces by both ways of storing them.
  yield* clickhouse.command(
    `INSERT INTO flow_log.l7_flow_log (time, _id, _trace_id, _trace_id_text) VALUES
     (1700000200, 200, unhex('${testTraceId}'), ''), (1700000201, 201, toFixedString('', 16), 'not hex')`,
  )
})
