// FastCGI as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectFastCgi } from "./detect.ts"
import { FastCgiConnection } from "./FastCgiConnection.ts"

export interface FastCgiOptions {
  /** Path segments that make an endpoint. */
  readonly keepSegments?: number
}

/** A protocol value of its own, with statistics of its own. */
export const makeFastCgi = (options: FastCgiOptions = {}): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.fastCgi,
    name: "fastcgi",
    stats,
    detect: detectFastCgi,
    connection: (sink: MessageSink) => new FastCgiConnection(sink, stats, options.keepSegments ?? 2),
  }
}
