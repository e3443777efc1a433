// What a client waits for on one connection, in order: each of these gets one response, but for marks of the end of a pipeline.
// Bound: 256 entries.

export const Kind = {
  /** Startup with its authentication. */
  startup: 0,
  /** Simple query or function call: ends with ReadyForQuery. */
  simple: 1,
  /** One Execute: ends with CommandComplete or its like. */
  execute: 2,
  /** Parse, Describe or Close without Execute before a Sync: ends with ReadyForQuery. */
  prepare: 3,
  /** A Sync behind Executes: no message, but ReadyForQuery ends it. */
  sync: 4,
} as const
export type Kind = (typeof Kind)[keyof typeof Kind]

export interface Waiting {
  readonly kind: Kind
  readonly endpoint: string
}

const maxWaiting = 256

export class Exchange {
  overflows = 0
  private readonly waiting: Array<Waiting> = []

  get size(): number {
    return this.waiting.length
  }

  add(waiting: Waiting): void {
    if (this.waiting.length === maxWaiting) {
      this.waiting.shift()
      this.overflows++
    }
    this.waiting.push(waiting)
  }

  head(): Waiting | undefined {
    return this.waiting[0]
  }

  shift(): Waiting | undefined {
    return this.waiting.shift()
  }

  /** Responses still to come, marks not counted. */
  get answers(): number {
    let count = 0
    for (const { kind } of this.waiting) if (kind !== Kind.sync) count++
    return count
  }

  clear(): void {
    this.waiting.length = 0
  }
}
