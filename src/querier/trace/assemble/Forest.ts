// Parents as they are found: every row is a root until a link gives it a parent. Invariant: never a cycle, never a second parent;
// what is asked of it against that is refused.

import type { Link } from "../Trace.ts"

export class Forest {
  readonly #parents: Int32Array
  readonly #links: Array<Link | null>

  constructor(size: number) {
    this.#parents = new Int32Array(size).fill(-1)
    this.#links = Array.from({ length: size }, () => null)
  }

  /** -1: a root. */
  parentOf(row: number): number {
    return this.#parents[row]!
  }

  linkOf(row: number): Link | null {
    return this.#links[row]!
  }

  isRoot(row: number): boolean {
    return this.#parents[row] === -1
  }

  rootOf(row: number): number {
    let at = row
    while (this.#parents[at] !== -1) at = this.#parents[at]!
    return at
  }

  /** False, and nothing is changed, where the child has a parent already or would become its own ancestor. */
  link(child: number, parent: number, link: Link): boolean {
    if (this.#parents[child] !== -1 || this.rootOf(parent) === child) return false
    this.#parents[child] = parent
    this.#links[child] = link
    return true
  }

  /** Children of each row, in the order of rows. */
  children(): ReadonlyArray<ReadonlyArray<number>> {
    const children: ReadonlyArray<Array<number>> = Array.from({ length: this.#parents.length }, () => [])
    this.#parents.forEach((parent, row) => {
      if (parent !== -1) children[parent]!.push(row)
    })
    return children
  }
}
