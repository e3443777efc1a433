// HTTP/1.0 and HTTP/1.1 as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectHttp1 } from "./detect.ts"
import { HeadReader } from "./HeadReader.ts"
import { Http1Connection } from "./Http1Connection.ts"
import type { Upgrades } from "./Upgrades.ts"

export interface Http1Options {
  /** Path segments that make an endpoint. */
  readonly keepSegments?: number
  readonly upgrades?: Upgrades
}

/** A protocol value of its own, with statistics of its own. */
export const makeHttp1 = (options: Http1Options = {}): Protocol => {
  const stats = makeParserStats()
  const upgrades = options.upgrades ?? {}
  const reader = new HeadReader(options.keepSegments ?? 2)
  return {
    protocol: L7Protocol.http1,
    name: "http1",
    stats,
    detect: detectHttp1,
    connection: (sink: MessageSink) => new Http1Connection(sink, reader, stats, upgrades),
  }
}

/** With default options, for tests and tools; an agent makes its own. */
export const http1: Protocol = makeHttp1()
