// What a Task of an event loop calls. The loop reads for it: what it called since it last answered is for the request that it answers
// next. A Task that is over hands its calls to the Task that made it, for the request at which that one worked then.
// Invariant: each call is offered to one request; when that is not what it was for, it stays unknown.

import { abandon, adopt, Belief, claim, ClientCall, type ServedRequest } from "./Cause.ts"

/** Calls since the last answer. */
const maxCalls = 64

export class TaskCalls {
  #calls: Array<ClientCall> = []
  /** The last request that it answered; when, and when the one before. */
  #answered: ServedRequest | null = null
  #answeredUs = 0
  #answeredBeforeUs = 0

  add(step: number): ClientCall {
    return this.#keep(new ClientCall(step, null, Belief.open))
  }

  #keep(call: ClientCall): ClientCall {
    if (this.#calls.length >= maxCalls) abandon(this.#calls.shift()!)
    this.#calls.push(call)
    return call
  }

  #take(): ReadonlyArray<ClientCall> {
    const calls = this.#calls
    if (calls.length > 0) this.#calls = []
    return calls
  }

  /** Nothing is known of what was called. */
  forget(): void {
    this.#take().forEach(abandon)
  }

  /** If all that was called came after the request, what was answered by now was for it. */
  answers(request: ServedRequest, nowUs: number): void {
    this.#answeredBeforeUs = this.#answeredUs
    this.#answeredUs = nowUs
    this.#answered = request
    const calls = this.#take()
    const isItsAlone = calls.every(({ begunAt }) => begunAt > request.begunAt)
    for (const call of calls)
      if (isItsAlone && call.answeredAt > 0) claim(call, request)
      else abandon(call)
  }

  /**
   * The Task is over; it began at `begunUs`, made by this other one, null: none is known. Whoever waits for what another Task finds out
   * makes that one and answers afterwards, or while that one ends.
   */
  endsFor(creator: TaskCalls | null, begunUs: number): void {
    // What was called behind an answer is for nobody.
    if (creator === null || this.#answered !== null) return this.forget()
    if (begunUs > creator.#answeredUs) for (const call of this.#take()) creator.#keep(call)
    else if (creator.#answered !== null && begunUs > creator.#answeredBeforeUs)
      for (const call of this.#take()) adopt(call, creator.#answered)
    else this.forget()
  }
}
