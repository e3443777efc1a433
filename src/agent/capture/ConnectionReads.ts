// When the kernel's tables of connections are read: for what flowed, and for which are still there where ends may have been lost.

import type { SocketTracer } from "./native/SocketTracer.ts"
import { RollCall } from "./RollCall.ts"
import type { SocketFlows } from "./SocketFlows.ts"
import { Spaced } from "./Spaced.ts"
import type { TcpFlows } from "./TcpFlows.ts"

/** How often descriptors are looked through where system calls are not seen, and of how many parts of a core that takes at most one. */
const ownersUs = 5_000_000
const ownersShare = 250
/** The same of connections: usually each second; with 50,000 of them that all move, each 10 s. */
const connectionsShare = 50
/** So often it is asked which connections are still there while the kernel's table of them is half full. */
const fullTableUs = 300_000_000

export interface ConnectionReadsOptions {
  readonly tracer: SocketTracer
  readonly flows: SocketFlows
  readonly tcpFlows: TcpFlows
  /** Whose connections are is seen at their system calls. */
  readonly ownersAreSeen: boolean
  /** Room in the kernel's table of connections. */
  readonly sockets: number
}

export class ConnectionReads {
  readonly #options: ConnectionReadsOptions
  readonly #owners: Spaced
  readonly #connections = new Spaced(0, connectionsShare)
  readonly #rolls: RollCall

  constructor(options: ConnectionReadsOptions) {
    const { flows, ownersAreSeen, tcpFlows } = options
    this.#options = options
    this.#owners = new Spaced(ownersAreSeen ? Number.POSITIVE_INFINITY : ownersUs, ownersShare)
    this.#rolls = new RollCall(
      () => tcpFlows.beginCall(),
      (call, nowUs) => flows.endCall(call, nowUs),
    )
  }

  /** To be called about once a second. */
  run(nowUs: number): void {
    const { flows, tracer } = this.#options
    if (!tracer.hasIterators) return
    this.#owners.run(nowUs, () => tracer.findOwners())
    this.#connections.run(nowUs, () =>
      this.#rolls.run(nowUs, this.#lostEnds(nowUs), (isEach) =>
        tracer.readFlows((bytes, length) => flows.consumeFlows(bytes, length), isEach),
      ),
    )
  }

  /** The kernel says when an event finds no room, but not when its table of connections forgets one for another. */
  #lostEnds(nowUs: number): number {
    const { sockets, tcpFlows, tracer } = this.#options
    const isFull = tcpFlows.size > sockets / 2
    return tracer.counters().ring_full + (isFull ? Math.floor(nowUs / fullTableUs) : 0)
  }
}
