// The scopes of the application's metrics by what they are about: each connection asks for its own once. Bounded by whoever adds.

import type { Endpoint } from "../flow/Endpoint.ts"
import { hashOfEnd, isSameEnd, mix } from "./endHash.ts"
import { HashChains } from "./HashChains.ts"
import type { RedScope } from "./RedScope.ts"

const hashOf = (
  role: number,
  protocol: number,
  transport: number,
  signalSource: number,
  serverPort: number,
  end: Pick<Endpoint, "ip" | "processId" | "service">,
): number => hashOfEnd(mix(mix(serverPort, (protocol << 16) | (transport << 8) | role), signalSource), end)

export class RedScopes {
  readonly #chains = new HashChains<RedScope>()

  get size(): number {
    return this.#chains.size
  }

  /** `end` is the observed one. */
  find(
    role: number,
    protocol: number,
    transport: number,
    signalSource: number,
    serverPort: number,
    end: Endpoint,
  ): RedScope | undefined {
    const hash = hashOf(role, protocol, transport, signalSource, serverPort, end)
    for (let scope = this.#chains.first(hash); scope !== undefined; scope = scope.next) {
      if (
        scope.role === role &&
        scope.protocol === protocol &&
        scope.transport === transport &&
        scope.signalSource === signalSource &&
        scope.serverPort === serverPort &&
        isSameEnd(scope, end)
      )
        return scope
    }
    return undefined
  }

  add(scope: RedScope): void {
    const { protocol, role, serverPort, signalSource, transport } = scope
    this.#chains.add(hashOf(role, protocol, transport, signalSource, serverPort, scope), scope)
  }

  /** Forgets those that nobody needs. */
  sweep(isNeeded: (scope: RedScope) => boolean): void {
    this.#chains.sweep(isNeeded)
  }
}
