// The other servers of the region, asked over their administration ports as one of themselves: by the token that the region's secret
// gives, and by certificate where there is TLS. Who does not answer in time is left out and named.

import { createHmac } from "node:crypto"
import * as Effect from "effect/Effect"
import type { ConnectionOptions } from "node:tls"
import { connectRpc, withBearer } from "../../runtime/rpc/connectRpc.ts"
import { AdminRpc } from "../../wire/control/AdminRpc.ts"
import { parseAddress } from "../../wire/socket.ts"
import type { Membership } from "../membership/Membership.ts"

/** What a server presents to the others. */
export const serverToken = (secret: string): string =>
  createHmac("sha256", secret).update("sonde server of the region").digest("hex")

const client = (address: { readonly host: string; readonly port: number }, tls?: ConnectionOptions) =>
  Effect.map(
    connectRpc(AdminRpc, { address, timeoutMs: answerMs, ...(tls === undefined ? {} : { tls }) }),
    (connection) => connection.client,
  )

export type PeerClient = Effect.Success<ReturnType<typeof client>>

const answerMs = 2_000

export class Peers {
  readonly #membership: Membership["Service"]
  readonly #token: string
  readonly #tls: (() => ConnectionOptions) | undefined

  constructor(membership: Membership["Service"], secret: string, tls?: () => ConnectionOptions) {
    this.#membership = membership
    this.#token = serverToken(secret)
    this.#tls = tls
  }

  /** Asks one server. */
  ask<A, E extends { readonly message: string }>(
    server: string,
    question: (client: PeerClient) => Effect.Effect<A, E>,
  ): Effect.Effect<A, { readonly message: string }> {
    return Effect.gen({ self: this }, function* () {
      const record = this.#membership.servers().get(server)
      const address = record === undefined ? undefined : parseAddress(record.admin)
      if (address === undefined) return yield* Effect.fail({ message: `server ${server} is not there` })
      const peer = yield* client(address, this.#tls?.())
      return yield* question(peer).pipe(
        withBearer(this.#token),
        Effect.timeoutOrElse({
          duration: answerMs,
          orElse: () => Effect.fail({ message: `server ${server} does not answer` }),
        }),
      )
    }).pipe(Effect.scoped)
  }

  /** Asks all others at once; those that do not answer are left out. */
  askAll<A, E extends { readonly message: string }>(
    question: (client: PeerClient) => Effect.Effect<A, E>,
  ): Effect.Effect<ReadonlyArray<A>> {
    return Effect.suspend(() => {
      const self = this.#membership.self().id
      const others = [...this.#membership.servers().keys()].filter((id) => id !== self)
      return Effect.map(
        Effect.forEach(
          others,
          (id) =>
            Effect.catch(
              Effect.map(this.ask(id, question), (answer) => [answer]),
              ({ message }) => Effect.as(Effect.logDebug(`server ${id} was asked: ${message}`), []),
            ),
          { concurrency: 16 },
        ),
        (answers) => answers.flat(),
      )
    })
  }
}
