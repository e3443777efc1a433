// HTTP/2 with what rides on it (gRPC, Triple) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectHttp2 } from "./detect.ts"
import { HeaderFields } from "./HeaderFields.ts"
import { Http2Connection } from "./Http2Connection.ts"

export interface Http2Options {
  /** Path segments that make an endpoint; gRPC's endpoints are whole paths. */
  readonly keepSegments?: number
}

export interface Http2Protocol extends Protocol {
  /** A parser for a connection that came from HTTP/1.1 by an upgrade; its request had this endpoint. */
  upgraded(sink: MessageSink, endpoint: string): Http2Connection
}

/** A protocol value of its own, with statistics of its own. */
export const makeHttp2 = (options: Http2Options = {}): Http2Protocol => {
  const stats = makeParserStats()
  const fields = new HeaderFields()
  const keepSegments = options.keepSegments ?? 2
  const connection = (sink: MessageSink) => new Http2Connection(sink, fields, stats, keepSegments)
  return {
    protocol: L7Protocol.http2,
    name: "http2",
    stats,
    detect: detectHttp2,
    connection,
    upgraded: (sink, endpoint) => {
      const parser = connection(sink)
      parser.adopt(endpoint)
      return parser
    },
  }
}
