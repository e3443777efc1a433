// MongoDB as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectMongodb } from "./detect.ts"
import { MongodbConnection } from "./MongodbConnection.ts"

export interface MongodbOptions {
  /** Replace values in commands by `?` and show nothing of replies (default). Credentials are replaced in any case. */
  readonly maskLiterals?: boolean
}

/** A protocol value of its own, with statistics of its own. */
export const makeMongodb = (options: MongodbOptions = {}): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.mongodb,
    name: "mongodb",
    stats,
    detect: detectMongodb,
    connection: (sink: MessageSink) => new MongodbConnection(sink, stats, options.maskLiterals ?? true),
  }
}
