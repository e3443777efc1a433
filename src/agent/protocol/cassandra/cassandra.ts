// Cassandra's CQL binary protocol (versions 3 to 5) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { cqlDialect } from "../sql/dialect.ts"
import { SqlReader } from "../sql/SqlReader.ts"
import { CqlConnection } from "./CqlConnection.ts"
import { CqlMessages } from "./CqlMessages.ts"
import { detectCassandra } from "./detect.ts"

export interface CassandraOptions {
  /** Replace literals in statements and values in error texts by `?` (default). */
  readonly maskLiterals?: boolean
}

/** A protocol value of its own, with statistics of its own. */
export const makeCassandra = (options: CassandraOptions = {}): Protocol => {
  const stats = makeParserStats()
  const masksLiterals = options.maskLiterals ?? true
  const reader = new SqlReader(cqlDialect, masksLiterals)
  return {
    protocol: L7Protocol.cassandra,
    name: "cassandra",
    stats,
    detect: detectCassandra,
    connection: (sink: MessageSink) =>
      new CqlConnection(sink, stats, new CqlMessages(sink, stats, reader, masksLiterals)),
  }
}
