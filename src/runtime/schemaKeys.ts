// The keys of a configuration's schema as a flat list: path, type, default, range, description.

import * as Schema from "effect/Schema"
import type { Change } from "./configFields.ts"

export interface ConfigKey {
  /** "http.port" */
  readonly path: string
  /** "SONDE_HTTP_PORT" */
  readonly variable: string
  readonly type: "string" | "integer" | "boolean" | "array"
  readonly items: string | undefined
  readonly choices: ReadonlyArray<string> | undefined
  /** What the entries of a list are, where their type does not say it. */
  readonly itemsAre: string | undefined
  /** What may stand in a list. */
  readonly itemChoices: ReadonlyArray<string> | undefined
  /** Of an integer, or of the integers of a list. */
  readonly minimum: number | undefined
  readonly maximum: number | undefined
  readonly default: unknown
  readonly description: string
  /** What its change asks of a running agent; undefined: no server can change it. */
  readonly change: Change | undefined
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
  readonly change?: Change
  readonly allOf?: ReadonlyArray<Node>
  readonly anyOf?: ReadonlyArray<Node>
}

/** JSON Schema (draft 2020-12), with the annotation `change` where a key has it. */
export const jsonSchemaOf = (schema: Schema.Top): Record<string, unknown> => {
  const document = Schema.toJsonSchemaDocument(schema, { includeAnnotationKey: (key) => key === "change" })
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
    const items = first(child, (part) => part.items)
    const bound = (read: (node: Node) => number | undefined) =>
      first(child, read) ?? (items === undefined ? undefined : first(items, read))
    return [
      {
        path,
        variable: snake(path),
        type: (first(child, (part) => part.type) ?? "string") as ConfigKey["type"],
        items: items?.type,
        choices: first(child, (part) => part.enum),
        itemsAre: items?.description,
        itemChoices: items?.enum,
        minimum: bound((part) => part.minimum),
        maximum: bound((part) => part.maximum),
        default: first(child, (part) => part.default),
        description: first(child, (part) => part.description) ?? "",
        change: first(child, (part) => part.change),
      },
    ]
  })

/** Every key, in the schema's order. */
export const keysOfSchema = (schema: Schema.Top): ReadonlyArray<ConfigKey> =>
  keysOf(jsonSchemaOf(schema) as Node, "")

/** What a value of the key has to be, for messages. */
export const expectedOf = (key: ConfigKey): string => {
  if (key.choices !== undefined) return `one of ${key.choices.join(", ")}`
  const range = key.minimum === undefined ? "" : ` from ${key.minimum} to ${key.maximum}`
  if (key.itemChoices !== undefined) return `a list of any of ${key.itemChoices.join(", ")}`
  if (key.type === "array") return `a list of ${key.itemsAre ?? `${key.items}s`}${range}`
  return key.type === "integer" ? `an integer${range}` : `a ${key.type}`
}
