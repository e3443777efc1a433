// Redis (RESP2, RESP3, inline commands) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { CommandLine } from "./commandLine.ts"
import { detectRedis } from "./detect.ts"
import { RedisConnection } from "./RedisConnection.ts"

export interface RedisOptions {
  /** Replace argument values by `?` in the command line (default). Credentials are replaced in any case. */
  readonly maskLiterals?: boolean
}

/** A protocol value of its own, with statistics of its own. */
export const makeRedis = (options: RedisOptions = {}): Protocol => {
  const stats = makeParserStats()
  const masksLiterals = options.maskLiterals ?? true
  const commandLine = new CommandLine(masksLiterals)
  return {
    protocol: L7Protocol.redis,
    name: "redis",
    stats,
    detect: detectRedis,
    connection: (sink: MessageSink) => new RedisConnection(sink, commandLine, stats, masksLiterals),
  }
}

/** With default options, for tests and tools; an agent makes its own. */
export const redis: Protocol = makeRedis()
