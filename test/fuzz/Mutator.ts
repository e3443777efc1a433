// Makes one hostile input after the other out of conversations: bytes changed, lengths blown up, pieces lost, doubled, swapped,
// taken from another conversation, cut anywhere. The same seed makes the same inputs.

import type { Run } from "../../src/agent/protocol/transcript.testing.ts"
import type { Conversation } from "./seeds.ts"

/** Runs of one input at most. */
const maxRuns = 8
const maxRunBytes = 8_192

/** Values that lengths, counts and offsets break at. */
const edges = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]

export class Mutator {
  #state: number
  readonly #conversations: ReadonlyArray<Conversation>

  /** `conversations` has at least one, none of them empty. */
  constructor(conversations: ReadonlyArray<Conversation>, seed: number) {
    this.#conversations = conversations
    this.#state = seed | 0
  }

  /** The state from which `next` made, or will make, its input: a Mutator with this seed makes it again. */
  get seed(): number {
    return this.#state
  }

  /** Integer below `limit` (mulberry32). */
  #below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit) | 0
  }

  #pick<A>(all: ReadonlyArray<A>): A {
    return all[this.#below(all.length)]!
  }

  next(): ReadonlyArray<Run> {
    const conversation = this.#pick(this.#conversations)
    // Mostly from its beginning: later messages want what the first ones set up.
    const from = this.#below(4) === 0 ? this.#below(conversation.length) : 0
    const runs = conversation.slice(from, from + 1 + this.#below(maxRuns))
    const changes = 1 + this.#below(6)
    for (let i = 0; i < changes; i++) this.#change(runs)
    return runs
  }

  #change(runs: Array<Run>): void {
    const at = this.#below(runs.length)
    const run = runs[at]!
    const { bytes } = run
    const position = this.#below(bytes.length + 1)
    switch (this.#below(12)) {
      case 0:
      case 1:
        return this.#set(runs, at, this.#withByte(bytes, position, this.#below(256)))
      case 2:
        return this.#set(runs, at, this.#withByte(bytes, position, bytes[position]! ^ (1 << this.#below(8))))
      case 3:
      case 4:
        return this.#set(runs, at, this.#withNumber(bytes, position, this.#pick(edges)))
      case 5:
        return this.#set(runs, at, bytes.subarray(0, position))
      case 6:
        return this.#set(runs, at, bytes.subarray(position))
      case 7:
        // Cut in two, as a system call or segment may.
        if (runs.length < maxRuns)
          runs.splice(
            at,
            1,
            { ...run, bytes: bytes.subarray(0, position), missing: 0 },
            { ...run, bytes: bytes.subarray(position) },
          )
        return
      case 8:
        runs[at] = { ...run, missing: this.#pick(edges) }
        return
      case 9:
        if (runs.length < maxRuns) runs.splice(this.#below(runs.length + 1), 0, run)
        return
      case 10: {
        const other = this.#pick(this.#pick(this.#conversations)).bytes
        const begin = this.#below(other.length + 1)
        return this.#set(
          runs,
          at,
          joined(bytes.subarray(0, position), other.subarray(begin, begin + this.#below(512))),
        )
      }
      default:
        runs[at] = { ...run, direction: run.direction === 0 ? 1 : 0 }
    }
  }

  #set(runs: Array<Run>, at: number, bytes: Uint8Array): void {
    runs[at] = { ...runs[at]!, bytes: bytes.subarray(0, maxRunBytes) }
  }

  #withByte(bytes: Uint8Array, position: number, value: number): Uint8Array {
    const copy = bytes.slice()
    if (position < copy.length) copy[position] = value
    return copy
  }

  /** A number of 1, 2, 3, 4 or 8 bytes in either order at `position`. */
  #withNumber(bytes: Uint8Array, position: number, value: number): Uint8Array {
    const copy = bytes.slice()
    const width = this.#pick([1, 2, 3, 4, 8])
    const isLittle = this.#below(2) === 0
    for (let i = 0; i < width && position + i < copy.length; i++) {
      const shift = 8 * (isLittle ? i : width - 1 - i)
      copy[position + i] = shift < 32 ? value >>> shift : 0
    }
    return copy
  }
}

const joined = (one: Uint8Array, other: Uint8Array): Uint8Array => {
  const both = new Uint8Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}
