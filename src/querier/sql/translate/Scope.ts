// What names mean inside one SELECT: its tables, its aliases, and the names that enclosing queries hand down. Each SELECT has a
// scope of its own.

import { closest } from "../../../runtime/closest.ts"
import { customTagFamilies } from "../../../tags/customTags.ts"
import { universalTagNames } from "../../../tags/universalTags.ts"
import type { Expression, FromItem, Name, NamePart, Query, Select } from "../syntax/ast.ts"
import { walk } from "../syntax/mapExpression.ts"
import { printPart } from "../syntax/print.ts"
import { SqlProblem } from "../syntax/SqlProblem.ts"
import { findTag, type TagUse } from "./TagUse.ts"
import { hasTags, type TaggedTable } from "./TaggedTable.ts"

/** Names of a query's columns; undefined: not known. */
export type Outputs = ReadonlySet<string> | undefined

export interface Environment {
  readonly tables: ReadonlyArray<TaggedTable>
  /** Database of names without one. */
  readonly database: string | undefined
  readonly queries: ReadonlyMap<string, Outputs>
  readonly values: ReadonlyMap<string, Expression>
}

interface Source {
  /** Every way to qualify a column of it. */
  readonly names: ReadonlyArray<string>
  readonly qualifier: string
  readonly table: TaggedTable | undefined
  readonly outputs: Outputs
}

export type Meaning =
  | { readonly kind: "tag"; readonly use: TagUse }
  | { readonly kind: "alias"; readonly value: Expression }
  /** A column of a subquery whose name holds dots. */
  | { readonly kind: "output"; readonly name: string }
  | { readonly kind: "other" }

const other: Meaning = { kind: "other" }

export const nameText = (parts: ReadonlyArray<NamePart>): string => parts.map(({ text }) => text).join(".")

const outputName = (item: Expression): string | undefined => {
  if (item.kind === "alias") return item.alias.text
  return item.kind === "name" ? nameText(item.parts) : undefined
}

export const outputsOf = (query: Query): Outputs => {
  if (query.kind === "inParens") return outputsOf(query.query)
  if (query.kind === "union") return outputsOf(query.parts[0]!)
  if (query.items.some(({ kind }) => kind === "star")) return undefined
  return new Set(query.items.map(outputName).filter((name) => name !== undefined))
}

const findTable = (parts: ReadonlyArray<NamePart>, environment: Environment): TaggedTable | undefined => {
  const name = parts.at(-1)!.text
  const database = parts.length > 1 ? parts.at(-2)!.text : environment.database
  return environment.tables.find((table) => table.name === name && table.database === database)
}

const sourceOf = (item: Extract<FromItem, { kind: "source" }>, environment: Environment): Source => {
  const { alias, source } = item
  if (source.kind !== "table") {
    const outputs = source.kind === "query" ? outputsOf(source.query) : undefined
    const qualifier = alias?.text ?? ""
    return { names: alias === undefined ? [] : [alias.text], qualifier, table: undefined, outputs }
  }
  const { parts } = source.name
  const own = parts.at(-1)!
  const isQuery = parts.length === 1 && environment.queries.has(own.text)
  const table = isQuery ? undefined : findTable(parts, environment)
  return {
    names: alias === undefined ? [own.text, nameText(parts)] : [alias.text],
    qualifier: printPart(alias ?? own),
    table,
    outputs: isQuery ? environment.queries.get(own.text) : table?.columns,
  }
}

const maxInlined = 500
const nowhere: ReadonlySet<string> = new Set()

const unitWord = /^(nano|micro|milli)?seconds?$|^(minute|hour|day|week|month|quarter|year)s?$/i

export class Scope {
  readonly environment: Environment
  readonly #sources: ReadonlyArray<Source>
  readonly #aliases = new Map<string, Expression>()
  /** Names from ARRAY JOIN. */
  readonly #joined = new Set<string>()
  #locals: ReadonlyArray<string> = []
  readonly #answers = new Map<Expression, boolean>()
  #inlined = 0
  readonly isGrouped: boolean

  constructor(select: Select, environment: Environment) {
    this.environment = environment
    this.isGrouped = select.groupBy !== undefined
    this.#sources = select.from.flatMap((item) =>
      item.kind === "source" ? [sourceOf(item, environment)] : [],
    )
    for (const [name, value] of environment.values) this.#aliases.set(name, value)
    const collect = (expression: Expression) =>
      walk(expression, (node) => {
        if (node.kind === "alias") this.#aliases.set(node.alias.text, node.value)
      })
    select.items.forEach(collect)
    for (const item of select.from) {
      if (item.kind !== "arrayJoin") continue
      for (const { kind, ...rest } of item.items) {
        if (kind === "alias" && "alias" in rest) this.#joined.add(rest.alias.text)
      }
    }
  }

  /** Counts what is put in for aliases: aliases of aliases could double with each step. */
  countInline(at: number): void {
    if (++this.#inlined > maxInlined) {
      throw new SqlProblem(at, `aliases of aliases with tags stand for more than ${maxInlined} expressions`)
    }
  }

  /** Remembers the answer to one question about an expression. */
  once(node: Expression, answer: () => boolean): boolean {
    const known = this.#answers.get(node)
    if (known !== undefined) return known
    // An alias that stands in its own definition adds nothing.
    this.#answers.set(node, false)
    const found = answer()
    this.#answers.set(node, found)
    return found
  }

  /** What an alias stands for, through further aliases. */
  dereference(node: Expression, inside: ReadonlySet<string> = nowhere): Expression {
    let target = node
    const seen = new Set(inside)
    while (target.kind === "name" && target.parts.length === 1) {
      const { text } = target.parts[0]!
      const meaning = this.meaning(target, seen)
      if (meaning.kind !== "alias" || seen.has(text)) break
      seen.add(text)
      target = meaning.value
    }
    return target
  }

  /** Names that a lambda gives its arguments mean those inside it. */
  within<A>(locals: ReadonlyArray<string>, content: () => A): A {
    const outer = this.#locals
    this.#locals = [...outer, ...locals]
    try {
      return content()
    } finally {
      this.#locals = outer
    }
  }

  /** One of the tables at least has a tag of that name. */
  isTagOfAny({ at, parts }: Name): boolean {
    const name = nameText(parts)
    return this.#sources.some(({ table }) => table !== undefined && findTag(table, name, at) !== undefined)
  }

  /** `inside`: aliases whose own definition this is part of; there the name is that of a column. */
  meaning(name: Name, inside: ReadonlySet<string>): Meaning {
    const text = nameText(name.parts)
    if (this.#locals.includes(name.parts[0]!.text) || this.#joined.has(text)) return other
    const alias = inside.has(text) ? undefined : this.#aliases.get(text)
    if (alias !== undefined) return { kind: "alias", value: alias }
    const [sources, rest] = this.#qualified(name)
    const own = nameText(rest)
    if (rest.length === 0) return other
    const found = sources.flatMap((source) => this.#findIn(source, own, name.at) ?? [])
    if (found.length > 1) {
      throw new SqlProblem(
        name.at,
        `${own} may be that of several tables: write ${sources.map(({ qualifier }) => `${qualifier}.${own}`).join(" or ")}`,
      )
    }
    if (found[0] !== undefined) return found[0]
    this.#checkKnown(sources, rest, name.at)
    return other
  }

  #qualified({ parts }: Name): readonly [ReadonlyArray<Source>, ReadonlyArray<NamePart>] {
    for (let count = Math.min(2, parts.length - 1); count > 0; count--) {
      const qualifier = nameText(parts.slice(0, count))
      const matching = this.#sources.filter(({ names }) => names.includes(qualifier))
      if (matching.length > 0) return [matching, parts.slice(count)]
    }
    return [this.#sources, parts]
  }

  #findIn(source: Source, name: string, at: number): Meaning | undefined {
    const { outputs, table } = source
    if (table === undefined) {
      if (outputs?.has(name) !== true) return undefined
      return name.includes(".") ? { kind: "output", name } : other
    }
    const found = findTag(table, name, at)
    if (found === undefined) return table.columns.has(name) ? other : undefined
    return { kind: "tag", use: { ...found, table, column: this.#columnOf(source), text: name, at } }
  }

  /** Qualified where the bare name could mean something else. */
  #columnOf(source: Source): (name: string) => string {
    const isOnly = this.#sources.length === 1 && this.#joined.size === 0
    return (name) => (isOnly && !this.#aliases.has(name) ? name : `${source.qualifier}.${name}`)
  }

  /** Only where every column there could be is known, and only when there is something to suggest. */
  #checkKnown(sources: ReadonlyArray<Source>, parts: ReadonlyArray<NamePart>, at: number): void {
    const first = parts[0]!.text
    const name = nameText(parts)
    const isClosed = sources.length > 0 && sources.every(({ outputs }) => outputs !== undefined)
    if (!isClosed || first.startsWith("_") || name.length < 4 || unitWord.test(name)) return
    const known = sources.flatMap(({ outputs }) => [...(outputs ?? [])])
    if (known.includes(first) || this.#aliases.has(first)) return
    const tables = sources.flatMap(({ table }) => (table === undefined || !hasTags(table) ? [] : [table]))
    if (tables.length === 0) return
    const suggestion = suggest(name, known, tables)
    if (suggestion !== undefined) {
      throw new SqlProblem(at, `there is no column or tag ${name.slice(0, 100)}: did you mean ${suggestion}?`)
    }
  }
}

const suggest = (
  name: string,
  columns: ReadonlyArray<string>,
  tables: ReadonlyArray<TaggedTable>,
): string | undefined => {
  const [one, two, ...more] = name.split(".")
  if (two !== undefined) {
    const prefixes = customTagFamilies.map(({ prefix }) => prefix)
    const family = closest(
      `${one}.${two}`,
      prefixes.filter((prefix) => prefix.includes(".")),
    )
    if (family !== undefined && more.length > 0) return `${family}.${more.join(".")}`
    const short = closest(
      one!,
      prefixes.filter((prefix) => !prefix.includes(".")),
    )
    return short === undefined || one!.length < 4 ? undefined : `${short}.${[two, ...more].join(".")}`
  }
  const sides = new Set(tables.flatMap((table) => table.sides))
  const tags = [...sides].flatMap((side) => [...universalTagNames, "ip"].map((tag) => `${tag}${side}`))
  return closest(name, [...tags, ...columns])
}
