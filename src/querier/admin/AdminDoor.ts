// What the console's pages about agents, servers and configuration ask: the calls of administration by name. The querier only passes
// them on; whoever wires the process together provides the other side, which knows who may do what.

import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

export class AdminRefused extends Data.TaggedError("AdminRefused")<{
  readonly reason:
    | "invalid"
    | "not found"
    | "conflict"
    | "forbidden"
    | "not leader"
    | "unavailable"
    | "no such call"
  readonly message: string
  readonly next: string
}> {}

export class AdminDoor extends Context.Service<
  AdminDoor,
  {
    /** `payload` as JSON gives it, `token` empty where none was sent; the answer can be written as JSON. */
    readonly call: (name: string, payload: unknown, token: string) => Effect.Effect<unknown, AdminRefused>
  }
>()("sonde/querier/AdminDoor") {}
