// Sparse settings of agents by path, as layers, the wire and agents have them: their digest, their nested form, what differs
// between two of them, what is wrong with them.
// Server and agent must agree on the digest, so both take it from here.

import { createHash } from "node:crypto"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { agentConfigKey, agentConfigKeys, AgentConfigSchema } from "./agentConfig.ts"
import { expectedOf } from "./schemaKeys.ts"

/** By path within the section `agent`: "flushMs". */
export type AgentValues = Readonly<Record<string, unknown>>

/** JSON text in which equal values are equal texts: keys in order, on every level. */
export const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null"
  const fields = Object.entries(value as Record<string, unknown>).filter(([, one]) => one !== undefined)
  const sorted = fields.toSorted(([one], [other]) => (one < other ? -1 : 1))
  return `{${sorted.map(([name, one]) => `${JSON.stringify(name)}:${canonicalJson(one)}`).join(",")}}`
}

export const isSame = (one: unknown, other: unknown): boolean => canonicalJson(one) === canonicalJson(other)

/** Names what a server sets; empty: nothing. */
export const agentValuesDigest = (values: AgentValues): string =>
  Object.keys(values).length === 0
    ? ""
    : createHash("sha256").update(canonicalJson(values)).digest("hex").slice(0, 32)

/** `{"a.b": 1}` as `{a: {b: 1}}`; for known keys only. */
export const nestedValues = (values: AgentValues): Record<string, unknown> => {
  const root: Record<string, unknown> = {}
  for (const [path, value] of Object.entries(values)) {
    const parts = path.split(".")
    let at = root
    for (const part of parts.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>
    at[parts.at(-1)!] = value
  }
  return root
}

/** The value at a path of a nested object. */
export const valueAt = (nested: object, path: string): unknown =>
  path
    .split(".")
    .reduce<unknown>((node, part) => (node as Record<string, unknown> | null | undefined)?.[part], nested)

/** `changes` upon `values`; null takes a key out. */
export const changedValues = (values: AgentValues, changes: AgentValues): AgentValues => {
  const changed = new Map(Object.entries(values))
  for (const [path, value] of Object.entries(changes)) {
    if (value === null || value === undefined) changed.delete(path)
    else changed.set(path, value)
  }
  return Object.fromEntries(changed)
}

export interface Difference {
  readonly path: string
  /** Undefined: not set. */
  readonly before: unknown
  readonly after: unknown
}

/** By path, in order. */
export const diffValues = (before: AgentValues, after: AgentValues): ReadonlyArray<Difference> =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .toSorted()
    .map((path) => ({
      path,
      before: Object.hasOwn(before, path) ? before[path] : undefined,
      after: Object.hasOwn(after, path) ? after[path] : undefined,
    }))
    .filter((one) => !isSame(one.before ?? null, one.after ?? null))

/** What `changedValues` makes `after` of `before` by. */
export const changesBetween = (before: AgentValues, after: AgentValues): AgentValues =>
  Object.fromEntries(diffValues(before, after).map((one) => [one.path, one.after ?? null]))

export const unknownPaths = (values: AgentValues): ReadonlyArray<string> =>
  Object.keys(values).filter((path) => agentConfigKey(path) === undefined)

const decode = Schema.decodeUnknownExit(AgentConfigSchema)

/** One line for each value that its key does not take; unknown keys are left out. */
export const valueProblems = (values: AgentValues): ReadonlyArray<string> => {
  const known = Object.fromEntries(
    Object.entries(values).filter(([path]) => agentConfigKey(path) !== undefined),
  )
  const exit = decode(nestedValues(known), { errors: "all" })
  if (Exit.isSuccess(exit)) return []
  const failure = Cause.squash(exit.cause)
  const issues = Schema.isSchemaError(failure)
    ? SchemaIssue.makeFormatterStandardSchemaV1()(failure.issue).issues
    : [{ path: [], message: String(failure) }]
  const problems = issues.map((issue) => {
    const path = (issue.path ?? []).map(String).join(".")
    const key = agentConfigKeys.find((one) => path === one.path || path.startsWith(`${one.path}.`))
    if (key === undefined) return `${path}: ${issue.message}`
    return `${key.path}: expected ${expectedOf(key)}, found ${JSON.stringify(known[key.path])}`
  })
  return [...new Set(problems)]
}
