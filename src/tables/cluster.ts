// The form that tables take on a cluster of ClickHouse servers. A table that is spread has its rows in `<name>_local` on each server
// and `<name>` over all of them, so that questions and writers need not know; a table that is everywhere keeps its name and has
// all rows on each server: replicated where there is a Keeper, else written to each. Statements are for one server and are issued on
// each of them: nothing needs ON CLUSTER.

import type { MaterializedView } from "./MaterializedView.ts"
import { literal, qualifiedName, type Table } from "./Table.ts"

export interface Cluster {
  /** As `remote_servers` of each server calls it. */
  readonly name: string
  /** Servers have a Keeper and the macros `shard` and `replica`. */
  readonly isReplicated: boolean
}

const engineName = /^(\w*MergeTree)(?:\((.*)\))?$/

const replicatedEngine = (engine: string, path: string, replica: string): string => {
  const [, name, rest] = engineName.exec(engine) ?? []
  if (name === undefined) throw new Error(`the engine ${engine} has no replicated form`)
  const more = rest === undefined || rest === "" ? "" : `, ${rest}`
  return `Replicated${name}(${literal(path)}, ${literal(replica)}${more})`
}

/** Replicated tables keep the tokens of inserts under another name. */
const replicatedSettings = (settings: Table["settings"]): Table["settings"] =>
  Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      name === "non_replicated_deduplication_window" ? "replicated_deduplication_window" : name,
      value,
    ]),
  )

const isSpread = (table: Table): table is Table & { readonly placement: { readonly shardBy: string } } =>
  typeof table.placement === "object"

/** The table that holds the rows of one server. */
export const storedTable = (table: Table, cluster: Cluster | undefined): Table => {
  if (cluster === undefined || table.placement === "node") return table
  const named = isSpread(table) ? { ...table, name: `${table.name}_local` } : table
  if (!cluster.isReplicated) return named
  const [path, replica] = isSpread(table) ? ["{shard}", "{replica}"] : ["everywhere", "{shard}-{replica}"]
  return {
    ...named,
    engine: replicatedEngine(
      table.engine,
      `/clickhouse/tables/${path}/${table.database}/${table.name}`,
      replica,
    ),
    settings: replicatedSettings(table.settings),
  }
}

export const storedView = (view: MaterializedView, cluster: Cluster | undefined): MaterializedView => ({
  ...view,
  from: storedTable(view.from, cluster),
  to: storedTable(view.to, cluster),
})

/** The table over those of all servers; undefined where there is none. */
export const createDistributed = (table: Table, cluster: Cluster | undefined): string | undefined => {
  if (cluster === undefined || !isSpread(table)) return undefined
  const local = storedTable(table, cluster)
  return [
    `CREATE TABLE IF NOT EXISTS ${qualifiedName(table)} AS ${qualifiedName(local)}`,
    `ENGINE = Distributed(${literal(cluster.name)}, ${literal(table.database)}, ${literal(local.name)}, ${table.placement.shardBy})`,
    `COMMENT ${literal(table.comment)}`,
  ].join("\n")
}
