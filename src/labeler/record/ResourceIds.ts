// Numbers of resources: dense per kind, from 1, each given out once. A resource that comes back (same domain, kind and uid) gets the
// number it had, as far as is remembered; nobody else ever does.

import { type ResourceKind, resourceKinds } from "../../tags/ResourceKind.ts"

/** Gone resources whose numbers are remembered, by default. */
const rememberedMost = 200_000

export class ResourceIds {
  readonly #last = new Map<ResourceKind, number>()
  /** By identity; the longest gone first. */
  readonly #gone = new Map<string, number>()
  readonly #most: number

  constructor(most = rememberedMost) {
    this.#most = most
  }

  /** A number that is taken. */
  taken(kind: ResourceKind, id: number): void {
    if (id > this.last(kind)) this.#last.set(kind, id)
  }

  last(kind: ResourceKind): number {
    return this.#last.get(kind) ?? 0
  }

  gone(identity: string, id: number): void {
    this.#gone.delete(identity)
    this.#gone.set(identity, id)
    if (this.#gone.size > this.#most) this.#gone.delete(this.#gone.keys().next().value!)
  }

  give(kind: ResourceKind, identity: string): number {
    const before = this.#gone.get(identity)
    if (before !== undefined) {
      this.#gone.delete(identity)
      return before
    }
    const id = this.last(kind) + 1
    this.#last.set(kind, id)
    return id
  }

  /** Numbers given out so far, by kind. */
  lasts(): ReadonlyMap<ResourceKind, number> {
    return new Map(resourceKinds.map((kind) => [kind, this.last(kind)]))
  }
}
