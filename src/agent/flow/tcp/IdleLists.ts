// Slots in a few lists, each ordered by when they were last touched: the oldest of a list is found without
// looking at others. Doubly linked over typed arrays; a slot is in one list or none.

export class IdleLists {
  private readonly before: Int32Array
  private readonly after: Int32Array
  private readonly listOf: Int8Array
  private readonly capacity: number

  constructor(capacity: number, lists: number) {
    this.capacity = capacity
    // The end marks of the lists stand behind the slots: after[mark] is the newest, before[mark] the oldest.
    this.before = new Int32Array(capacity + lists)
    this.after = new Int32Array(capacity + lists)
    this.listOf = new Int8Array(capacity).fill(-1)
    for (let mark = capacity; mark < capacity + lists; mark++) {
      this.before[mark] = mark
      this.after[mark] = mark
    }
  }

  /** Makes the slot the newest of the list. */
  touch(slot: number, list: number): void {
    const mark = this.capacity + list
    if (this.after[mark] === slot) return
    this.remove(slot)
    const newest = this.after[mark]
    this.after[mark] = slot
    this.before[slot] = mark
    this.after[slot] = newest
    this.before[newest] = slot
    this.listOf[slot] = list
  }

  remove(slot: number): void {
    if (this.listOf[slot] < 0) return
    this.listOf[slot] = -1
    this.after[this.before[slot]] = this.after[slot]
    this.before[this.after[slot]] = this.before[slot]
  }

  /** The slot touched longest ago, or -1. */
  oldest(list: number): number {
    const slot = this.before[this.capacity + list]
    return slot < this.capacity ? slot : -1
  }
}
