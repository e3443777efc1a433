// `sonde admin packages ...`: agents' packages and plugins: built and signed on one machine, stored by the servers, brought to groups at
// once or in stages.

import { readFileSync, writeFileSync } from "node:fs"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { randomUUID } from "node:crypto"
import { agentPackageName } from "../../../runtime/agentPackage/manifest.ts"
import { packAgent } from "../../../runtime/agentPackage/pack.ts"
import { makeSigningKey, signPackage } from "../../../runtime/packageSignature.ts"
import { fail, json } from "../../options.ts"
import { print, printJson, table } from "../../output.ts"
import { adminFlags, withAdmin } from "./adminClient.ts"
import { packageRollout } from "./packageRollout.ts"
import { show, when } from "./words.ts"

const partBytes = 512 * 1_024

const read = (file: string) =>
  Effect.try({
    try: () => readFileSync(file),
    catch: (cause) => fail(`${file} cannot be read: ${(cause as Error).message}`),
  })

const list = Command.make(
  "list",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const packages = yield* withAdmin(flags, (client) => client.Packages({}))
    show(flags.json, packages, () =>
      packages.length === 0
        ? "There are no packages."
        : table(
            ["PACKAGE", "VERSION", "KIND", "BYTES", "GROUPS", "SIGNED BY", "ADDED (UTC)", "DIGEST"],
            packages.map((one) => [
              one.name,
              one.version,
              one.kind,
              one.bytes,
              one.groups.join(" "),
              one.signer,
              when(one.addedMs),
              one.digest.slice(0, 12),
            ]),
          ),
    )
  }),
).pipe(Command.withDescription("List packages"))

const add = Command.make(
  "add",
  {
    file: Argument.String("file"),
    kind: Flag.Literals("kind", ["plugin", "agent"]).pipe(Flag.withDefault("plugin" as const)),
    name: Flag.String("name").pipe(
      Flag.withDescription(`Default: the file's name; ${agentPackageName} for an agent`),
      Flag.withDefault(""),
    ),
    version: Flag.String("version"),
    key: Flag.String("key").pipe(
      Flag.withDescription("File of the private key to sign with (`packages key`)"),
    ),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({ file, key, kind, name, version, ...flags }) {
    const bytes = yield* read(file)
    const { signature, signer } = yield* signPackage(bytes, yield* read(key)).pipe(
      Effect.mapError(({ message }) => fail(`${key}: ${message}`)),
    )
    const upload = randomUUID()
    const added = yield* withAdmin(flags, (client) =>
      Effect.gen(function* () {
        for (let part = 0; ; part++) {
          const to = Math.min(bytes.length, (part + 1) * partBytes)
          const isLast = to === bytes.length
          const answer = yield* client.PackageAdd({
            kind,
            name: name !== "" ? name : kind === "agent" ? agentPackageName : basename(file),
            version,
            signature,
            signer,
            upload,
            part,
            isLast,
            bytes: bytes.subarray(part * partBytes, to),
          })
          if (process.stderr.isTTY)
            process.stderr.write(`\r${Math.round((to / bytes.length) * 100)} %${isLast ? "\n" : ""}`)
          if (isLast) return answer
        }
      }),
    )
    if (flags.json) printJson(added)
    else print(`${added?.name} ${added?.version}: ${added?.bytes} bytes, digest ${added?.digest}`)
  }),
).pipe(Command.withDescription("Sign a package and store it"))

const assign = Command.make(
  "assign",
  {
    name: Argument.String("package"),
    version: Argument.String("version"),
    groups: Argument.String("group").pipe(Argument.atLeast(0)),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({ groups, name, version, ...flags }) {
    yield* withAdmin(flags, (client) => client.PackageAssign({ name, version, groups }))
    print(
      groups.length === 0
        ? `${name} ${version} is used by nobody`
        : `${name} ${version} is for ${groups.join(", ")}`,
    )
  }),
).pipe(Command.withDescription("Which groups use a package; none without a group"))

const remove = Command.make(
  "remove",
  { name: Argument.String("package"), version: Argument.String("version"), ...adminFlags },
  Effect.fnUntraced(function* ({ name, version, ...flags }) {
    yield* withAdmin(flags, (client) => client.PackageRemove({ name, version }))
    print(`${name} ${version} is removed`)
  }),
).pipe(Command.withDescription("Remove a package"))

const key = Command.make(
  "key",
  { file: Argument.String("file").pipe(Argument.withDescription("Where to write the private key")) },
  Effect.fnUntraced(function* ({ file }) {
    const publicKey = yield* makeSigningKey(file).pipe(Effect.mapError(({ message }) => fail(message)))
    print(`${file}: private key, keep it where packages are built\nagent.packageKeys: ${publicKey}`)
  }),
).pipe(Command.withDescription("Make a key to sign packages with; agents must know its public half"))

const root = fileURLToPath(new URL("../../../..", import.meta.url))

const buildAgent = Command.make(
  "build-agent",
  {
    file: Argument.String("file").pipe(Argument.withDescription("Where to write the package (tar.gz)")),
    version: Flag.String("version").pipe(
      Flag.withDescription("Version of the package; default: that of this tree"),
      Flag.optional,
    ),
    withNode: Flag.Boolean("with-node").pipe(
      Flag.withDescription("Take node along; else agents run it with the node that they have"),
      Flag.withDefault(false),
    ),
    json,
  },
  Effect.fnUntraced(function* ({ file, json, version, withNode }) {
    const { bytes, files, manifest } = yield* packAgent({
      root,
      withNode,
      ...(Option.isSome(version) ? { version: version.value } : {}),
    }).pipe(Effect.mapError(({ message }) => fail(message)))
    yield* Effect.try({
      try: () => writeFileSync(file, bytes),
      catch: (cause) => fail(`${file} cannot be written: ${(cause as Error).message}`),
    })
    if (json) printJson({ file, bytes: bytes.length, files, ...manifest })
    else
      print(
        `${file}: ${files} files, ${bytes.length} bytes, for ${manifest.platform}\nStore it: sonde admin packages add ${file} --kind agent --version ${manifest.version} --key KEYFILE`,
      )
  }),
).pipe(Command.withDescription("Make a package of the agent from this tree"))

export const packages = Command.make("packages").pipe(
  Command.withDescription("Packages of agents and plugins"),
  Command.withSubcommands([list, buildAgent, add, assign, packageRollout, remove, key]),
)
