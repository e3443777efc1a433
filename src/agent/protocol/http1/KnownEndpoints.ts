// The endpoints of paths that were met before: programs serve few, and the text that stands for one is the same text each time, which
// whoever counts by it need not hash again.
// Bound: 256 paths of at most 128 bytes; one that falls on another's place takes it.

import { ownText } from "../latin1.ts"

const places = 256
const maxPath = 128
/** Of paths that are not known one in so many is remembered: those with an id in them come once. */
const admitted = 8

interface Known {
  readonly path: Uint8Array
  readonly endpoint: string
}

/** Adds a byte to the hash of a path, which begins with 0. */
export const addToHash = (hash: number, byte: number): number => (Math.imul(hash, 31) + byte) | 0

const placeOf = (hash: number): number => (hash ^ (hash >>> 8)) & (places - 1)

export class KnownEndpoints {
  readonly #known = new Array<Known | null>(places).fill(null)
  #unknown = 0

  /** Of the path bytes[start, end), by its hash. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): string | undefined {
    const known = this.#known[placeOf(hash)]!
    if (known === null) return undefined
    const { path } = known
    if (path.length !== end - start) return undefined
    for (let i = 0; i < path.length; i++) if (path[i] !== bytes[start + i]) return undefined
    return known.endpoint
  }

  /** Of a path that was just not found. */
  add(bytes: Uint8Array, start: number, end: number, hash: number, endpoint: string): void {
    if (end - start > maxPath || this.#unknown++ % admitted !== 0) return
    // `slice` of a Buffer is a view.
    const path = Uint8Array.prototype.slice.call(bytes, start, end)
    this.#known[placeOf(hash)] = { path, endpoint: ownText(endpoint) }
  }
}
