// WebSocket (RFC 6455) as a Protocol. Its frames alone are too much like anything to be recognised: connections come from
// HTTP/1.1's handshake only.

import { L7Protocol } from "../../../model/protocol.ts"
import type { Handshake } from "../http1/Upgrades.ts"
import { makeParserStats } from "../ParserStats.ts"
import { Evidence, type MessageSink, type Protocol } from "../Protocol.ts"
import { WebSocketConnection } from "./WebSocketConnection.ts"

export interface WebSocketProtocol extends Protocol {
  /** A parser for a connection whose handshake is over. */
  upgraded(sink: MessageSink, handshake: Handshake): WebSocketConnection
}

/** A protocol value of its own, with statistics of its own. */
export const makeWebSocket = (): WebSocketProtocol => {
  const stats = makeParserStats()
  const upgraded = (sink: MessageSink, handshake: Handshake) =>
    new WebSocketConnection(sink, handshake, stats)
  return {
    protocol: L7Protocol.webSocket,
    name: "websocket",
    stats,
    detect: () => Evidence.none,
    connection: (sink) => upgraded(sink, { domain: "", resource: "", endpoint: "" }),
    upgraded,
  }
}
