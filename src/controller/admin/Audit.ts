// Who changed what: one key a change under `audit/`, in the order of time, kept up to a number. Written after the change, with its
// outcome; a change that cannot be noted has happened all the same, and the log says so.

import { randomBytes } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Coordination, type CoordinationError, writesMost } from "../../runtime/coordination/Coordination.ts"
import { AuditView } from "../../wire/control/AdminRpc.ts"

const keptMost = 10_000
const detailMost = 2_000

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(AuditView))

export interface AuditedChange {
  readonly who: string
  readonly what: string
  readonly on: string
  /** Arguments as JSON; cut beyond 2,000 characters. No secrets. */
  readonly detail: string
  readonly outcome: string
}

export class Audit extends Context.Service<
  Audit,
  {
    readonly note: (change: AuditedChange) => Effect.Effect<void>
    /** The newest first. */
    readonly last: (count: number) => Effect.Effect<ReadonlyArray<AuditView>, CoordinationError>
    /** Removes the oldest beyond what is kept; the leader does it now and then. Gives how many went. */
    readonly trim: Effect.Effect<number, CoordinationError>
  }
>()("sonde/controller/Audit") {
  /** `prefix` of all keys: `/sonde/REGION/`. */
  static readonly layer = (prefix: string): Layer.Layer<Audit, never, Coordination> =>
    Layer.effect(Audit, make(`${prefix}audit/`))
}

const make = (prefix: string) =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    let noted = 0
    return {
      note: (change: AuditedChange) =>
        Effect.gen(function* () {
          const atMs = yield* Clock.currentTimeMillis
          const view: AuditView = { ...change, atMs, detail: change.detail.slice(0, detailMost) }
          const order = `${atMs.toString().padStart(15, "0")}-${(noted++ % 1e6).toString().padStart(6, "0")}`
          const key = `${prefix}${order}-${randomBytes(4).toString("hex")}`
          yield* coordination.commit({ writes: [{ put: key, value: JSON.stringify(view) }] })
        }).pipe(
          Effect.catchTag("CoordinationError", ({ message }) =>
            Effect.logWarning(
              `${change.who}: ${change.what} ${change.on}: not in the audit log (${message})`,
            ),
          ),
        ),
      last: (count: number) =>
        Effect.map(coordination.list(prefix), ({ entries }) =>
          entries
            .slice(Math.max(0, entries.length - count))
            .toReversed()
            .flatMap(({ value }) => Option.toArray(decode(value))),
        ),
      trim: Effect.gen(function* () {
        const { entries } = yield* coordination.list(prefix)
        const old = entries.slice(0, Math.max(0, entries.length - keptMost))
        for (let from = 0; from < old.length; from += writesMost) {
          yield* coordination.commit({
            writes: old.slice(from, from + writesMost).map(({ key }) => ({ remove: key })),
          })
        }
        return old.length
      }),
    }
  })
