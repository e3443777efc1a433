// The agent as a guest of another region: when no server of its own has taken it for long, it goes where its region told it that it
// may, proves itself by its certificate from home, and is there until a server at home has it again, which is tried all the while.

import { createPrivateKey } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { monotonicMs } from "../../runtime/monotonicMs.ts"
import { csrWith } from "../../runtime/tls/csr.ts"
import type { Credentials } from "../../runtime/tls/LiveCredentials.ts"
import { renewAtMs } from "../../runtime/tls/rotation.ts"
import { type ClientTls, clientTls } from "../../runtime/tls/tlsOptions.ts"
import type { Elsewhere } from "../../wire/control/AgentRpc.ts"
import { type Address, parseAddress } from "../../wire/socket.ts"
import type { ControlConnection } from "./ControlClient.ts"
import { type ControlWork, runControlSession, SessionOver } from "./ControlSession.ts"
import type { HomeContact } from "./HomeContact.ts"
import type { KnownElsewhere } from "./KnownElsewhere.ts"

type HostRegion = Elsewhere["regions"][number]

export interface GuestOptions {
  readonly contact: HomeContact
  readonly elsewhere: KnownElsewhere
  readonly agent: string
  readonly host: string
  readonly machineId: string
  /** Those from home; undefined: the agent speaks plain. */
  readonly credentials: (() => Credentials) | undefined
  readonly connect: (
    address: Address,
    tls: ClientTls | undefined,
  ) => Effect.Effect<ControlConnection, { readonly message: string }, Scope.Scope>
  /** What a guest does for its host; `tls`: how to deliver there, `turnAway`: the host does not want it any more. */
  readonly workAt: (
    home: string,
    tls: ClientTls | undefined,
    turnAway: (reason: string) => Effect.Effect<void>,
  ) => ControlWork
  /** A stay is over; what is delivered goes home again, or waits. */
  readonly left: Effect.Effect<void>
}

const lookMs = 1_000
const firstWaitMs = 1_000
const longestWaitMs = 30_000
/** Times that a host may send its guest on to another of its servers before the next address is tried. */
const hopsMost = 4
/** The host's certificate is as old as the one from home, which is not renewed while nobody is there. */
const renewAgainMs = 3_600_000
const logEveryMs = 60_000

/** A certificate of the host's, for the key that the agent has. */
const enrol = (options: GuestOptions, home: string, region: HostRegion, address: Address) =>
  Effect.gen(function* () {
    const { agent, credentials, host, machineId } = options
    if (region.authority === "") return undefined
    const own = credentials?.()
    if (own === undefined)
      return yield* Effect.fail({ message: "this agent has no certificate to show there" })
    const trust: ClientTls = () => clientTls({ authority: region.authority })
    const { client } = yield* options.connect(address, trust)
    const answer = yield* client.Enrol({
      token: "",
      csr: csrWith(agent, createPrivateKey(own.key)),
      agent,
      host,
      machineId,
      guest: { region: home, certificate: own.certificate },
    })
    return { key: own.key, certificate: answer.certificate, authority: region.authority }
  }).pipe(Effect.scoped)

const untilRenewal = (credentials: Credentials | undefined): Effect.Effect<SessionOver> =>
  credentials === undefined
    ? Effect.never
    : Effect.gen(function* () {
        const leftMs = renewAtMs(credentials.certificate) - (yield* Clock.currentTimeMillis)
        yield* Effect.sleep(Math.max(leftMs, renewAgainMs))
        return new SessionOver({ message: "the certificate for guests is renewed", waitMs: 0 })
      })

/** One stay at one address; gives why it is over. */
const stayAt = (options: GuestOptions, home: string, region: HostRegion, first: string) =>
  Effect.gen(function* () {
    let at = first
    for (let hop = 0; hop < hopsMost; hop++) {
      const address = parseAddress(at)
      if (address === undefined) return `"${at}" is no address`
      const outcome = yield* Effect.gen(function* () {
        const credentials = yield* enrol(options, home, region, address)
        const tls: ClientTls | undefined =
          credentials === undefined ? undefined : () => clientTls(credentials)
        const { client, closed } = yield* options.connect(address, tls)
        const turnedAway = yield* Deferred.make<SessionOver>()
        const work = options.workAt(home, tls, (reason) =>
          Effect.asVoid(Deferred.succeed(turnedAway, new SessionOver({ message: reason, waitMs: 0 }))),
        )
        return yield* Effect.raceAllFirst([
          Effect.flip(runControlSession(client, closed, work, [])),
          untilRenewal(credentials),
          Deferred.await(turnedAway),
        ])
      }).pipe(
        Effect.scoped,
        Effect.catch(({ message }) => Effect.succeed(new SessionOver({ message, waitMs: 0 }))),
      )
      if (outcome.server === undefined) return outcome.message
      at = outcome.server.control
    }
    return "its servers send this agent round in circles"
  })

const shuffled = <A>(all: ReadonlyArray<A>) =>
  Effect.map(
    Effect.forEach(all, (one) => Effect.map(Random.next, (order) => ({ one, order }))),
    (pairs) => pairs.toSorted((first, second) => first.order - second.order).map(({ one }) => one),
  )

/** Runs until it is interrupted. */
export const stayGuest = (options: GuestOptions): Effect.Effect<never> =>
  Effect.gen(function* () {
    const { contact, elsewhere } = options
    let waitMs = firstWaitMs
    let said = ""
    let saidMs = Number.NEGATIVE_INFINITY
    const away = Effect.gen(function* () {
      const known = elsewhere.current
      if (known === undefined) return
      // At random, so that the agents of a region do not all go to the same one.
      for (const region of yield* shuffled(known.regions)) {
        for (const address of yield* shuffled(region.control)) {
          const startedMs = yield* monotonicMs
          const message = yield* Effect.ensuring(stayAt(options, known.home, region, address), options.left)
          const endedMs = yield* monotonicMs
          if (endedMs - startedMs > longestWaitMs) waitMs = firstWaitMs
          if (message === said && endedMs - saidMs < logEveryMs) continue
          said = message
          saidMs = endedMs
          yield* Effect.logWarning(`as a guest of region ${region.name} at ${address}: ${message}`)
        }
      }
    })
    while (true) {
      yield* Effect.sleep(lookMs)
      const known = elsewhere.current
      const silentMs = contact.silentMs(yield* monotonicMs)
      if (known === undefined || known.regions.length === 0 || silentMs < known.afterSeconds * 1_000) {
        waitMs = firstWaitMs
        continue
      }
      yield* Effect.raceFirst(
        Effect.andThen(
          away,
          Effect.suspend(() => Effect.sleep(waitMs)),
        ),
        contact.isTaken,
      )
      waitMs = Math.min(waitMs * 2, longestWaitMs)
    }
  })
