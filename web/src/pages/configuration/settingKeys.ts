// What can be set for agents, read from the JSON Schema that the server gives. Pure; a schema that says less gives keys that say less.

import type { Values } from "../../api/adminContract.ts"

export interface SettingKey {
  readonly path: string
  /** `any`: the schema has nothing that a field could be made from. */
  readonly type: "string" | "integer" | "number" | "boolean" | "array" | "any"
  readonly items: "string" | "integer" | "number" | "any"
  readonly choices: ReadonlyArray<string> | undefined
  /** Of a number, or of the numbers of a list. */
  readonly minimum: number | undefined
  readonly maximum: number | undefined
  readonly default: unknown
  readonly description: string
  /** What a change asks of a running agent. */
  readonly change: "hot" | "restart" | undefined
}

type Node = Values

/** Nesting of a schema that is followed. */
const maxDepth = 8

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const partsOf = (node: Node): ReadonlyArray<Node> =>
  [node["allOf"], node["anyOf"], node["oneOf"]]
    .flatMap((parts): ReadonlyArray<unknown> => (Array.isArray(parts) ? parts : []))
    .filter(isNode)

class SchemaReader {
  readonly #definitions: Node

  constructor(schema: Node) {
    const found = schema["$defs"] ?? schema["definitions"]
    this.#definitions = isNode(found) ? found : {}
  }

  #target(node: Node): Node {
    const ref = node["$ref"]
    const target = typeof ref === "string" ? this.#definitions[ref.split("/").at(-1) ?? ""] : undefined
    return isNode(target) ? target : {}
  }

  /** The value of a keyword here, behind a reference or in a part. */
  find(node: Node, keyword: string, depth = 0): unknown {
    if (depth > maxDepth) return undefined
    if (node[keyword] !== undefined) return node[keyword]
    for (const part of [this.#target(node), ...partsOf(node)]) {
      const found = this.find(part, keyword, depth + 1)
      if (found !== undefined) return found
    }
    return undefined
  }

  keys(node: Node, prefix: string, depth = 0): ReadonlyArray<SettingKey> {
    const properties = this.find(node, "properties")
    if (!isNode(properties) || depth > maxDepth) return []
    return Object.entries(properties).flatMap(([name, child]) => {
      if (!isNode(child)) return []
      const path = prefix === "" ? name : `${prefix}.${name}`
      return isNode(this.find(child, "properties"))
        ? this.keys(child, path, depth + 1)
        : [this.#key(child, path)]
    })
  }

  #key(node: Node, path: string): SettingKey {
    const found = (keyword: string): unknown => this.find(node, keyword)
    const items = found("items")
    const ofItems = (keyword: string): unknown => (isNode(items) ? this.find(items, keyword) : undefined)
    const bound = (keyword: string): number | undefined => {
      const value = found(keyword) ?? ofItems(keyword)
      return typeof value === "number" ? value : undefined
    }
    const choices = found("enum")
    const isChoice = Array.isArray(choices) && choices.every((each) => typeof each === "string")
    const change = found("change")
    const description = found("description")
    return {
      path,
      type: isChoice ? "string" : typeOf(found("type")),
      items: itemTypeOf(ofItems("type")),
      choices: isChoice ? choices : undefined,
      minimum: bound("minimum"),
      maximum: bound("maximum"),
      default: found("default"),
      description: typeof description === "string" ? description : "",
      change: change === "hot" || change === "restart" ? change : undefined,
    }
  }
}

const typeOf = (type: unknown): SettingKey["type"] =>
  type === "string" || type === "integer" || type === "number" || type === "boolean" || type === "array"
    ? type
    : "any"

const itemTypeOf = (type: unknown): SettingKey["items"] =>
  type === "string" || type === "integer" || type === "number" ? type : "any"

/** Every key, in the schema's order; none when it describes none. */
export const settingKeys = (schema: Values): ReadonlyArray<SettingKey> =>
  new SchemaReader(schema).keys(schema, "")

/** A key that no schema describes: any JSON. */
export const unknownKey = (path: string): SettingKey => ({
  path,
  type: "any",
  items: "any",
  choices: undefined,
  minimum: undefined,
  maximum: undefined,
  default: undefined,
  description: "",
  change: undefined,
})
