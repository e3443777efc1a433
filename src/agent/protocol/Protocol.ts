// The contract of a protocol folder (`http1/`, `redis/`): how the agent recognises a protocol and reads its messages.
// Parsers are synchronous, keep their state per connection, bound it, and never throw on any bytes.

import type { L7Message } from "../../model/L7Session.ts"
import type { ParserStats } from "./ParserStats.ts"

/** The direction of bytes on a connection. */
export const Direction = { toServer: 0, toClient: 1 } as const
export type Direction = (typeof Direction)[keyof typeof Direction]

/** What a few first bytes of a system call or segment look like to a protocol. */
export const Evidence = {
  none: 0,
  /** Unambiguous start of a request. */
  request: 1,
  /** Unambiguous start of a response. */
  response: 2,
  /** A possible message that does not say which side sent it, or too short to say: look at the next one. */
  unclear: 3,
  /** Unambiguous start of a message that either side may send: the client is whoever connected, or else spoke first. */
  either: 4,
} as const
export type Evidence = (typeof Evidence)[keyof typeof Evidence]

/** Takes what parsers find. `message` is called once for each message, at its end or when enough is known of it. */
export interface MessageSink {
  message(message: L7Message): void
  /** A request with this id begins, of which `message` is called later. Left out: that is not asked for. */
  begins?(requestId: number): void
  /** The connection left the protocol (HTTP upgrade, CONNECT): nothing further on it is to be parsed. */
  leave(): void
  /**
   * An unknown number of whole messages of this direction was lost, so that order no longer pairs requests with responses:
   * after lost responses nothing outstanding is answerable; after lost requests what follows them is not, until a new exchange.
   */
  desync(direction: Direction): void
}

/** The parser of one connection: two byte streams and what has been read of each. */
export interface ConnectionParser {
  /**
   * Takes the next bytes of one direction: `bytes[start, end)`, seen at `timeUs`, their first byte at `tcpSeq` (0: unknown).
   * `missing` bytes of the stream follow them that the capture did not deliver (cut payload, lost packets).
   * The bytes are the caller's: what is needed later must be copied. Never throws; malformed input is counted in the parser's
   * statistics and skipped to the next message start.
   */
  feed(
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
  ): void
  /** Reads what the next feed will need, so that its memory is at hand then. Whatever number. */
  touch?(): number
  /** The connection is over: emits messages that only its end completes. */
  close(timeUs: number): void
}

/** One per protocol, exported as the folder's value (`http1`, `redis`). */
export interface Protocol {
  /** Number of `L7Protocol`. */
  readonly protocol: number
  readonly name: string
  /** IpProtocol numbers it is looked for on; absent: TCP alone. On all others each feed is one datagram, whole or cut. */
  readonly transports?: ReadonlyArray<number>
  /** What all parsers of this value met; the caller exports it. */
  readonly stats: ParserStats
  /** What the first bytes of a system call or segment say. Looks at no more than 64 bytes. */
  detect(bytes: Uint8Array, start: number, end: number): Evidence
  /** A parser for one new connection, with the server's port where the caller knows it. */
  connection(sink: MessageSink, serverPort?: number): ConnectionParser
}
