// A materialized view as a value: what is inserted into one table goes, summed up, into another as well. It is not one transaction
// with the insert: a server that is killed between the two is repaired by sending the batch again with
// `deduplicate_blocks_in_dependent_materialized_views`, by which the view's table takes what it has missed and nothing twice.

import { qualifiedName, type Table } from "./Table.ts"

export interface MaterializedView {
  readonly database: string
  readonly name: string
  readonly comment: string
  readonly from: Table
  readonly to: Table
  /** Expressions by column of `to`; a column of `from` that is called like one of `to` is `source.<name>`. */
  readonly select: Readonly<Record<string, string>>
  readonly where?: string
  readonly groupBy?: ReadonlyArray<string>
}

export const createView = ({ from, groupBy, select, to, where, ...view }: MaterializedView): string =>
  [
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${qualifiedName(view)} TO ${qualifiedName(to)} AS`,
    `SELECT ${Object.entries(select)
      .map(([name, expression]) => (expression === name ? `\`${name}\`` : `${expression} AS \`${name}\``))
      .join(", ")}`,
    `FROM ${qualifiedName(from)} AS source`,
    ...(where === undefined ? [] : [`WHERE ${where}`]),
    ...(groupBy === undefined ? [] : [`GROUP BY ${groupBy.map((name) => `\`${name}\``).join(", ")}`]),
  ].join("\n")
