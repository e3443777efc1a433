// Calls about servers, leadership, regions and rebalancing.

import * as Effect from "effect/Effect"
import type { CoordinationError } from "../../runtime/coordination/Coordination.ts"
import type { PlanView, RegionView, ServerView } from "../../wire/control/AdminRpc.ts"
import type { NotLeader } from "../membership/leading.ts"
import type { Membership } from "../membership/Membership.ts"
import { type AdminHandlers, adminError } from "./AdminCalls.ts"

export interface ServerCallsSources {
  readonly membership: Membership["Service"]
  /** Agents that are attached to a server, and the rows a second of all that belong to it. */
  readonly loadOf: (server: string) => { readonly agents: number; readonly load: number }
  readonly plan: Effect.Effect<PlanView, CoordinationError>
  /** Moves what the plan says; at the leader only. */
  readonly rebalance: Effect.Effect<PlanView, CoordinationError | NotLeader>
  readonly drain: (server: string, isDraining: boolean) => Effect.Effect<void, { readonly message: string }>
  readonly regions: Effect.Effect<ReadonlyArray<RegionView>>
  /** Gives how many names are free again, or why it is not forgotten. */
  readonly forgetRegion: (name: string) => Effect.Effect<number | string, CoordinationError>
}

const away = ({ message }: { readonly message: string }) =>
  adminError("unavailable", message, "try again in a moment")

export const serverCalls = (
  sources: ServerCallsSources,
): Pick<
  AdminHandlers,
  "Servers" | "ServerDrain" | "Leader" | "Plan" | "Rebalance" | "Regions" | "RegionForget"
> => ({
  Servers: () =>
    Effect.sync(() => {
      const { leader } = sources.membership.leadership()
      return [...sources.membership.servers().values()]
        .toSorted((one, other) => (one.id < other.id ? -1 : 1))
        .map((server): ServerView => ({
          id: server.id,
          control: server.control,
          ingest: server.ingest,
          http: server.http,
          roles: server.roles,
          region: server.region,
          zone: server.zone,
          version: server.version,
          capacity: server.capacity,
          startedMs: server.startedMs,
          isDraining: server.isDraining,
          isLeader: server.id === leader,
          ...sources.loadOf(server.id),
        }))
    }),
  ServerDrain: ({ id, isDraining }) =>
    Effect.gen(function* () {
      if (!sources.membership.servers().has(id))
        return yield* adminError(
          "not found",
          `there is no living server ${id}`,
          "`sonde admin servers list` shows all",
        )
      yield* Effect.mapError(sources.drain(id, isDraining), away)
    }),
  Leader: () =>
    Effect.sync(() => {
      const { fence, leader } = sources.membership.leadership()
      return { server: leader, fence }
    }),
  Plan: () => Effect.mapError(sources.plan, away),
  Rebalance: () =>
    Effect.mapError(sources.rebalance, (error) =>
      error._tag === "NotLeader"
        ? adminError(
            "not leader",
            error.message,
            "ask that server: `sonde admin --server HOST:PORT rebalance apply`",
          )
        : away(error),
    ),
  Regions: () => sources.regions,
  RegionForget: ({ name }) =>
    Effect.gen(function* () {
      const forgotten = yield* Effect.mapError(sources.forgetRegion(name), away)
      if (typeof forgotten === "string") return yield* adminError("conflict", forgotten)
      return { agents: forgotten }
    }),
})
