// What a thread does for the messages that brokers send it: it reads one, works for it, and reads the next. A call is for the message
// when it follows at once, without that the thread waited, on the message, or on the answer to a call that is for it. Whoever waited for
// anything else may be at something else by now.
// Invariant: where two messages may be open at once nothing is for any of them.

import { Belief, ClientCall, type ServedRequest } from "./Cause.ts"
import type { Exchange } from "./Exchange.ts"

/** Calls for one message of which it is remembered whether they wait for answers. */
const maxCalls = 64
/** How often the thread has to be seen to wait otherwise than event loops do. */
const minLooks = 2

export class Consumer {
  /** The message that it works for; null: none, or it is not known. */
  #message: ServedRequest | null = null
  /** Where the last one came. */
  #from: Exchange | null = null
  /** How often the thread had waited when it last read or wrote for the message, and when it did anything. */
  #waits = 0
  #lastWaits = 0
  /** Calls for it. */
  #calls: Array<ClientCall> = []
  /** Whatever came before was worked on: it led to something. */
  #hasWritten = true
  /** ... there where it came from: a client may read on while it writes. */
  #hasReplied = false
  #looks = 0
  /** It works on many at once. */
  #isLoop = false

  /** The thread was seen to wait as event loops do, or as others do. */
  looked(isLoop: boolean): void {
    this.#looks++
    if (isLoop) this.#isLoop = true
  }

  get isKnown(): boolean {
    return this.#isLoop || this.#looks >= minLooks
  }

  /** Nothing is known of what it works for. */
  forget(): void {
    this.#message = null
    this.#hasWritten = false
  }

  /** Several messages came at once, or one beside something else. */
  readOthers(on: Exchange, waits: number): void {
    this.#begin(null, on, waits)
  }

  /** One message came, and nothing else. */
  reads(message: ServedRequest, on: Exchange, waits: number): void {
    if (this.#waitsElsewhere(on)) this.#isLoop = true
    const isSequential = this.isKnown && !this.#isLoop
    // Whoever collects messages reads on before it works; one that writes may read meanwhile, and does not wait for that.
    const isNext = this.#hasWritten && !(this.#hasReplied && waits === this.#lastWaits)
    this.#begin(isSequential && isNext && on.calls.length === 0 ? message : null, on, waits)
  }

  #begin(message: ServedRequest | null, on: Exchange, waits: number): void {
    this.#message = message
    this.#from = on
    this.#waits = this.#lastWaits = waits
    this.#calls.length = 0
    this.#hasWritten = false
    this.#hasReplied = false
  }

  /** Calls for the message wait for their answers on other connections. */
  #waitsElsewhere(than: Exchange): boolean {
    return this.#calls.some((call) => call.on !== than && call.on?.calls.includes(call) === true)
  }

  /** Something else was read: `answered`, and maybe a part of a message. */
  readsAnswer(on: Exchange, answered: ReadonlyArray<unknown>, waits: number): void {
    const message = this.#message
    this.#lastWaits = waits
    if (message === null) return
    const isIts = (call: unknown): boolean => call instanceof ClientCall && call.parent === message
    const isAnswer = on === this.#from ? answered.some(isIts) || on.calls.some(isIts) : on.madeFor === message
    if (isAnswer) this.#waits = waits
    else this.#message = null
  }

  /** A call begins to be made on this connection, or, null, by a new one. Null: for whom is not known. */
  call(step: number, on: Exchange | null, waits: number): ClientCall | null {
    const isAtOnce = waits === this.#waits
    this.#lastWaits = waits
    this.#hasWritten = true
    if (on !== null && on === this.#from) this.#hasReplied = true
    if (!isAtOnce) this.#message = null
    const message = this.#message
    if (message === null) return null
    const call = new ClientCall(step, message, Belief.settled)
    if (this.#calls.length < maxCalls) this.#calls.push(call)
    else this.#message = null
    if (on !== null) on.madeFor = message
    return call
  }

  /** The connection that was opened by `call` is there. False: that was for another message. */
  goesOn(call: ClientCall, on: Exchange, waits: number): boolean {
    if (this.#message === null || call.parent !== this.#message) return false
    on.madeFor = this.#message
    this.#waits = this.#lastWaits = waits
    return true
  }
}
