// Changes of resources as rows of event.event. Their tags come through a resource id, as everybody's do; who can number the tags of a
// resource is given by the wiring, else rows have their own attributes only.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { encodeNative, type NativeColumn } from "../../runtime/clickhouse/native.ts"
import { event as eventTable } from "../../tables/eventTables.ts"
import { qualifiedName } from "../../tables/Table.ts"
import { parseIp } from "../../tags/ipAddress.ts"
import type { ResourceRecord } from "../../tags/ResourceRecord.ts"
import type { ResourceEvent } from "../record/resourceEvents.ts"
import { EventSink } from "./EventSink.ts"

/** Ids under which the tags of these resources are stored, in the same order; 0: none. */
export type ResourceIdsOf = (records: ReadonlyArray<ResourceRecord>) => Effect.Effect<ReadonlyArray<number>>

export interface EventRowOptions {
  readonly resourceIdsOf?: ResourceIdsOf
  /** `_id`s of rows that are stored in this second, growing. */
  readonly rowIds: (nowSecond: number, rows: number) => BigUint64Array
}

/** `signal_source` of changes of resources. */
const resourceSignal = 1

/** The first address: IPv4 as a number, IPv6 as bytes. */
const addressColumns = (events: ReadonlyArray<ResourceEvent>): ReadonlyArray<NativeColumn> => {
  const ip4 = new Uint32Array(events.length)
  const ip6 = new Uint8Array(events.length * 16)
  const isIpv4 = new Uint8Array(events.length)
  events.forEach(({ ips, record }, row) => {
    const text = ips[0] ?? record.ips[0] ?? ""
    const ip = parseIp(text)
    isIpv4[row] = text.includes(":") ? 0 : 1
    if (ip === undefined) return
    if (isIpv4[row] === 1) ip4[row] = new DataView(ip.buffer).getUint32(12)
    else ip6.set(ip, row * 16)
  })
  return [
    { name: "is_ipv4", type: "UInt8", data: isIpv4 },
    { name: "ip4", type: "IPv4", data: ip4 },
    { name: "ip6", type: "IPv6", data: ip6 },
  ]
}

const attributes = ({
  ips,
  record,
}: ResourceEvent): ReadonlyArray<readonly [name: string, value: string]> => [
  ["resource_kind", record.kind],
  ["resource_id", String(record.id)],
  ["resource_name", record.name],
  ["domain", record.domain],
  ...(ips.length === 0 ? [] : [["ips", ips.join(", ")] as const]),
]

export const eventColumns = (
  events: ReadonlyArray<ResourceEvent>,
  rowIds: BigUint64Array,
  resourceIds: ReadonlyArray<number>,
): ReadonlyArray<NativeColumn> => {
  const timesUs = events.map(({ timeMs }) => timeMs * 1_000)
  const fields = events.map(attributes)
  return [
    { name: "time", type: "DateTime", data: events.map(({ timeMs }) => Math.floor(timeMs / 1_000)) },
    { name: "_id", type: "UInt64", data: rowIds },
    { name: "start_time", type: "DateTime64(6)", data: timesUs },
    { name: "end_time", type: "DateTime64(6)", data: timesUs },
    { name: "resource_id", type: "UInt32", data: resourceIds },
    { name: "signal_source", type: "UInt8", data: new Uint8Array(events.length).fill(resourceSignal) },
    { name: "event_type", type: "String", data: events.map(({ type }) => type) },
    { name: "event_desc", type: "String", data: events.map(({ description }) => description) },
    { name: "tagged", type: "UInt8", data: resourceIds.map((id) => (id === 0 ? 0 : 1)) },
    ...addressColumns(events),
    { name: "attribute_names", type: "Array(String)", data: fields.map((all) => all.map(([name]) => name)) },
    {
      name: "attribute_values",
      type: "Array(String)",
      data: fields.map((all) => all.map(([, value]) => value)),
    },
  ]
}

export const clickHouseEvents = ({
  resourceIdsOf = (records) => Effect.succeed(records.map(() => 0)),
  rowIds,
}: EventRowOptions): Layer.Layer<EventSink, never, ClickHouse> =>
  Layer.effect(
    EventSink,
    Effect.map(ClickHouse, (clickhouse) =>
      EventSink.of({
        write: Effect.fnUntraced(function* (events, token) {
          const nowMs = yield* Clock.currentTimeMillis
          const resourceIds = yield* resourceIdsOf(events.map(({ record }) => record))
          const ids = rowIds(Math.floor(nowMs / 1_000), events.length)
          const columns = eventColumns(events, ids, resourceIds)
          yield* clickhouse.insertNative(
            qualifiedName(eventTable),
            columns.map(({ name }) => name),
            encodeNative(events.length, columns),
            { dedupToken: token },
          )
        }),
      }),
    ),
  )
