// The requests of one connection that wait for their response: what the response's parser must know of each.
// A ring of fixed size; when it is full the oldest is forgotten, and its response recognised as such later.

import { type MethodKind, MethodKind as Kind } from "./HeadReader.ts"

/** Pipelined requests remembered per connection; no common client keeps more than 16 in flight. */
export const maxOutstanding = 64

export class RequestQueue {
  /** What `take` found. */
  methodKind: MethodKind = Kind.unknown
  endpoint = ""
  private readonly kinds: Array<MethodKind> = []
  private readonly endpoints: Array<string> = []
  private first = 0
  private count = 0
  private forgotten = 0

  get size(): number {
    return this.count
  }

  /** False when the oldest had to be forgotten. */
  add(kind: MethodKind, endpoint: string): boolean {
    const fits = this.count < maxOutstanding
    if (!fits) {
      this.first = (this.first + 1) % maxOutstanding
      this.count--
      this.forgotten++
    }
    const slot = (this.first + this.count) % maxOutstanding
    this.kinds[slot] = kind
    this.endpoints[slot] = endpoint
    this.count++
    return fits
  }

  /** The request that the next response answers, into `methodKind` and `endpoint`. */
  take(): void {
    this.methodKind = Kind.unknown
    this.endpoint = ""
    if (this.forgotten > 0) {
      this.forgotten--
    } else if (this.count > 0) {
      this.methodKind = this.kinds[this.first]
      this.endpoint = this.endpoints[this.first]
      this.endpoints[this.first] = ""
      this.first = (this.first + 1) % maxOutstanding
      this.count--
    }
  }

  clear(): void {
    this.kinds.length = 0
    this.endpoints.length = 0
    this.first = 0
    this.count = 0
    this.forgotten = 0
  }
}
