// One run of an event loop: what it read since it last wrote or waited, and what it wrote after that.

import { type Cause, ClientCall, rootOf, ServedRequest } from "./Cause.ts"
import type { Exchange } from "./Exchange.ts"
import { Order, type Program } from "./Program.ts"

/** Messages in a row that are told apart. */
const maxReads = 1_024

export class Run {
  readonly #program: Program
  /** Whole messages, and of which kind of connection each is. */
  readonly reads: Array<Cause | null> = []
  readonly kinds: Array<number> = []
  /** The event that brought the last ones, and where these begin. */
  #event = -1
  #lastEvent = 0
  /** The message of which a part was read; undefined: none; null: several. */
  #partial: Cause | null | undefined = undefined
  /** Calls that were made. */
  readonly calls: Array<ClientCall> = []
  /** Events that brought whole messages. */
  events = 0
  writes = 0
  answers = 0
  /** Writes to which these reads did not lead, but what had waited. */
  others = 0
  /** Calls on the connection whose answer was read last. */
  onSame = 0
  /** Kind of what `led` told last. */
  ledKind = 0
  hasWritten = false

  constructor(program: Program) {
    this.#program = program
  }

  read(cause: Cause | null, kind: number, event: number): void {
    const { kinds, reads } = this
    if (reads.length >= maxReads) return
    if (event !== this.#event) {
      this.#event = event
      this.events++
      this.#lastEvent = reads.length
    }
    reads.push(cause)
    kinds.push(kind)
  }

  readPart(cause: Cause | null): void {
    if (this.#partial === undefined) this.#partial = cause
    else if (this.#partial !== cause) this.#partial = null
  }

  /** Only one event brought whole messages, or each event is worked on at once: what is written comes of the last one. */
  get isOfOneEvent(): boolean {
    return this.events > 0 && (this.events < 2 || this.#program.order === Order.last)
  }

  /** Where the messages of the last event begin. */
  get lastEvent(): number {
    return this.#lastEvent
  }

  /** The only message that can have led to what is written; null: there are several, or none. */
  get only(): Cause | null {
    const { reads } = this
    return this.isOfOneEvent && this.#lastEvent === reads.length - 1 ? reads[this.#lastEvent]! : null
  }

  /** What of the last event led to write number `at`, or of all that was read when it is of one request; null: not known. */
  led(at: number): Cause | null {
    const { kinds, reads } = this
    if (reads.length === 0) return this.#partial ?? null
    const last = reads.length - 1
    const from = this.#lastEvent
    let found = -1
    if (this.#areOfOne(0)) found = last
    else if (this.isOfOneEvent) found = from === last || this.#areOfOne(from) ? last : from + at - this.others
    this.ledKind = kinds[found] ?? 0
    return reads[found] ?? null
  }

  #areOfOne(from: number): boolean {
    const { reads } = this
    const root = rootOf(reads[from]!)
    if (root === null) return false
    for (let at = from + 1; at < reads.length; at++) if (rootOf(reads[at]!) !== root) return false
    return true
  }

  isLastOn(exchange: Exchange): boolean {
    const last = this.reads.at(-1)
    return last instanceof ClientCall && last.on === exchange
  }

  /** Of several events, only the last can have brought what led to the answer of this request. */
  isOfLast(request: ServedRequest): boolean {
    if (this.events < 2) return false
    return rootOf(this.reads.at(-1)!) === request || this.#isOnlyLast(request)
  }

  /** Of all that was read only the last can be of this request. */
  #isOnlyLast(request: ServedRequest): boolean {
    const { reads } = this
    for (let at = 0; at < reads.length - 1; at++) if (mayBeOf(reads[at]!, request)) return false
    return mayBeOf(reads.at(-1)!, request)
  }

  /** Ends; the next one begins. */
  end(): void {
    this.reads.length = 0
    this.kinds.length = 0
    this.calls.length = 0
    this.#event = -1
    this.#lastEvent = 0
    this.#partial = undefined
    this.events = 0
    this.writes = 0
    this.answers = 0
    this.others = 0
    this.onSame = 0
    this.hasWritten = false
  }
}

const mayBeOf = (read: Cause | null, request: ServedRequest): boolean => {
  if (read === null || read instanceof ServedRequest) return read === request
  const root = rootOf(read)
  return root === request || (root === null && read.begunAt > request.begunAt)
}
