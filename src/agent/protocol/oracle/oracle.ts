// Oracle's TNS, and the calls of its database in it, as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { oracleDialect } from "../sql/dialect.ts"
import { SqlReader } from "../sql/SqlReader.ts"
import { detectOracle } from "./detect.ts"
import { TnsConnection } from "./TnsConnection.ts"

export interface OracleOptions {
  /** Replace literals in statements and values in error texts by `?` (default). */
  readonly maskLiterals?: boolean
}

/** A protocol value of its own, with statistics of its own. */
export const makeOracle = (options: OracleOptions = {}): Protocol => {
  const stats = makeParserStats()
  const masksLiterals = options.maskLiterals ?? true
  const reader = new SqlReader(oracleDialect, masksLiterals)
  return {
    protocol: L7Protocol.oracle,
    name: "oracle",
    stats,
    detect: detectOracle,
    connection: (sink: MessageSink) => new TnsConnection(sink, stats, reader, masksLiterals),
  }
}
