// sonde.*: what Sonde keeps for itself: which migrations and settings the database has seen, batches that ClickHouse refused, and the
// bytes of packages for agents.

import { column, type Table } from "./Table.ts"

export const migrationsTable: Table = {
  database: "sonde",
  name: "migrations",
  comment: "Migrations that were carried out to their end",
  engine: "ReplacingMergeTree",
  orderBy: ["version"],
  retention: "always",
  placement: "node",
  settings: { index_granularity: 8192 },
  columns: [
    column("version", "UInt32", "Number of the migration."),
    column("name", "String", "Name of the migration."),
    column("applied_at", "DateTime", "When it was done.", { default: "now()" }),
  ],
}

export const stateTable: Table = {
  database: "sonde",
  name: "state",
  comment: "What the database was last brought in line with, so that a start without a change need not look",
  engine: "ReplacingMergeTree(applied_at)",
  orderBy: ["name"],
  retention: "always",
  placement: "node",
  settings: { index_granularity: 8192 },
  columns: [
    column("name", "String", "retention: times to keep; enumerations: names of numbers."),
    column("value", "String", "The value, or a hash of it."),
    column("applied_at", "DateTime64(3)", "When.", { default: "now64(3)" }),
  ],
}

export const deadLetterTable: Table = {
  database: "sonde",
  name: "dead_letter",
  comment: "Batches that ClickHouse refused, whole, for a later look or a second try",
  engine: "MergeTree",
  partitionBy: "toDate(time, 'UTC')",
  orderBy: ["time"],
  retention: "log",
  placement: { shardBy: "rand()" },
  settings: {
    index_granularity: 8192,
    ttl_only_drop_parts: 1,
    default_compression_codec: "ZSTD(1)",
    non_replicated_deduplication_window: 1_000,
  },
  columns: [
    column("time", "DateTime", "When it was refused.", { default: "now()" }),
    column("table", "LowCardinality(String)", "Table it was meant for."),
    column("batch", "String", "Agent, its start, kind and sequence number of the batch."),
    column("rows", "UInt32", "Rows in it."),
    column("code", "Int32", "ClickHouse's error code."),
    column("reason", "String", "ClickHouse's words."),
    column("block", "String", "The rows in Native format."),
  ],
}

export const packagePartTable: Table = {
  database: "sonde",
  name: "package_part",
  comment:
    "Bytes of packages and plugins for agents, in parts; what they are stands with what servers agree on",
  engine: "ReplacingMergeTree",
  orderBy: ["digest", "part"],
  retention: "always",
  placement: { shardBy: "cityHash64(digest)" },
  settings: { index_granularity: 1, default_compression_codec: "ZSTD(1)" },
  columns: [
    column("digest", "String", "SHA-256 of the whole, in hex."),
    column("part", "UInt32", "Number of the part, from 0."),
    column("bytes", "String", "64 KiB of it; the last part has the rest."),
    column("added_at", "DateTime", "When it was stored.", { default: "now()" }),
  ],
}
