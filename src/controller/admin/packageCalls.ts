// Calls about packages. Which group has which version is a layer like settings (`packages/GROUP`), so that assigning is a change of it.

import * as Effect from "effect/Effect"
import type { ConfigStore } from "../config/ConfigStore.ts"
import type { PackageError, Packages, StoredPackage } from "../package/Packages.ts"
import type { WantedPackages } from "../package/WantedPackages.ts"
import { type AdminHandlers, adminError } from "./AdminCalls.ts"
import { configRefusal } from "./configCalls.ts"

const told = ({ message, reason }: PackageError) => adminError(reason, message)

export const packageCalls = (
  packages: Packages["Service"],
  wanted: WantedPackages["Service"],
  store: ConfigStore["Service"],
): Pick<AdminHandlers, "Packages" | "PackageAdd" | "PackageAssign" | "PackageRemove"> => {
  const viewOf = (stored: StoredPackage) => {
    const { addedBy, addedMs, bytes, digest, kind, name, signer, version } = stored
    const groups = wanted.usersOf(name, version)
    return { kind, name, version, digest, bytes, signer, addedMs, addedBy, groups }
  }
  return {
    Packages: () => Effect.sync(() => packages.list().map(viewOf)),
    PackageAdd: (part, caller) =>
      packages.add(part, caller.name).pipe(
        Effect.map((added) => (added === null ? null : viewOf(added))),
        Effect.mapError(told),
      ),
    PackageAssign: ({ groups, name, version }, caller) =>
      Effect.gen(function* () {
        if (packages.get(name, version) === undefined)
          return yield* adminError("not found", `there is no package ${name} ${version}`)
        const before = wanted.usersOf(name, version)
        for (const group of new Set([...groups, ...before])) {
          const isUser = groups.includes(group)
          if (isUser && before.includes(group)) continue
          yield* store
            .change(
              { layer: "packages", name: group },
              { [name]: isUser ? version : null },
              { author: caller.name, comment: isUser ? `${name} ${version}` : `without ${name}` },
            )
            .pipe(Effect.mapError(configRefusal))
        }
      }),
    PackageRemove: ({ name, version }) =>
      Effect.gen(function* () {
        const users = wanted.keepersOf(name, version)
        if (users.length > 0)
          return yield* adminError(
            "conflict",
            `${name} ${version} is used by ${users.join(", ")}`,
            "give them another version first (sonde admin packages assign, or rollout)",
          )
        yield* Effect.mapError(packages.remove(name, version), told)
      }),
  }
}
