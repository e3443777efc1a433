// Tokens that an administrator makes and gives away: `token/ID` in the store, with a hash of the secret and never the secret. Those
// of the role `agent` enrol agents, the others administer. Whoever does not have the secret learns nothing of a token's state.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import {
  type Condition,
  Coordination,
  type CoordinationError,
  type Revision,
  type Write,
} from "../../runtime/coordination/Coordination.ts"
import { formatToken, parseToken } from "../../wire/enrolToken.ts"

export const TokenRole = Schema.Literals(["agent", "viewer", "operator", "admin"])
export type TokenRole = typeof TokenRole.Type

const TokenRecord = Schema.Struct({
  id: Schema.String,
  role: TokenRole,
  note: Schema.String,
  /** SHA-256 of the secret, hex. The secret is 32 random bytes: there is nothing that a slow hash would protect. */
  hash: Schema.String,
  createdMs: Schema.Number,
  /** 0: never. */
  expiresMs: Schema.Number,
  uses: Schema.Number,
  /** 0: any number. */
  usesMost: Schema.Number,
  isRevoked: Schema.Boolean,
})
type TokenRecord = typeof TokenRecord.Type

/** What people may see of a token. */
export type Token = Omit<TokenRecord, "hash">

/** `unknown`: no such token, or another secret. The others are told to whoever has the secret. */
export class TokenRefused extends Data.TaggedError("TokenRefused")<{
  readonly reason: "malformed" | "unknown" | "expired" | "used up" | "revoked" | "role"
  readonly message: string
}> {}

/** A token whose secret was right. */
export interface KnownToken {
  readonly token: Token
  /** Why it may not be used now; undefined: it may. */
  readonly refusal: TokenRefused | undefined
  /** Part of a transaction that counts a use: it fails when somebody else used or revoked the token meanwhile. */
  readonly use: { readonly when: Condition; readonly write: Write }
}

export interface NewToken {
  readonly role: TokenRole
  readonly note: string
  /** 0: for ever. */
  readonly hours: number
  /** 0: any number. */
  readonly usesMost: number
}

export class Tokens extends Context.Service<
  Tokens,
  {
    /** `fingerprint` of the region's authority. The text is not kept. */
    readonly make: (
      wanted: NewToken,
      fingerprint: string,
    ) => Effect.Effect<{ readonly id: string; readonly token: string }, CoordinationError>
    /** Fails for whoever does not have the secret. */
    readonly find: (text: string) => Effect.Effect<KnownToken, TokenRefused | CoordinationError>
    /** A token that may be used; counts a use where their number is limited. */
    readonly admit: (text: string) => Effect.Effect<Token, TokenRefused | CoordinationError>
    /** False: there is no such token. It stays in the list. */
    readonly revoke: (id: string) => Effect.Effect<boolean, CoordinationError>
    readonly list: Effect.Effect<ReadonlyArray<Token>, CoordinationError>
    /** Removes what nobody can use any more, some time after; the leader does it now and then. Gives how many went. */
    readonly trim: Effect.Effect<number, CoordinationError>
  }
>()("sonde/controller/Tokens") {
  /** `prefix` of all keys: `/sonde/REGION/`. */
  static readonly layer = (prefix: string): Layer.Layer<Tokens, never, Coordination> =>
    Layer.effect(Tokens, make(`${prefix}token/`))
}

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(TokenRecord))
const hourMs = 3_600_000
const keptMs = 30 * 24 * hourMs
/** When several change one token at once. */
const attemptsMost = 16

const hashOf = (secret: string): string => createHash("sha256").update(secret).digest("hex")

const isSame = (one: string, other: string): boolean =>
  timingSafeEqual(createHash("sha256").update(one).digest(), createHash("sha256").update(other).digest())

/** Compared with where there is no token, so that this takes as long. */
const nobodysHash = hashOf(randomBytes(32).toString("base64url"))

const withoutHash = (record: TokenRecord): Token => ({
  id: record.id,
  role: record.role,
  note: record.note,
  createdMs: record.createdMs,
  expiresMs: record.expiresMs,
  uses: record.uses,
  usesMost: record.usesMost,
  isRevoked: record.isRevoked,
})

const refused = (reason: TokenRefused["reason"], message: string) => new TokenRefused({ reason, message })

const refusalOf = (record: TokenRecord, nowMs: number): TokenRefused | undefined => {
  const another = "make another with `sonde admin tokens make`"
  if (record.isRevoked) return refused("revoked", `token ${record.id} was revoked: ${another}`)
  if (record.expiresMs !== 0 && nowMs >= record.expiresMs) {
    const when = new Date(record.expiresMs).toISOString()
    return refused("expired", `token ${record.id} expired at ${when}: ${another}`)
  }
  if (record.usesMost !== 0 && record.uses >= record.usesMost)
    return refused("used up", `token ${record.id} was for ${record.usesMost} uses, which it had: ${another}`)
  return undefined
}

const make = (prefix: string): Effect.Effect<Tokens["Service"], never, Coordination> =>
  Effect.gen(function* () {
    const coordination = yield* Coordination

    const read = (id: string) =>
      Effect.map(coordination.get(prefix + id), (entry) =>
        entry === undefined
          ? undefined
          : Option.match(decode(entry.value), {
              onNone: () => undefined,
              onSome: (record) => ({ record, modified: entry.modified }),
            }),
      )

    const change = (record: TokenRecord, modified: Revision) => ({
      when: { key: prefix + record.id, is: "modified", at: modified } as const,
      write: { put: prefix + record.id, value: JSON.stringify(record) },
    })

    const find = (text: string): Effect.Effect<KnownToken, TokenRefused | CoordinationError> =>
      Effect.gen(function* () {
        const parsed = parseToken(text)
        if (parsed === undefined) {
          const found = text === "" ? "none" : "something else"
          return yield* refused(
            "malformed",
            `expected a token that begins with sonde1, found ${found}: make one with \`sonde admin tokens make\``,
          )
        }
        const found = yield* read(parsed.id)
        const isRight = isSame(found?.record.hash ?? nobodysHash, hashOf(parsed.secret))
        if (found === undefined || !isRight)
          return yield* refused(
            "unknown",
            "the token is not known in this region: make one with `sonde admin tokens make`",
          )
        const { modified, record } = found
        return {
          token: withoutHash(record),
          refusal: refusalOf(record, yield* Clock.currentTimeMillis),
          use: change({ ...record, uses: record.uses + 1 }, modified),
        }
      })

    return {
      make: ({ hours, note, role, usesMost }, fingerprint) =>
        Effect.gen(function* () {
          const nowMs = yield* Clock.currentTimeMillis
          const id = randomBytes(6).toString("hex")
          const secret = randomBytes(32).toString("base64url")
          const record: TokenRecord = {
            id,
            role,
            note,
            hash: hashOf(secret),
            createdMs: nowMs,
            expiresMs: hours === 0 ? 0 : nowMs + hours * hourMs,
            uses: 0,
            usesMost,
            isRevoked: false,
          }
          yield* coordination.commit({ writes: [{ put: prefix + id, value: JSON.stringify(record) }] })
          return { id, token: formatToken({ id, secret, fingerprint }) }
        }),
      find,
      admit: (text) =>
        Effect.gen(function* () {
          for (let attempt = 0; attempt < attemptsMost; attempt++) {
            const { refusal, token, use } = yield* find(text)
            if (refusal !== undefined) return yield* refusal
            if (token.usesMost === 0) return token
            const { isDone } = yield* coordination.commit({ when: [use.when], writes: [use.write] })
            if (isDone) return { ...token, uses: token.uses + 1 }
          }
          return yield* refused("used up", "too many use this token at the same time: try again")
        }),
      revoke: (id) =>
        Effect.gen(function* () {
          while (true) {
            const found = yield* read(id)
            if (found === undefined) return false
            if (found.record.isRevoked) return true
            const { when, write } = change({ ...found.record, isRevoked: true }, found.modified)
            const { isDone } = yield* coordination.commit({ when: [when], writes: [write] })
            if (isDone) return true
          }
        }),
      list: Effect.map(coordination.list(prefix), ({ entries }) =>
        entries
          .flatMap(({ value }) => Option.toArray(decode(value)))
          .map(withoutHash)
          .sort((one, other) => one.createdMs - other.createdMs),
      ),
      trim: Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        const { entries } = yield* coordination.list(prefix)
        let gone = 0
        for (const { key, modified, value } of entries) {
          const record = Option.getOrUndefined(decode(value))
          if (record === undefined || record.expiresMs === 0 || nowMs - record.expiresMs < keptMs) continue
          const { isDone } = yield* coordination.commit({
            when: [{ key, is: "modified", at: modified }],
            writes: [{ remove: key }],
          })
          if (isDone) gone++
        }
        return gone
      }),
    }
  })
