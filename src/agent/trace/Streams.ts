// Requests with ids that a goroutine reads from one connection for others to serve, as servers of HTTP/2 and gRPC in Go do: each gets a
// goroutine of its own, begun by the one that reads, or by one that is given frame after frame and lets no more be read meanwhile.

import type { ServedRequest } from "./Cause.ts"

const maxRequests = 256

export class Streams {
  /** Those that came with the last read. */
  readonly #requests: Array<ServedRequest> = []
  #begun = 0
  /** Nothing was read since the first of them: whoever reads first may leave the rest to another goroutine. */
  #isFirst = true

  /** More is read: whatever came before has its goroutine by now. */
  readsOn(): void {
    if (this.#requests.length > 0) this.#isFirst = false
    this.#requests.length = 0
    this.#begun = 0
  }

  add(request: ServedRequest): void {
    if (this.#requests.length < maxRequests) this.#requests.push(request)
  }

  /** The reader begins a goroutine: in the order of the requests. */
  next(): ServedRequest | null {
    return this.#requests[this.#begun++] ?? (this.#isFirst ? this.only : null)
  }

  /** Another one begins a goroutine, to serve or to write: when there is one request only, it is for this one or asks nobody. */
  get only(): ServedRequest | null {
    return this.#requests.length === 1 ? this.#requests[0]! : null
  }
}
