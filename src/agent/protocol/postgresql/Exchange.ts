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

/** What `head` says when nothing is awaited. */
export const noKind = -1

/** A power of two. */
const maxWaiting = 256

/** A ring, which begins anew whenever it runs empty, so that it stays as short as the longest pipeline. */
export class Exchange {
  overflows = 0
  /** Of what was taken last by `shift`. */
  endpoint = ""
  private readonly kinds: Array<Kind> = []
  private readonly endpoints: Array<string> = []
  private first = 0
  private count = 0

  get size(): number {
    return this.count
  }

  /** The kind of what is awaited next. */
  get head(): number {
    return this.count === 0 ? noKind : this.kinds[this.first]
  }

  add(kind: Kind, endpoint: string): void {
    if (this.count === maxWaiting) {
      this.shift()
      this.overflows++
    }
    const at = (this.first + this.count) & (maxWaiting - 1)
    this.kinds[at] = kind
    this.endpoints[at] = endpoint
    this.count++
  }

  /** Takes what is awaited next; returns its kind. */
  shift(): number {
    const kind = this.head
    if (kind === noKind) return kind
    this.endpoint = this.endpoints[this.first]
    this.endpoints[this.first] = ""
    this.first = --this.count === 0 ? 0 : (this.first + 1) & (maxWaiting - 1)
    return kind
  }

  /** Responses still to come, marks not counted. */
  get answers(): number {
    let answers = 0
    for (let i = 0; i < this.count; i++)
      if (this.kinds[(this.first + i) & (maxWaiting - 1)] !== Kind.sync) answers++
    return answers
  }

  clear(): void {
    this.kinds.length = 0
    this.endpoints.length = 0
    this.first = this.count = 0
  }
}
