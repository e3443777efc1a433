// Columns that several tables have, and the compression that was measured to suit each kind of number.

import { column, type TableColumn } from "./Table.ts"

/** Numbers that grow with the rows: times, sequence numbers. */
export const growing = "Delta, ZSTD(1)"
/** Small numbers of a wide type: durations, lengths, counts. */
export const small = "T64, ZSTD(1)"
export const bloom = "bloom_filter(0.01)"
/** Words of a text, for searches in it. */
export const words = "tokenbf_v1(32768, 3, 0)"

export const text = "LowCardinality(String)"
export const texts = "Array(LowCardinality(String))"

/** Partition of an hour; the zone is named so that no session's zone can shift it. */
export const hourly = "toStartOfHour(time, 'UTC')"
export const halfDaily = "toStartOfInterval(time, toIntervalHour(12), 'UTC')"
export const daily = "toStartOfDay(time, 'UTC')"
export const monthly = "toStartOfMonth(time, 'UTC')"

/**
 * The window lets a batch that is sent again be recognised by its token: 10,000 inserts are over an hour of one agent and
 * some seconds of a thousand. A part as large as an insert is one file, which costs half of a file for each column; merges make
 * larger ones.
 */
export const writtenTableSettings: Readonly<Record<string, string | number>> = {
  index_granularity: 8192,
  ttl_only_drop_parts: 1,
  default_compression_codec: "ZSTD(1)",
  non_replicated_deduplication_window: 10_000,
  min_bytes_for_wide_part: 100_000_000,
}

/** Of tables whose newer rows replace older ones. */
export const keptTableSettings: Readonly<Record<string, string | number>> = {
  index_granularity: 8192,
  default_compression_codec: "ZSTD(1)",
}

/** One address of one side: exactly one of the two forms is set, told by `is_ipv4`. */
export const addresses = (suffix: string, side: string): ReadonlyArray<TableColumn> => [
  column(`ip4${suffix}`, "IPv4", `Address of ${side}, 0.0.0.0 when it is IPv6.`),
  column(`ip6${suffix}`, "IPv6", `Address of ${side}, :: when it is IPv4.`),
]

/** Addresses in tables where a resource stands for its address. */
export const rareAddresses = (suffix: string, side: string): ReadonlyArray<TableColumn> => [
  column(
    `ip4${suffix}`,
    "IPv4",
    `Address of ${side} when no resource names it and it is IPv4, else 0.0.0.0.`,
  ),
  column(`ip6${suffix}`, "IPv6", `Address of ${side} when no resource names it and it is IPv6, else ::.`),
]

export const timeColumn = (comment: string): TableColumn =>
  column("time", "DateTime", comment, { codec: growing })

export const rowId = column(
  "_id",
  "UInt64",
  "Identity of the row; grows with insertion, its upper 32 bits are the second of storing.",
  { codec: "DoubleDelta, ZSTD(1)" },
)

export const agentId = column("agent_id", "UInt16", "Agent that saw it.")
export const teamId = column("team_id", "UInt16", "Team the row belongs to; 0: none.")

export const startAndEnd = (start: string, end: string): ReadonlyArray<TableColumn> => [
  column("start_time", "DateTime64(6)", start, { codec: growing }),
  column("end_time", "DateTime64(6)", end, { codec: growing }),
]

/** Names and values of free fields; `kind` is "attribute", "tag", "metrics" ... */
export const fields = (
  kind: string,
  what: string,
  values: "Array(String)" | "Array(LowCardinality(String))" | "Array(Float64)" = "Array(String)",
): ReadonlyArray<TableColumn> => [
  column(`${kind}_names`, texts, `Names of ${what}.`),
  column(`${kind}_values`, values, `Values of ${what}, in the same order.`),
]

/** The id that stands for all tags of a side. */
export const resourceId = (suffix: string, side: string): TableColumn =>
  column(
    `resource_id${suffix}`,
    "UInt32",
    `Tags of ${side} as one number: a row of \`flow_tag.resource\`; 0: none.`,
  )
