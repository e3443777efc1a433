// Packages of agents and plugins: what they are stands in the store (`package/NAME/VERSION`), their bytes in ClickHouse, which every
// server of the region reads. A package comes in parts, is believed once its digest and signature are right, and never changes.

import { createHash, type Hash } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { agentPackageName } from "../../runtime/agentPackage/manifest.ts"
import { ClickHouse, type ClickHouseError } from "../../runtime/clickhouse/ClickHouse.ts"
import { Coordination, type CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import { signerOf } from "../../runtime/packageSignature.ts"
import { packagePartTable } from "../../tables/sondeTables.ts"
import { qualifiedName } from "../../tables/Table.ts"
import { PackageView } from "../../wire/control/AdminRpc.ts"
import { isPackageName } from "./packageName.ts"

/** A part is written as text of twice its length, which stays below the engine's limit of 256 KiB for a statement. */
export const partBytes = 64 * 1_024
export const packageBytesMost = 256 * 1_024 * 1_024
/** Uploads at the same time; an upload that rests for longer than `restMs` gives way. */
const uploadsMost = 4
const restMs = 60_000

/** The package cannot be taken, or is not there; the message says why. */
export class PackageError extends Data.TaggedError("PackageError")<{
  readonly reason: "invalid" | "not found" | "conflict" | "unavailable"
  readonly message: string
}> {}

const { groups: _, ...aboutPackage } = PackageView.fields
const StoredPackage = Schema.Struct({ ...aboutPackage, signature: Schema.String })
export type StoredPackage = typeof StoredPackage.Type
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(StoredPackage))

export interface PackagePart {
  readonly kind: "agent" | "plugin"
  readonly name: string
  readonly version: string
  readonly signature: string
  readonly signer: string
  readonly upload: string
  readonly part: number
  readonly isLast: boolean
  readonly bytes: Uint8Array
}

interface Upload {
  readonly hash: Hash
  readonly chunks: Array<Uint8Array>
  bytes: number
  parts: number
  touchedMs: number
}

export class Packages extends Context.Service<
  Packages,
  {
    readonly list: () => ReadonlyArray<StoredPackage>
    /** Takes the parts of an upload in their order; the package once the last is in. */
    readonly add: (part: PackagePart, by: string) => Effect.Effect<StoredPackage | null, PackageError>
    readonly get: (name: string, version: string) => StoredPackage | undefined
    readonly remove: (name: string, version: string) => Effect.Effect<void, PackageError>
    /** One element whenever packages may have changed. */
    readonly changes: Stream.Stream<unknown>
    /** The bytes from `offset` on. */
    readonly read: (digest: string, offset: number) => Stream.Stream<Uint8Array, PackageError>
  }
>()("sonde/controller/Packages") {
  /** `prefix` of all keys: `/sonde/REGION/`. */
  static readonly layer = (
    prefix: string,
  ): Layer.Layer<Packages, CoordinationError, Coordination | ClickHouse> =>
    Layer.effect(Packages, make(prefix))
}

const failed = (reason: PackageError["reason"], message: string) => new PackageError({ reason, message })

const table = qualifiedName(packagePartTable)

const make = (
  prefix: string,
): Effect.Effect<Packages["Service"], CoordinationError, Coordination | ClickHouse | Scope.Scope> =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    const clickhouse = yield* ClickHouse
    const mirror = yield* makeMirror(`${prefix}package/`)
    const uploads = new Map<string, Upload>()
    const keyOf = (name: string, version: string) => `${prefix}package/${name}/${version}`

    const list = (): ReadonlyArray<StoredPackage> =>
      [...mirror.entries().values()].flatMap(({ value }) => Option.toArray(decode(value)))

    const away = <A>(effect: Effect.Effect<A, CoordinationError | ClickHouseError>) =>
      Effect.mapError(effect, ({ message }) => failed("unavailable", message))

    const uploadOf = (part: PackagePart, nowMs: number): Upload | PackageError => {
      const begun = uploads.get(part.upload)
      if (begun !== undefined && begun.parts === part.part) return begun
      if (part.part !== 0)
        return failed("invalid", `part ${part.part} came out of order: begin the upload again`)
      for (const [id, upload] of uploads) if (nowMs - upload.touchedMs > restMs) uploads.delete(id)
      uploads.delete(part.upload)
      if (uploads.size >= uploadsMost)
        return failed("unavailable", `${uploadsMost} uploads are going on already: try again in a minute`)
      const upload: Upload = { hash: createHash("sha256"), chunks: [], bytes: 0, parts: 0, touchedMs: nowMs }
      uploads.set(part.upload, upload)
      return upload
    }

    const store = (part: PackagePart, upload: Upload, by: string) =>
      Effect.gen(function* () {
        const digest = upload.hash.digest("hex")
        if (signerOf(digest, part.signature, [part.signer]) === undefined)
          return yield* failed("invalid", "the signature is not that of these bytes by this key")
        const bytes = Buffer.concat(upload.chunks)
        const stored: StoredPackage = {
          kind: part.kind,
          name: part.name,
          version: part.version,
          digest,
          bytes: bytes.length,
          signer: part.signer,
          addedMs: yield* Clock.currentTimeMillis,
          addedBy: by,
          signature: part.signature,
        }
        const key = keyOf(part.name, part.version)
        const before = yield* away(coordination.get(key))
        const known = before === undefined ? undefined : Option.getOrUndefined(decode(before.value))
        if (known !== undefined && known.digest === digest) return known
        if (before !== undefined)
          return yield* failed(
            "conflict",
            `${part.name} ${part.version} is there with other bytes: give it another version`,
          )
        for (let number = 0; number * partBytes < bytes.length; number++) {
          const chunk = bytes.subarray(number * partBytes, (number + 1) * partBytes)
          yield* away(
            clickhouse.command(
              `INSERT INTO ${table} (digest, part, bytes) SELECT '${digest}', ${number}, unhex('${chunk.toString("hex")}')`,
            ),
          )
        }
        const { isDone } = yield* away(
          coordination.commit({
            when: [{ key, is: "absent" }],
            writes: [{ put: key, value: JSON.stringify(stored) }],
          }),
        )
        if (!isDone)
          return yield* failed("conflict", `somebody else added ${part.name} ${part.version} meanwhile`)
        return stored
      })

    return {
      changes: mirror.changes,
      list,
      get: (name, version) => Option.getOrUndefined(decode(mirror.get(keyOf(name, version))?.value ?? "")),
      add: (part, by) =>
        Effect.gen(function* () {
          if (!isPackageName(part.name) || !isPackageName(part.version))
            return yield* failed(
              "invalid",
              "name and version: expected up to 64 letters, digits, and . _ + -",
            )
          if ((part.kind === "agent") !== (part.name === agentPackageName))
            return yield* failed(
              "invalid",
              `packages of the kind agent have the name ${agentPackageName}, and no others have it`,
            )
          const nowMs = yield* Clock.currentTimeMillis
          const upload = uploadOf(part, nowMs)
          if (upload instanceof PackageError) return yield* upload
          upload.bytes += part.bytes.length
          if (upload.bytes > packageBytesMost) {
            uploads.delete(part.upload)
            return yield* failed("invalid", `more than ${packageBytesMost / 1_048_576} MiB`)
          }
          upload.hash.update(part.bytes)
          upload.chunks.push(part.bytes)
          upload.parts++
          upload.touchedMs = nowMs
          if (!part.isLast) return null
          uploads.delete(part.upload)
          return yield* store(part, upload, by)
        }),
      remove: (name, version) =>
        Effect.gen(function* () {
          const key = keyOf(name, version)
          const entry = yield* away(coordination.get(key))
          const found = entry === undefined ? undefined : Option.getOrUndefined(decode(entry.value))
          if (entry === undefined || found === undefined)
            return yield* failed("not found", `there is no package ${name} ${version}`)
          const { isDone } = yield* away(
            coordination.commit({
              when: [{ key, is: "modified", at: entry.modified }],
              writes: [{ remove: key }],
            }),
          )
          if (!isDone)
            return yield* failed("conflict", `somebody else changed ${name} ${version} meanwhile: look again`)
          const { digest } = found
          if (
            list().some(
              (other) => other.digest === digest && !(other.name === name && other.version === version),
            )
          )
            return
          yield* away(clickhouse.command(`DELETE FROM ${table} WHERE digest = {digest: String}`, { digest }))
        }),
      read: (digest, offset) =>
        Stream.unwrap(
          Effect.gen(function* () {
            const found = list().find((one) => one.digest === digest)
            if (found === undefined)
              return yield* failed("not found", `there is no package with digest ${digest}`)
            if (offset > found.bytes)
              return yield* failed(
                "invalid",
                `the package has ${found.bytes} bytes, asked was from ${offset}`,
              )
            const parts = Math.ceil(found.bytes / partBytes)
            const first = Math.floor(offset / partBytes)
            const one = (part: number) =>
              Effect.gen(function* () {
                const rows = yield* away(
                  clickhouse.query(
                    `SELECT hex(bytes) AS bytes FROM ${table} WHERE digest = {digest: String} AND part = {part: UInt32} LIMIT 1`,
                    { digest, part },
                  ),
                )
                const text = rows[0]?.["bytes"]
                if (typeof text !== "string")
                  return yield* failed(
                    "unavailable",
                    `part ${part} of ${found.name} ${found.version} is not stored`,
                  )
                const bytes = Buffer.from(text, "hex")
                return part === first ? bytes.subarray(offset - first * partBytes) : bytes
              })
            return Stream.range(first, Math.max(first, parts - 1)).pipe(
              Stream.filter((part) => part < parts),
              Stream.mapEffect(one),
            )
          }),
        ),
    }
  })
