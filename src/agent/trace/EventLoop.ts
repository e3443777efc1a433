// A lane that works on many requests at once. Everything it does is a guess that later events must confirm: what was read before a call,
// or whose turn it was among those that waited for a connection, says for which request the call is made; what is
// written after its answer was read says whether that was so.

import {
  abandon,
  Belief,
  claim,
  ClientCall,
  confirm,
  type Cause,
  type Guess,
  noGuess,
  refute,
  rootOf,
  ServedRequest,
} from "./Cause.ts"
import type { Exchange } from "./Exchange.ts"
import { Order, type Program, type Transition } from "./Program.ts"
import { Run } from "./Run.ts"
import { type Period, Turns } from "./Turns.ts"
import { Waiting } from "./Waiting.ts"

export class EventLoop {
  readonly #program: Program
  readonly #run: Run
  readonly #turns: Turns
  readonly #waiting = new Waiting()
  /** How often the thread had waited when it last read. */
  #waits = 0

  constructor(program: Program) {
    this.#program = program
    this.#run = new Run(program)
    this.#turns = new Turns(program)
  }

  /** Nothing is known of what it does now. */
  forget(): void {
    this.#endRun()
    this.#turns.spoil()
    this.#waiting.clear()
  }

  #endRun(): void {
    const run = this.#run
    const program = this.#program
    const { reads } = run
    // Whoever goes on to ask does not answer yet: that call was another one's, which waited for the connection.
    if (run.onSame > 0 && run.only !== null) {
      if (run.answers > 0) program.queued++
      else program.followed++
    }
    if (run.events > 1) {
      // Of many that were read, one led to something: the others were worked on before it was read.
      const direct = run.writes - Math.max(run.others, run.onSame)
      if (direct === 1) program.runsByLast++
      else if (direct >= run.events) program.runsByQueue++
    }
    if (program.queuesForConnections && program.order !== Order.queue) this.#addWaiting()
    for (const read of reads) if (read instanceof ClientCall && read.parent === null) abandon(read)
    run.end()
  }

  /** What led to nothing in this run may have to wait. */
  #addWaiting(): void {
    const { kinds, lastEvent, others, reads, writes } = this.#run
    for (const [at, read] of reads.entries())
      if (read !== null && (at < lastEvent || at - lastEvent >= writes - others))
        this.#waiting.add(read, kinds[at]!)
  }

  /** A message, or a part of one, was read by event `step`, on a connection of this kind. */
  read(cause: Cause | null, isWhole: boolean, waits: number, kind: number, step: number): void {
    const run = this.#run
    const hasWaited = waits !== this.#waits
    // Before it waited it worked on everything that it had read.
    if (run.hasWritten || hasWaited) {
      this.#endRun()
      this.#turns.next(hasWaited)
    }
    this.#waits = waits
    if (!isWhole) return run.readPart(cause)
    run.read(cause, kind, step)
    this.#turns.read(cause, kind)
  }

  /** A call begins to be made, on this connection, or one of this kind. */
  call(waits: number, step: number, kind: number, on: Exchange | null): ClientCall {
    const run = this.#run
    const program = this.#program
    const at = run.writes++
    run.hasWritten = true
    program.calls++
    if (waits !== this.#waits) {
      // It waited in between: something else woke it.
      program.callsFromNothing++
      run.others++
      this.#turns.spoil()
      return new ClientCall(step, null, Belief.open)
    }
    const call = this.#callAfter(step, kind, at, on)
    if (call.guess.isQueued) run.others++
    run.calls.push(call)
    return call
  }

  #callAfter(step: number, kind: number, at: number, on: Exchange | null): ClientCall {
    const run = this.#run
    const program = this.#program
    const isOnLast = on !== null && run.isLastOn(on)
    if (isOnLast) run.onSame++
    const turn = this.#turns.take(kind, !isOnLast)
    if (program.order === Order.queue) return this.#guessed(step, turn, at, null, this.#turns.period)
    const led = run.led(at)
    const before = led instanceof ClientCall ? led : null
    const isOver = before !== null && before === run.only && run.answers > 0
    if (isOver || (isOnLast && program.queuesForConnections)) return this.#add(step, this.#afterWait(kind))
    if (led === null && !run.isOfOneEvent) return this.#guessed(step, turn, at, null, this.#turns.period)
    // Which of several answers of one event led here is a guess by itself.
    const transition = run.only === null ? null : program.transition(run.ledKind, kind, false)
    return this.#guessed(step, led, at, transition, null)
  }

  #guessed(
    step: number,
    led: Cause | null,
    at: number,
    transition: Transition | null,
    period: Period | null,
  ): ClientCall {
    const parent = rootOf(led)
    if (parent === null) return new ClientCall(step, null, Belief.open)
    parent.waiting = null
    const before = led instanceof ClientCall ? led : null
    return this.#add(step, [parent, { ...noGuess, before, isNext: at === 0, transition, period }])
  }

  /** For a call that waited for a connection: whose turn it was. */
  #afterWait(kind: number): readonly [ServedRequest | null, Guess] {
    const program = this.#program
    const from = program.waitsAfter.of(kind)
    const waited = from === undefined ? null : this.#waiting.take(from)
    const isQueued = true
    if (from === undefined || waited === null) return [null, { ...noGuess, isQueued }]
    const { cause } = waited
    const parent = rootOf(cause)
    return [
      parent,
      {
        ...noGuess,
        before: parent !== null && cause instanceof ClientCall ? cause : null,
        isQueued,
        transition: parent === null ? null : program.transition(from, kind, true),
        waited,
      },
    ]
  }

  #add(step: number, [parent, guess]: readonly [ServedRequest | null, Guess]): ClientCall {
    const call = new ClientCall(step, parent, Belief.open, guess)
    parent?.calls.push(call)
    return call
  }

  /** Another message of the same write as `call`. */
  callWith({ begunAt, belief, guess, parent }: ClientCall): ClientCall {
    if (belief === Belief.settled) return new ClientCall(begunAt, parent, belief)
    const isKnown = parent !== null && !parent.isOver
    return isKnown ? this.#add(begunAt, [parent, guess]) : new ClientCall(begunAt, null, Belief.open)
  }

  /** Bytes go on to be written that were begun before. */
  writesOn(): void {
    this.#run.hasWritten = true
  }

  /** The first byte of the request's answer is written, to a connection of this kind. */
  answer(request: ServedRequest, waits: number, kind: number): void {
    const run = this.#run
    const program = this.#program
    const isFirst = run.answers++ === 0
    const at = run.writes++
    run.hasWritten = true
    program.answers++
    if (waits !== this.#waits) {
      program.answersFromNothing++
      run.others++
      return this.#turns.spoil()
    }
    const isAlone = this.#turns.size === 1
    const turn = this.#turns.take(kind, true)
    this.#vote(request, turn)
    const { only } = run
    if (program.order === Order.queue && !(isAlone && only === turn)) return this.#answerInTurn(request, turn)
    if (only !== null) return this.#answerAfter(only, request, isFirst)
    if (!run.isOfOneEvent) return this.#answerInTurn(request, turn)
    // Several in one event, each of which led to one write so far.
    const led = run.led(at)
    if (led instanceof ClientCall && led.belief !== Belief.settled && led.parent === request)
      this.#confirm(led, request)
  }

  /** Which of several reads led to the answer that is written now tells how the program goes about them. */
  #vote(request: ServedRequest, turn: Cause | null): void {
    const isTurn = rootOf(turn) === request
    const isLast = this.#run.isOfLast(request)
    if (isTurn === isLast) return
    if (isLast) this.#program.byLast++
    else if (this.#run.events > 1) this.#program.byQueue++
  }

  /** Nothing else was read before the answer to `request` than this. */
  #answerAfter(read: Cause, request: ServedRequest, isFirst: boolean): void {
    const program = this.#program
    if (read instanceof ServedRequest) {
      if (read !== request) program.strayed++
      return
    }
    if (!isFirst || read.begunAt < request.begunAt) {
      program.strayed++
      return
    }
    program.led++
    this.#dequeue(read)
    if (read.belief === Belief.settled) return
    if (read.parent === request) return this.#confirm(read, request)
    const { isQueued, transition } = read.guess
    const isContradicted = !isQueued && read.belief === Belief.open && transition?.isReliable === true
    refute(read)
    if (!program.isLedAtOnce || isContradicted) return
    this.#correct(read, request)
    claim(read, request)
  }

  /** Several events were read before; by order, it was this one that led to the answer. */
  #answerInTurn(request: ServedRequest, turn: Cause | null): void {
    if (!(turn instanceof ClientCall) || turn.belief === Belief.settled) return
    if (turn.parent === request) return confirm(turn)
    if (turn.parent === null) return
    // Something slipped, here or where the call was matched.
    if (turn.guess.period !== null) turn.guess.period.isSound = false
    refute(turn)
    this.#turns.spoil()
  }

  /** The request for which this was read is answered: calls that were made since are those of others, which waited for connections. */
  #dequeue(read: ClientCall): void {
    const run = this.#run
    for (const call of run.calls) {
      if (call.guess.before !== read || call.guess.isQueued || call.belief !== Belief.open) continue
      run.others++
      ;[call.parent, call.guess] = this.#afterWait(call.on?.kind ?? 0)
      call.parent?.calls.push(call)
    }
  }

  #confirm(call: ClientCall, request: ServedRequest): void {
    this.#correct(call, request)
    confirm(call)
  }

  /** It is known now whose turn it really was. */
  #correct({ guess, on }: ClientCall, { waiting }: ServedRequest): void {
    if (!guess.isQueued || waiting === null || on === null) return
    this.#program.waitsAfter.saw(on.kind, waiting.queue.kind)
    if (guess.waited?.queue === waiting.queue) waiting.queue.correct(guess.waited, waiting)
  }
}
