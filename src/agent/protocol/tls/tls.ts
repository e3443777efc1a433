// TLS (SSL 3.0 to TLS 1.3) as a Protocol: its handshake. Nothing is decrypted.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectTls } from "./detect.ts"
import { TlsConnection } from "./TlsConnection.ts"

/** A protocol value of its own, with statistics of its own. */
export const makeTls = (): Protocol => {
  const stats = makeParserStats()
  return {
    protocol: L7Protocol.tls,
    name: "tls",
    stats,
    detect: detectTls,
    connection: (sink: MessageSink) => new TlsConnection(sink, stats),
  }
}
