// Where HTTP/1.1 ends and another protocol begins on the same connection: 101 (Switching Protocols).

import type { ConnectionParser, MessageSink } from "../Protocol.ts"

/** What the request asked for that the switch answered. */
export interface Handshake {
  readonly domain: string
  readonly resource: string
  readonly endpoint: string
}

/** The parsers that take over, by the token of the Upgrade header; a connection without one is left. */
export interface Upgrades {
  readonly http2?: (sink: MessageSink, endpoint: string) => ConnectionParser
  readonly webSocket?: (sink: MessageSink, handshake: Handshake) => ConnectionParser
}
