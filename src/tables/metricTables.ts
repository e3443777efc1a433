// The four tables of one family of metrics and the views between them. 1s rows are kept as they come and read by time. Of 1m rows
// on, rows of equal tags are merged by the engine, so that the parts of a minute that an agent sends before and after a restart
// make one row; resources come first in their key: that is 9 times smaller than time first. Agents send 1s and 1m; 1h comes out
// of 1m and 1d out of 1h inside the database.

import { daily, halfDaily, hourly, monthly, writtenTableSettings } from "./columnKinds.ts"
import type { MaterializedView } from "./MaterializedView.ts"
import { mergedColumn, type Meter, meterColumn } from "./meters.ts"
import type { RetentionClass } from "./retention.ts"
import { type Table, type TableColumn } from "./Table.ts"

export interface MetricFamily {
  /** "application_map" */
  readonly name: string
  readonly comment: string
  /** Stored; `time` among them. */
  readonly tags: ReadonlyArray<TableColumn>
  /** Tags by which rows are clustered, most selective first. */
  readonly cluster: ReadonlyArray<string>
  readonly meters: ReadonlyArray<Meter>
  /** Columns computed from tags and meters. */
  readonly aliases: ReadonlyArray<TableColumn>
  readonly shardBy: string
}

export interface MetricTables {
  readonly seconds: Table
  readonly minutes: Table
  readonly hours: Table
  readonly days: Table
  readonly views: ReadonlyArray<MaterializedView>
}

const database = "flow_metrics"

export const secondsTable = (family: MetricFamily): Table => ({
  database,
  name: `${family.name}.1s`,
  comment: `${family.comment}; one second`,
  engine: "MergeTree",
  partitionBy: hourly,
  orderBy: ["time", ...family.cluster],
  retention: "seconds",
  placement: { shardBy: family.shardBy },
  settings: writtenTableSettings,
  columns: [...family.tags, ...family.meters.map(meterColumn), ...family.aliases],
})

/** Every tag is in the order: rows that differ in one are never merged. */
const mergedTable = (
  family: MetricFamily,
  interval: string,
  name: string,
  retention: RetentionClass,
  partitionBy: string,
): Table => {
  const key = [...family.cluster, "time"]
  const otherTags = family.tags.map((tag) => tag.name).filter((tag) => !key.includes(tag))
  return {
    database,
    name: `${family.name}.${interval}`,
    comment: `${family.comment}; ${name}`,
    engine: "AggregatingMergeTree",
    partitionBy,
    primaryKey: key,
    orderBy: [...key, ...otherTags],
    retention,
    placement: { shardBy: family.shardBy },
    settings: writtenTableSettings,
    columns: [...family.tags, ...family.meters.map(mergedColumn), ...family.aliases],
  }
}

export const minutesTable = (family: MetricFamily): Table =>
  mergedTable(family, "1m", "one minute", "minutes", halfDaily)

const rollUp = (family: MetricFamily, from: Table, to: Table, time: string): MaterializedView => ({
  database,
  name: `${to.name}_mv`,
  comment: `Sums \`${from.name}\` up`,
  from,
  to,
  select: {
    ...Object.fromEntries(family.tags.map(({ name }) => [name, name === "time" ? time : name])),
    ...Object.fromEntries(family.meters.map(({ merge, name }) => [name, `${merge}(\`${name}\`)`])),
  },
  groupBy: family.tags.map(({ name }) => name),
})

export const metricTables = (family: MetricFamily): MetricTables => {
  const minutes = minutesTable(family)
  const hours = mergedTable(family, "1h", "one hour", "hours", daily)
  const days = mergedTable(family, "1d", "one day", "days", monthly)
  return {
    seconds: secondsTable(family),
    minutes,
    hours,
    days,
    views: [
      rollUp(family, minutes, hours, "toStartOfHour(time, 'UTC')"),
      rollUp(family, hours, days, "toStartOfDay(time, 'UTC')"),
    ],
  }
}
