// ClickHouse's native protocol (its port 9000) as a Protocol. Its HTTP interface is read as HTTP.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { clickHouseDialect } from "../sql/dialect.ts"
import { SqlReader } from "../sql/SqlReader.ts"
import { ClickHouseConnection } from "./ClickHouseConnection.ts"
import { detectClickHouse } from "./detect.ts"

export interface ClickHouseOptions {
  /** Replace literals in statements and in error texts by `?` (default). */
  readonly maskLiterals?: boolean
}

/** A protocol value of its own, with statistics of its own. */
export const makeClickHouse = (options: ClickHouseOptions = {}): Protocol => {
  const stats = makeParserStats()
  const masksLiterals = options.maskLiterals ?? true
  const reader = new SqlReader(clickHouseDialect, masksLiterals)
  return {
    protocol: L7Protocol.clickHouse,
    name: "clickhouse",
    stats,
    detect: detectClickHouse,
    connection: (sink: MessageSink) => new ClickHouseConnection(sink, reader, stats, masksLiterals),
  }
}
