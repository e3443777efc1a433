// Who may stay connected with a certificate that is valid in itself: asked when a connection is made, and again whenever the answer may
// have changed; connections that may not stay are cut.

import type { TLSSocket } from "node:tls"
import type { Peer } from "../rpc/Peer.ts"

export interface Shown {
  readonly identity: Peer["identity"]
  /** When the certificate was given out, by the clock of the server that did. */
  readonly issuedMs: number
}

/** Why the certificate is not taken; undefined: it is. */
export type GateRule = (shown: Shown) => string | undefined

export class Gate {
  readonly #open = new Map<TLSSocket, Shown>()
  readonly #rules: Array<GateRule> = []
  readonly #narrower: Array<Gate> = []
  /** Connections that were cut. */
  cut = 0

  /** One that takes nobody whom this one does not take. */
  narrowed(): Gate {
    const gate = new Gate()
    gate.add((shown) => this.#refusal(shown))
    this.#narrower.push(gate)
    return gate
  }

  add(rule: GateRule): void {
    this.#rules.push(rule)
  }

  /** Undefined: it may be connected, until it closes or is cut. */
  admit(socket: TLSSocket, shown: Shown): string | undefined {
    const why = this.#refusal(shown)
    if (why === undefined) {
      this.#open.set(socket, shown)
      socket.once("close", () => this.#open.delete(socket))
    }
    return why
  }

  review(): void {
    for (const [socket, shown] of this.#open)
      if (this.#refusal(shown) !== undefined) {
        this.cut++
        this.#open.delete(socket)
        socket.destroy()
      }
    for (const gate of this.#narrower) gate.review()
  }

  #refusal(shown: Shown): string | undefined {
    for (const rule of this.#rules) {
      const why = rule(shown)
      if (why !== undefined) return why
    }
    return undefined
  }
}
