// Prints the tables, dictionaries and views as docs/specs/tables.md.

import type { Database } from "./databases.ts"
import type { Dictionary } from "./Dictionary.ts"
import type { MaterializedView } from "./MaterializedView.ts"
import { configuredClasses, type RetentionClass, retentionKey } from "./retention.ts"
import { qualifiedName, type Table, type TableColumn } from "./Table.ts"

const kept = (one: RetentionClass): string => {
  if (one === "always") return "for good"
  if (one === "tags") return "two days longer than the longest of all, counted from the last use"
  return `\`storage.${retentionKey(one)}\``
}

const cell = (text: string): string => text.replaceAll("|", "\\|")

const placed = (table: Table): string =>
  table.placement === "node"
    ? "each server's own"
    : table.placement === "everywhere"
      ? "on every server"
      : `spread by \`${table.placement.shardBy}\``

const row = (one: TableColumn): string => {
  const type = one.alias === undefined ? one.type : `${one.type} = \`${one.alias}\``
  return `| \`${one.name}\` | ${cell(type)} | ${cell(one.comment)} | ${one.codec ?? ""} | ${one.index ?? ""} |`
}

/** Columns of one family in one line: "Tags of the client: `region_id_0`, ..." */
const families = (table: Table): ReadonlyArray<string> => {
  const byFamily = new Map<string, Array<string>>()
  for (const { family, name } of table.columns) {
    if (family === undefined) continue
    const names = byFamily.get(family) ?? []
    names.push(`\`${name}\``)
    byFamily.set(family, names)
  }
  return [...byFamily].flatMap(([family, names]) => [`${family}, computed: ${names.join(", ")}.`, ""])
}

const merged = /^SimpleAggregateFunction\(\w+, (.*)\)$/

/** Equal for columns that differ only in that the engine merges one of them. */
const meaning = (one: TableColumn): string => row({ ...one, type: one.type.replace(merged, "$1") })

/** The earlier table whose columns this one has, all of them, and the most. */
const baseOf = (table: Table, before: ReadonlyArray<Table>): Table | undefined => {
  const own = new Set(table.columns.map(meaning))
  return before
    .filter((other) => other.columns.every((each) => own.has(meaning(each))))
    .sort((a, b) => b.columns.length - a.columns.length)[0]
}

const columnRows = (columns: ReadonlyArray<TableColumn>): ReadonlyArray<string> => [
  "| column | type | meaning | codec | index |",
  "|---|---|---|---|---|",
  ...columns.filter(({ family }) => family === undefined).map(row),
  "",
]

const printTable = (table: Table, before: ReadonlyArray<Table>): ReadonlyArray<string> => {
  const key = table.orderBy.map((name) => `\`${name}\``).join(", ")
  const partition = table.partitionBy === undefined ? "" : `, partitioned by \`${table.partitionBy}\``
  const age = table.ageColumn === undefined ? "" : ` (\`${table.ageColumn}\`)`
  const base = baseOf(table, before)
  const known = new Set(base?.columns.map(meaning))
  const more = table.columns.filter((one) => !known.has(meaning(one)))
  const isMerged = table.columns.some(({ type }) => merged.test(type))
  return [
    `### ${qualifiedName(table)}`,
    "",
    `${table.comment}. ${table.engine}, ordered by ${key}${partition}; kept: ${kept(table.retention)}${age}. ` +
      `On a cluster: ${placed(table)}.`,
    "",
    ...(base === undefined
      ? [...columnRows(table.columns), ...families(table)]
      : [
          `Columns of ${qualifiedName(base)}${isMerged ? ", what is counted being merged by the engine" : ""}${more.length > 0 ? ", and:" : "."}`,
          "",
          ...(more.length > 0 ? columnRows(more) : []),
        ]),
  ]
}

const printDictionaries = (dictionaries: ReadonlyArray<Dictionary>): ReadonlyArray<string> =>
  dictionaries.length === 0
    ? []
    : [
        "### Dictionaries",
        "",
        "| dictionary | meaning | layout | key | attributes | from |",
        "|---|---|---|---|---|---|",
        ...dictionaries.map((one) => {
          const names = (fields: Dictionary["keys"]) => fields.map(({ name }) => `\`${name}\``).join(", ")
          const attributes = one.attributes.length > 30 ? "the columns of its table" : names(one.attributes)
          return `| \`${one.database}.${one.name}\` | ${cell(one.comment)} | ${one.layout} | ${names(one.keys)} | ${attributes} | ${qualifiedName(one.source)} |`
        }),
        "",
      ]

const printViews = (views: ReadonlyArray<MaterializedView>): ReadonlyArray<string> =>
  views.length === 0
    ? []
    : [
        "### Views",
        "",
        "| view | meaning | from | to |",
        "|---|---|---|---|",
        ...views.map(
          (one) =>
            `| \`${one.name}\` | ${cell(one.comment)} | ${qualifiedName(one.from)} | ${qualifiedName(one.to)} |`,
        ),
        "",
      ]

/** DeepFlow's dictionaries that do not exist here, and why. */
const absentDictionaries: ReadonlyArray<readonly [names: string, why: string]> = [
  ["`app_label_live_view`, `target_label_live_view`", "live views, which ClickHouse has no longer"],
  [
    "`app_label_map`, `target_label_map`, `prometheus_metric_app_label_layout_map`, `prometheus_target_label_layout_map`",
    "labels stand with the series (`prometheus.series`), samples carry no ids of labels",
  ],
  ["`npb_tunnel_map`, `policy_map`", "no distribution of packets"],
  ["`vtap_map`, `vtap_port_map`", "agents and their interfaces are not among the resources yet"],
  ["`alarm_policy_map`, `user_map`", "no alert policies and users yet"],
  [
    "`device_port_map`, `ip_port_map`, `pod_port_map`, `pod_node_port_map`, `ip_relation_map`",
    "the service behind an address and port is found when rows are stored and stands with their resource",
  ],
  ["`custom_biz_service_map`, `custom_biz_service_filter_map`", "`biz_service_map` has them"],
]

/** The same for columns. */
const absentColumns: ReadonlyArray<readonly [names: string, why: string]> = [
  [
    "`_tid`, `is_key_service`, `team_id` of flow_metrics",
    "no tenants yet; a tag of every key costs every row",
  ],
  ["`team_id`, `ip4`, `ip6`, `is_ipv4` of prometheus.samples", "a sample is a series, a time and a value"],
  ["`app_label_value_id_*` of prometheus.samples", "labels stand with the series"],
  ["`encoded_span` and its tables span_with_trace_id, trace_tree", "`flow_log.id_index` leads to the spans"],
]

export const printTablesDocument = (databases: ReadonlyArray<Database>): string => {
  const lines = [
    "# Tables",
    "",
    "Generated from `src/tables/`; do not edit (`npm run docs`). Times are UTC. Names are DeepFlow's where it has them.",
    "",
    "Rows carry one number for all tags of a side, `resource_id`; a number never changes its meaning, so old rows keep the tags " +
      "of their time. Tags are columns all the same: they are computed from dictionaries when a query names them, take no " +
      "space and are not part of `SELECT *`. With two sides, `_0` is the client and `_1` the server.",
    "",
    `Times to keep are configured: ${configuredClasses.map((one) => `\`storage.${retentionKey(one)}\``).join(", ")}.`,
    "",
    ...databases.flatMap((database) => [
      `## ${database.name}`,
      "",
      database.comment,
      "",
      ...database.tables.flatMap((table, at) => printTable(table, database.tables.slice(0, at))),
      ...printDictionaries(database.dictionaries ?? []),
      ...printViews(database.views ?? []),
    ]),
    "## Dictionaries of DeepFlow's that are not here",
    "",
    "| dictionary | why |",
    "|---|---|",
    ...absentDictionaries.map(([names, why]) => `| ${names} | ${why} |`),
    "",
    "## Columns of DeepFlow's that are not here",
    "",
    "| column | why |",
    "|---|---|",
    ...absentColumns.map(([names, why]) => `| ${names} | ${why} |`),
  ]
  return `${lines.join("\n").trimEnd()}\n`
}
