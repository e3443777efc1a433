// Prints the tables as docs/specs/tables.md.

import type { Database } from "./databases.ts"
import { qualifiedName, type Table } from "./Table.ts"

const retentionKey: Record<Table["retention"], string> = {
  log: "`storage.logHours`",
  seconds: "`storage.secondsHours`",
  minutes: "`storage.minutesHours`",
  always: "for good",
}

const cell = (text: string): string => text.replaceAll("|", "\\|")

const printTable = (table: Table): ReadonlyArray<string> => [
  `### ${qualifiedName(table)}`,
  "",
  `${table.comment}. ${table.engine}, ordered by ${table.orderBy.map((key) => `\`${key}\``).join(", ")}` +
    `${table.partitionBy === undefined ? "" : `, partitioned by \`${table.partitionBy}\``}; ` +
    `kept: ${retentionKey[table.retention]}.`,
  "",
  "| column | type | meaning | codec | index |",
  "|---|---|---|---|---|",
  ...table.columns.map((one) => {
    const type = one.alias === undefined ? one.type : `${one.type} = ${one.alias}`
    return `| \`${one.name}\` | ${cell(type)} | ${cell(one.comment)} | ${one.codec ?? ""} | ${one.index ?? ""} |`
  }),
  "",
]

export const printTablesDocument = (databases: ReadonlyArray<Database>): string => {
  const lines = [
    "# Tables",
    "",
    "Generated from `src/tables/`; do not edit (`npm run docs`). Times are UTC.",
    "",
    ...databases.flatMap((database) => [
      `## ${database.name}`,
      "",
      database.comment,
      "",
      ...database.tables.flatMap(printTable),
    ]),
  ]
  return `${lines.join("\n").trimEnd()}\n`
}
