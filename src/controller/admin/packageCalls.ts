// Calls about packages.

import * as Effect from "effect/Effect"
import type { PackageError, Packages } from "../package/Packages.ts"
import { type AdminHandlers, adminError } from "./AdminCalls.ts"

const told = ({ message, reason }: PackageError) => adminError(reason, message)

export const packageCalls = (
  packages: Packages["Service"],
): Pick<AdminHandlers, "Packages" | "PackageAdd" | "PackageAssign" | "PackageRemove"> => ({
  Packages: () => Effect.sync(() => packages.list()),
  PackageAdd: (part, caller) => Effect.mapError(packages.add(part, caller.name), told),
  PackageAssign: ({ groups, name, version }) => Effect.mapError(packages.assign(name, version, groups), told),
  PackageRemove: ({ name, version }) => Effect.mapError(packages.remove(name, version), told),
})
