// The calls of administration, whichever door they come through (RPC, the console over HTTP): who calls, whether the role is enough,
// what is done, and the note of every change. What a call does stands in the files beside this one.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import { AdminError, AdminRpc, NeedsRole } from "../../wire/control/AdminRpc.ts"
import { Audit } from "./Audit.ts"
import { type Caller, isEnough } from "./Caller.ts"

type Calls = RpcGroup.Rpcs<typeof AdminRpc>
export type AdminTag = Calls["_tag"]
export type PayloadOf<Tag extends AdminTag> = Rpc.Payload<Rpc.ExtractTag<Calls, Tag>>
export type AnswerOf<Tag extends AdminTag> = Rpc.Success<Rpc.ExtractTag<Calls, Tag>>

/** What does a call, for somebody who may. */
export type AdminHandler<Tag extends AdminTag> = (
  payload: PayloadOf<Tag>,
  caller: Caller,
) => Effect.Effect<AnswerOf<Tag>, AdminError>

export type AdminHandlers = { readonly [Tag in AdminTag]: AdminHandler<Tag> }

export interface AdminCallsOptions {
  readonly handlers: AdminHandlers
  /** Whose token it is; undefined: nobody's. */
  readonly callerOf: (token: string) => Effect.Effect<Caller | undefined>
}

export const adminError = (reason: AdminError["reason"], message: string, next = ""): AdminError =>
  new AdminError({ reason, message, next })

const onlooker: Caller = { name: "console", role: "viewer" }

/** Arguments for the audit log: what is long or secret is named only. */
const detailOf = (payload: unknown): string =>
  JSON.stringify(payload, (_, value: unknown) =>
    value instanceof Uint8Array ? `${value.length} bytes` : value,
  )

/** What a change was made on: the first of these that the payload has. */
const objectOf = (payload: unknown): string => {
  if (payload === null || typeof payload !== "object") return ""
  const fields = payload as Record<string, unknown>
  for (const field of ["id", "name", "layer", "group", "server"]) {
    const value = fields[field]
    if (typeof value === "string") return value
    if (value !== null && typeof value === "object") return objectOf(value) || JSON.stringify(value)
  }
  return ""
}

export class AdminCalls extends Context.Service<
  AdminCalls,
  {
    /** By typed payload, as RPC gives it. */
    readonly call: <Tag extends AdminTag>(
      tag: Tag,
      payload: PayloadOf<Tag>,
      token: string,
    ) => Effect.Effect<AnswerOf<Tag>, AdminError>
    /** By JSON, as HTTP gives it; undefined: there is no such call. */
    readonly callJson: (
      tag: string,
      payload: unknown,
      token: string,
      /** Who sends no token may look. */
      mayLook?: boolean,
    ) => Effect.Effect<unknown, AdminError> | undefined
  }
>()("sonde/controller/AdminCalls") {}

export const makeAdminCalls = (
  options: AdminCallsOptions,
): Effect.Effect<AdminCalls["Service"], never, Audit> =>
  Effect.gen(function* () {
    const audit = yield* Audit

    const call = <Tag extends AdminTag>(
      tag: Tag,
      payload: PayloadOf<Tag>,
      token: string,
      mayLook = false,
    ): Effect.Effect<AnswerOf<Tag>, AdminError> =>
      Effect.gen(function* () {
        const needed = Context.get(AdminRpc.requests.get(tag)!.annotations, NeedsRole)
        const caller = token === "" && mayLook ? onlooker : yield* options.callerOf(token)
        if (caller === undefined || !isEnough(caller.role, needed)) {
          const found =
            token === ""
              ? "no token was sent"
              : caller === undefined
                ? "the token is not known, has expired or was revoked"
                : `the role of ${caller.name} is ${caller.role}`
          return yield* adminError(
            "forbidden",
            `${tag} needs the role ${needed}: ${found}`,
            "present a token of that role: an admin makes one with `sonde admin tokens make`; that of this machine is in the data directory, in admin-token",
          )
        }
        const handler = options.handlers[tag] as unknown as AdminHandler<Tag>
        const work = handler(payload, caller)
        if (needed === "viewer") return yield* work
        return yield* Effect.onExit(work, (exit) =>
          audit.note({
            who: caller.name,
            what: tag,
            on: objectOf(payload),
            detail: detailOf(payload),
            outcome:
              exit._tag === "Success"
                ? "done"
                : (exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error.message ?? "failed"),
          }),
        )
      })

    return {
      call,
      callJson: (tag: string, payload: unknown, token: string, mayLook = false) => {
        const rpc = AdminRpc.requests.get(tag)
        if (rpc === undefined) return undefined
        const decode = Schema.decodeUnknownEffect(
          Schema.toCodecJson(rpc.payloadSchema as Schema.Codec<unknown, unknown>),
        )
        const encode = Schema.encodeUnknownEffect(
          Schema.toCodecJson(rpc.successSchema as Schema.Codec<unknown, unknown>),
        )
        return Effect.gen(function* () {
          const decoded = yield* decode(payload).pipe(
            Effect.mapError(({ message }) => adminError("invalid", message)),
          )
          const answer = yield* call(tag as AdminTag, decoded as never, token, mayLook)
          return yield* Effect.orDie(encode(answer))
        })
      },
    }
  })
