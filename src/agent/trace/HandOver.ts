// How the lanes of one process share work, as far as it was seen.

/** Both before it is looked into who wakes whom. */
const leastSeen = 16
const minSeen = 20
/** One in so many ends of jobs may have led to something else than the answer. */
const maxRefutedOf = 20
/** One in so many jobs may have ended without that anybody was woken. */
const maxDroppedOf = 10
/** Kinds of jobs that are told apart. */
const maxShapes = 256
/** Seconds after which what was seen counts half. */
const halfLife = 10

export class HandOver {
  /** Threads answer what others read. */
  answersForOthers = false
  /** The kernel tells who wakes whom. */
  isWatched = false
  /** Requests that were read, and calls on lanes that never read one, of late. */
  served = 0
  strays = 0
  /** Calls on lanes that serve nothing since this trial began, and those that were joined by who woke whom. */
  calls = 0
  joined = 0
  /** Of the ends of jobs: the answer followed at once; something else did. */
  confirmed = 0
  refuted = 0
  /** Jobs after which nobody was woken. */
  dropped = 0
  /** Jobs of which both ends were seen, by what they called. */
  readonly #shapes = new Set<number>()
  #seconds = 0

  /** Work is done somewhere that may belong to requests. */
  get mayBe(): boolean {
    return this.strays >= leastSeen && this.served >= leastSeen
  }

  /** Wake-ups mean something else too often: locks that everybody takes. */
  get isUnreliable(): boolean {
    return this.refuted >= minSeen && this.refuted * maxRefutedOf > this.confirmed
  }

  /** The end of a job shows: calls between two ends are of one job. */
  get endsShow(): boolean {
    return this.dropped < minSeen || this.dropped * maxDroppedOf <= this.confirmed
  }

  /** A job, both of whose ends were seen, called such. */
  saw(shape: number): void {
    if (this.#shapes.size < maxShapes) this.#shapes.add(shape)
  }

  /** Such a job was seen whole; so calls of which not both ends are sure are one, and not two. */
  isKnown(shape: number): boolean {
    return this.#shapes.has(shape)
  }

  get knowsNone(): boolean {
    return this.#shapes.size === 0
  }

  /** From now on it is told who wakes whom. */
  begin(): void {
    this.isWatched = true
    this.calls = 0
    this.joined = 0
  }

  /** To be called once a second. */
  age(): void {
    if (++this.#seconds % halfLife !== 0) return
    this.served /= 2
    this.strays /= 2
    this.dropped /= 2
    this.confirmed /= 2
    this.refuted /= 2
  }
}
