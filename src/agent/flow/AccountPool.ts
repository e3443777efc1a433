// Accounts of flows that come and go by the thousands a second: their numbers stand in blocks, not in an array each, and who is over is
// given to the next. Whoever returns one is the last that knows it, but for FlowLog.ts, which looks whether it is over.

import { SignalSource } from "../../model/observation.ts"
import { accountLength, FlowAccount } from "./FlowAccount.ts"

/** Accounts of a block: 225 kB. */
const blockAccounts = 256
/** So many are kept for those to come, and as many as are in use; a block is freed when none of it is kept. */
const fewSpare = 1_024
const maxSpare = 8_192

export class AccountPool {
  #spare: Array<FlowAccount> = []
  #block = new Float64Array(0)
  #used = 0

  /** Of a flow that is seen at system calls, with nothing counted. */
  take(transport: number, directionScore: number, startUs: number): FlowAccount {
    const spare = this.#spare.pop()
    if (spare !== undefined) {
      spare.values.fill(0, spare.at, spare.at + accountLength)
      spare.isKept = false
      spare.needsProtocol = false
      spare.begin(transport, directionScore, startUs)
      return spare
    }
    if (this.#used * accountLength === this.#block.length) {
      this.#block = new Float64Array(blockAccounts * accountLength)
      this.#used = 0
    }
    const at = this.#used++ * accountLength
    return new FlowAccount(transport, SignalSource.ebpf, directionScore, startUs, this.#block, at)
  }

  /** To be called now and then: lets go what a busy time has left. `used`: accounts in use. */
  trim(used: number): void {
    if (this.#spare.length > used + fewSpare) this.#spare = []
  }

  /** The flow is over, and told. */
  give(account: FlowAccount): void {
    if (this.#spare.length < maxSpare) this.#spare.push(account)
  }
}
