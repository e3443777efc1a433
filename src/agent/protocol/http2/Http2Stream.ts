// One request and its response on an HTTP/2 connection, as far as they are not handed over yet.

import { absentLength, type L7Message } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { EventCounter } from "../EventCounter.ts"
import { GrpcMessages } from "../grpc/GrpcMessages.ts"
import { Content } from "./HeaderFields.ts"

/** What is known of a body: numbers only. */
export class Body {
  bytes = 0
  /** Frames of it may be lost: the number of bytes says nothing. */
  isUnsure = false
  messages: GrpcMessages | null = null
  events: EventCounter | null = null

  expect(content: Content): void {
    if (content === Content.grpc) this.messages ??= new GrpcMessages()
    else if (content === Content.eventStream) this.events ??= new EventCounter()
  }

  scan(bytes: Uint8Array, start: number, end: number): void {
    this.bytes += end - start
    if (this.messages !== null) this.messages.scan(bytes, start, end)
    else if (this.events !== null) this.events.scan(bytes, start, end)
  }

  skip(count: number): void {
    this.bytes += count
    this.messages?.skip(count)
    this.events?.skip()
  }

  /** Frames of this body may have been lost. */
  lose(): void {
    this.isUnsure = true
    if (this.messages !== null) this.messages.isUnsure = true
    this.events?.skip()
  }

  /** Sets the length that no header told. */
  writeLength(message: L7Message): void {
    if (message.length === absentLength && !this.isUnsure) message.length = this.bytes
  }
}

export class Http2Stream {
  readonly id: number
  /** http2, grpc or triple. */
  protocol: number = L7Protocol.http2
  endpoint = ""
  /** When the request began. */
  startUs = 0
  /** Not handed over yet. */
  request: L7Message | null = null
  response: L7Message | null = null
  hasRequest = false
  hasRequestEnded = false
  hasResponse = false
  /** The response that was handed over before its end: what its end tells is handed over as a one-way message. */
  early: L7Message | null = null
  /** Bytes captured since. */
  lateCaptured = 0
  /** How long the client will wait (grpc-timeout); 0: it did not say. */
  timeoutUs = 0
  /** The request came by HTTP/1.1 (upgrade), so order pairs it. */
  isByOrder = false
  readonly requestBody = new Body()
  readonly responseBody = new Body()

  constructor(id: number) {
    this.id = id
  }

  get isGrpc(): boolean {
    return this.protocol !== L7Protocol.http2
  }
}
