// Columns that several tables have, and the compression that was measured to suit each kind of number.

import { column, type TableColumn } from "./Table.ts"

/** Numbers that grow with the rows: times, sequence numbers. */
export const growing = "Delta, ZSTD(1)"
/** Small numbers of a wide type: durations, lengths, counts. */
export const small = "T64, ZSTD(1)"
export const bloom = "bloom_filter(0.01)"

export const text = "LowCardinality(String)"

/** Partition of an hour; the zone is named so that no session's zone can shift it. */
export const hourly = "toStartOfHour(time, 'UTC')"
export const halfDaily = "toStartOfInterval(time, toIntervalHour(12), 'UTC')"

/**
 * The window lets a batch that is sent again be recognised by its token: 10,000 inserts are over an hour of one agent and
 * some seconds of a thousand.
 */
export const writtenTableSettings: Readonly<Record<string, string | number>> = {
  index_granularity: 8192,
  ttl_only_drop_parts: 1,
  default_compression_codec: "ZSTD(1)",
  non_replicated_deduplication_window: 10_000,
}

/** One address of one side: exactly one of the two forms is set, told by `is_ipv4`. */
export const addresses = (suffix: string, side: string): ReadonlyArray<TableColumn> => [
  column(`ip4${suffix}`, "IPv4", `Address of ${side}, 0.0.0.0 when it is IPv6.`),
  column(`ip6${suffix}`, "IPv6", `Address of ${side}, :: when it is IPv4.`),
]
