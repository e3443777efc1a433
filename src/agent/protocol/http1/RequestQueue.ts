// The requests of one connection that wait for their response: what the response's parser must know of each.
// Bounded; when it is full the oldest is forgotten, and its response recognised as such later.

import { type MethodKind, MethodKind as Kind } from "./HeadReader.ts"

/** Pipelined requests remembered per connection; no common client keeps more than 16 in flight. */
export const maxOutstanding = 64

interface Waiting {
  readonly kind: MethodKind
  readonly endpoint: string
}

export class RequestQueue {
  /** What `take` found. */
  methodKind: MethodKind = Kind.unknown
  endpoint = ""
  /** The oldest, when there are any: most connections have one at a time. */
  private oldestKind: MethodKind = Kind.unknown
  private oldestEndpoint = ""
  /** Those behind it. */
  private behind: Array<Waiting> | null = null
  private count = 0
  private forgotten = 0

  get size(): number {
    return this.count
  }

  /** False when the oldest had to be forgotten. */
  add(kind: MethodKind, endpoint: string): boolean {
    const fits = this.count < maxOutstanding
    if (!fits) {
      this.advance()
      this.forgotten++
    }
    if (this.count++ === 0) {
      this.oldestKind = kind
      this.oldestEndpoint = endpoint
    } else (this.behind ??= []).push({ kind, endpoint })
    return fits
  }

  /** The request that the next response answers, into `methodKind` and `endpoint`. */
  take(): void {
    this.methodKind = Kind.unknown
    this.endpoint = ""
    if (this.forgotten > 0) {
      this.forgotten--
    } else if (this.count > 0) {
      this.methodKind = this.oldestKind
      this.endpoint = this.oldestEndpoint
      this.advance()
    }
  }

  private advance(): void {
    this.count--
    const next = this.behind === null ? undefined : this.behind.shift()
    this.oldestKind = next === undefined ? Kind.unknown : next.kind
    this.oldestEndpoint = next === undefined ? "" : next.endpoint
  }

  clear(): void {
    this.oldestEndpoint = ""
    this.behind = null
    this.count = 0
    this.forgotten = 0
  }
}
