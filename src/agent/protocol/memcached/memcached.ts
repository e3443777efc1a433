// Memcached (text with meta commands, binary) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectMemcached } from "./detect.ts"
import { MemcachedConnection } from "./MemcachedConnection.ts"

export interface MemcachedOptions {
  /** Replace the numbers of incr and decr by `?` (default). Values and credentials are never shown. */
  readonly maskLiterals?: boolean
}

/** A protocol value of its own, with statistics of its own. */
export const makeMemcached = (options: MemcachedOptions = {}): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.memcached,
    name: "memcached",
    stats,
    detect: detectMemcached,
    connection: (sink: MessageSink) => new MemcachedConnection(sink, stats, options.maskLiterals ?? true),
  }
}
