// One line of execution: a thread, a goroutine, or a Task of an event loop. Tells for which request a call is made that is made here.
// A lane serves one request after another, or it is an event loop, which is seen when it reads a request while another one
// waits. Invariant: what a lane serves alone is certain; everything an event loop does is a guess that later events must confirm.

import { Belief, type Cause, ClientCall, type ServedRequest } from "./Cause.ts"
import { Consumer } from "./Consumer.ts"
import { EventLoop } from "./EventLoop.ts"
import type { Exchange } from "./Exchange.ts"
import { believeJobs, dropJobs, goesOn, Jobs } from "./Jobs.ts"
import type { Program } from "./Program.ts"
import { Streams } from "./Streams.ts"
import { TaskCalls } from "./TaskCalls.ts"

/** Requests that a lane which is no event loop has read and not answered. */
const maxServed = 8
/** Requests in a row, each alone, after which a lane is no event loop any more. */
const aloneAgain = 64

export class Lane {
  readonly program: Program
  readonly tgid: number
  readonly isGoroutine: boolean
  lastUs = 0
  /** It has read a request. */
  hasServed = false
  /** How often Lanes looked what it is. */
  looks = 0
  /** Requests read here that are not over. */
  readonly #served: Array<ServedRequest> = []
  /** What it does as an event loop; null: it is none. */
  #loop: EventLoop | null = null
  /** It waits as event loops do. */
  #isEventLoop = false
  #alone = 0
  /** The request of the goroutine that began this one. */
  #adopted: ServedRequest | null = null
  /** Where it wrote a request with an id last. */
  #askedOn: Exchange | null = null
  /** Requests that it reads for goroutines of their own. */
  #streams: Streams | null = null
  /** It read such requests, and left the connection to another goroutine. */
  #hasLeft = false
  /** Of the goroutine that reads what this one begins goroutines for. */
  #fedBy: Streams | null = null
  /** It answers requests that other lanes read. */
  #answersForOthers = false
  /** What it does for messages of brokers; null: there were none, or it is no thread that does one thing after the other. */
  consumer: Consumer | null = null
  /** What it calls while it serves nothing. */
  readonly jobs: Jobs
  /** The same of a Task; null: it is none. */
  readonly task: TaskCalls | null

  constructor(program: Program, tgid: number, isGoroutine: boolean, isTask = false) {
    this.task = isTask ? new TaskCalls() : null
    this.program = program
    this.jobs = new Jobs(program.handOver)
    this.tgid = tgid
    this.isGoroutine = isGoroutine
  }

  get isLoop(): boolean {
    return this.#loop !== null
  }

  /** What is served here and nothing else; null in event loops, where that would be a guess. */
  get only(): ServedRequest | null {
    const [request = this.#adopted, ...more] = this.#served
    const isKnown = request !== null && !request.isOver && this.#works(request)
    return this.isLoop || more.length > 0 || !isKnown ? null : request
  }

  /** A goroutine that read a part of a request may have ended, and another one have its place: net/http reads one byte ahead in one of its own. */
  #works({ isRead }: ServedRequest): boolean {
    return isRead || !this.isGoroutine
  }

  /** Another goroutine begins here, of the one that serves the request. */
  adopt(request: ServedRequest): void {
    this.#adopted = request
  }

  /** Another goroutine is begun here: the request that it works for. */
  begins(): ServedRequest | null {
    if (this.#streams !== null) return this.#streams.next()
    if (this.#fedBy !== null) return this.#fedBy.only
    return this.#hasLeft ? null : this.only
  }

  /** A request with an id was read here. */
  streams(request: ServedRequest): void {
    if (this.isGoroutine && this.program.handOver.isWatched) (this.#streams ??= new Streams()).add(request)
  }

  /** Bytes of a connection of which messages have ids begin to be read here. */
  readsOn(): void {
    this.#streams?.readsOn()
  }

  /** Another goroutine goes on to read that connection. */
  readsNoMore(): void {
    this.#streams = null
    this.#hasLeft = true
  }

  /** It just read one request for another goroutine. */
  get isStreaming(): boolean {
    return this.#streams !== null && this.#streams.only !== null
  }

  /** This lane woke the other one. */
  feeds(other: Lane): void {
    if (this.isStreaming && other.only === null) other.#fedBy = this.#streams
  }

  /** A request begins to be read here, on the connection of which `others` wait for their answers. */
  serve(request: ServedRequest, others: ReadonlyArray<ServedRequest>): void {
    const served = this.#served
    this.hasServed = true
    this.#adopted = null
    this.consumer?.forget()
    this.program.handOver.served++
    if (served.length === 0) {
      if (this.isLoop && !this.#isEventLoop && ++this.#alone >= aloneAgain) this.#isAlone()
    } else if (others.length === 0) {
      // A goroutine's place is taken by another one as soon as it ends: what it served is not this one's.
      if (this.isGoroutine) served.length = 0
      else this.#interleaves()
    }
    if (served.length >= maxServed) served.shift()
    served.push(request)
  }

  /** A message that a broker sends is read here. Null: of such a lane it will not be known what it does for that. */
  consumes(): Consumer | null {
    if (this.isGoroutine || this.task !== null || this.isLoop || this.#served.length > 0) return null
    return (this.consumer ??= new Consumer())
  }

  becomeLoop(): void {
    this.#isEventLoop = true
    this.#interleaves()
  }

  #interleaves(): void {
    this.#alone = 0
    if (this.isLoop) return
    this.consumer = null
    this.#loop = new EventLoop(this.program)
    this.jobs.forget()
    this.task?.forget()
  }

  #isAlone(): void {
    this.#loop?.forget()
    this.#loop = null
  }

  /** The request is over, or read on elsewhere. */
  leave(request: ServedRequest): void {
    const at = this.#served.indexOf(request)
    if (at >= 0) this.#served.splice(at, 1)
  }

  /** Who woke or began whom was not told: what was learnt of that before does not hold any more. */
  forgetHandOvers(): void {
    this.#adopted = null
    this.#streams = null
    this.#hasLeft = false
    this.#fedBy = null
    this.#served.forEach(dropJobs)
    this.jobs.forget()
  }

  /** Nothing is known of what this lane does now. */
  forget(): void {
    this.forgetHandOvers()
    this.#served.length = 0
    this.task?.forget()
    this.consumer?.forget()
    this.#loop?.forget()
  }

  /** A message, or a part of one, was read here by event `step`, on a connection of this kind. */
  read(cause: Cause | null, isWhole: boolean, waits: number, kind: number, step: number): void {
    if (this.#loop === null && cause instanceof ClientCall && this.#isOfAnother(cause)) {
      this.program.moved++
      this.#interleaves()
    }
    this.#loop?.read(cause, isWhole, waits, kind, step)
  }

  /** The call is for a request that another thread reads and answers, and was made there. */
  #isOfAnother({ belief, parent }: ClientCall): boolean {
    if (!this.hasServed || this.isGoroutine || this.task !== null) return false
    const isKnown = parent !== null && belief === Belief.settled && !parent.isOver
    return isKnown && parent.lane !== null && parent.lane !== this && !this.#served.includes(parent)
  }

  /** A call begins to be made here, on this connection, or one of this kind. */
  call(waits: number, step: number, kind: number, on: Exchange | null): ClientCall {
    if (this.#loop !== null) return this.#loop.call(waits, step, kind, on)
    this.#mayWriteForAll(on)
    const [parent = this.#adopts(), ...more] = this.#served
    if (parent === undefined) return this.consumer?.call(step, on, waits) ?? this.#callForAnother(step)
    if (this.#works(parent)) goesOn(parent)
    const isIts = more.length === 0 && this.#works(parent)
    return new ClientCall(step, isIts ? parent : null, Belief.settled)
  }

  /** A request with an id was written here. */
  asked(on: Exchange): void {
    this.#askedOn = on
  }

  /** Who writes the next request there before the last one is answered writes for all who share the connection, not for who began it. */
  #mayWriteForAll(on: Exchange | null): void {
    if (this.#adopted !== null && on !== null && on === this.#askedOn && on.calls.length > 0)
      this.#adopted = null
  }

  #adopts(): ServedRequest | undefined {
    const request = this.#adopted
    if (request === null || request.isOver) return undefined
    this.program.handOver.calls++
    this.program.handOver.joined++
    return request
  }

  #callForAnother(step: number): ClientCall {
    if (this.task !== null) return this.task.add(step)
    const { handOver } = this.program
    if (this.#answersForOthers || handOver.answersForOthers || handOver.isWatched)
      return this.jobs.add(step, this.isGoroutine)
    if (!this.hasServed) handOver.strays++
    return new ClientCall(step, null, Belief.settled)
  }

  /** Another message of the same write as `call`. */
  callWith(call: ClientCall): ClientCall {
    if (this.#loop !== null) return this.#loop.callWith(call)
    const { begunAt, belief, on, parent } = call
    const adopted = this.#adopted
    this.#mayWriteForAll(on)
    if (adopted !== this.#adopted) return new ClientCall(begunAt, null, Belief.settled)
    if (belief !== Belief.open) return new ClientCall(begunAt, parent, Belief.settled)
    return this.task === null ? this.jobs.add(begunAt, this.isGoroutine) : this.task.add(begunAt)
  }

  /** Bytes go on to be written here that were begun before. */
  writesOn(): void {
    this.#loop?.writesOn()
  }

  /** The first byte of the request's answer, on a connection of this kind, is written here. */
  answer(request: ServedRequest, waits: number, kind: number): void {
    if (this.#loop === null) this.#answersAlone(request, waits)
    else this.#loop.answer(request, waits, kind)
  }

  #answersAlone(request: ServedRequest, waits: number): void {
    const { handOver } = this.program
    if (this.task !== null) {
      if (request.lane !== this) request.lane?.leave(request)
      request.lane = this
      return this.task.answers(request, this.lastUs)
    }
    if (request.lane === this || request.lane === null) {
      this.jobs.forget()
      return believeJobs(request, this.isGoroutine ? -1 : waits, handOver)
    }
    this.#answersForOthers = true
    if (!this.isGoroutine) handOver.answersForOthers = true
    this.jobs.answers(request)
  }
}
