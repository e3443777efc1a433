// PostgreSQL (protocol 3, also of its relatives) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { postgresqlDialect } from "../sql/dialect.ts"
import { SqlReader } from "../sql/SqlReader.ts"
import { detectPostgresql } from "./detect.ts"
import { PostgresqlConnection } from "./PostgresqlConnection.ts"

export interface PostgresqlOptions {
  /** Replace literals in statements and values in error texts by `?` (default). Passwords are replaced in any case. */
  readonly maskLiterals?: boolean
}

/** A protocol value of its own, with statistics of its own. */
export const makePostgresql = (options: PostgresqlOptions = {}): Protocol => {
  const stats = makeParserStats()
  const masksLiterals = options.maskLiterals ?? true
  const reader = new SqlReader(postgresqlDialect, masksLiterals)
  return {
    protocol: L7Protocol.postgresql,
    name: "postgresql",
    stats,
    detect: detectPostgresql,
    connection: (sink: MessageSink) => new PostgresqlConnection(sink, reader, stats, masksLiterals),
  }
}
