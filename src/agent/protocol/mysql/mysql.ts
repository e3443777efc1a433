// MySQL and MariaDB as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { mysqlDialect } from "../sql/dialect.ts"
import { SqlReader } from "../sql/SqlReader.ts"
import { detectMysql } from "./detect.ts"
import { MysqlCompressed } from "./MysqlCompressed.ts"
import { MysqlConnection } from "./MysqlConnection.ts"

export interface MysqlOptions {
  /** Replace literals in statements and values in error texts by `?` (default). Passwords are replaced in any case. */
  readonly maskLiterals?: boolean
}

/** A protocol value of its own, with statistics of its own. */
export const makeMysql = (options: MysqlOptions = {}): Protocol => {
  const stats = makeParserStats()
  const masksLiterals = options.maskLiterals ?? true
  const reader = new SqlReader(mysqlDialect, masksLiterals)
  return {
    protocol: L7Protocol.mysql,
    name: "mysql",
    stats,
    detect: detectMysql,
    connection: (sink: MessageSink) =>
      new MysqlCompressed(sink, stats, new MysqlConnection(sink, reader, stats, masksLiterals)),
  }
}
