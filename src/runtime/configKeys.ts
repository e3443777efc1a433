// The configuration's keys as a flat list, derived from its schema: for environment names, flags, messages and docs.

import * as Schema from "effect/Schema"
import { ConfigSchema } from "./configSchema.ts"

export interface ConfigKey {
  /** "http.port" */
  readonly path: string
  /** "SONDE_HTTP_PORT" */
  readonly variable: string
  readonly type: "string" | "integer" | "boolean" | "array"
  readonly items: string | undefined
  readonly choices: ReadonlyArray<string> | undefined
  readonly minimum: number | undefined
  readonly maximum: number | undefined
  readonly default: unknown
  readonly description: string
}

interface Node {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly description?: string
  readonly default?: unknown
  readonly enum?: ReadonlyArray<string>
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: Node
  readonly allOf?: ReadonlyArray<Node>
  readonly anyOf?: ReadonlyArray<Node>
  readonly $ref?: string
}

/** JSON Schema (draft 2020-12) of sonde.yaml. */
export const configJsonSchema = (): object => {
  const document = Schema.toJsonSchemaDocument(ConfigSchema)
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...document.schema,
    ...(Object.keys(document.definitions).length > 0 ? { $defs: document.definitions } : {}),
  }
}

const snake = (path: string): string =>
  "SONDE_" +
  path
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase()

const first = <Value>(node: Node, read: (node: Node) => Value | undefined): Value | undefined => {
  const own = read(node)
  if (own !== undefined) return own
  for (const part of [...(node.allOf ?? []), ...(node.anyOf ?? [])]) {
    const found = first(part, read)
    if (found !== undefined) return found
  }
  return undefined
}

const keysOf = (node: Node, prefix: string): Array<ConfigKey> =>
  Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const path = prefix === "" ? name : `${prefix}.${name}`
    const section = first(child, (part) => (part.properties === undefined ? undefined : part))
    if (section !== undefined) return keysOf(section, path)
    return [
      {
        path,
        variable: snake(path),
        type: (first(child, (part) => part.type) ?? "string") as ConfigKey["type"],
        items: first(child, (part) => part.items?.type),
        choices: first(child, (part) => part.enum),
        minimum: first(child, (part) => part.minimum),
        maximum: first(child, (part) => part.maximum),
        default: first(child, (part) => part.default),
        description: first(child, (part) => part.description) ?? "",
      },
    ]
  })

/** Every key, in the schema's order. */
export const configKeys: ReadonlyArray<ConfigKey> = keysOf(configJsonSchema() as Node, "")
