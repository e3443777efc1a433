// YAML as rows: `resources` is a list of maps; `parents` and `tags` are maps within them. All scalars are text as written, so that
// a version 1.10 stays 1.10. JSON is YAML, too.

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml"
import { type Field, type FileFault, fault, type FileRow, fileLimits, shown } from "./FileRow.ts"

const isFault = (value: unknown): value is FileFault => value instanceof Error

/** Reads one document; knows the line of each of its nodes. */
class YamlReader {
  readonly #document: Document
  readonly #lines: LineCounter
  #aliases: ReadonlyMap<Alias, unknown> | undefined

  constructor(document: Document, lines: LineCounter) {
    this.#document = document
    this.#lines = lines
  }

  lineOf(node: unknown, otherwise: number): number {
    const at = (node as Partial<Node> | null)?.range?.[0]
    return at === undefined ? otherwise : this.#lines.linePos(at).line
  }

  resolve(node: unknown): unknown {
    return isAlias(node) ? this.#aliased().get(node) : node
  }

  /** What each alias stands for. Looked up once for all: the library's own way walks the document for every one. */
  #aliased(): ReadonlyMap<Alias, unknown> {
    if (this.#aliases !== undefined) return this.#aliases
    const anchors = new Map<string, unknown>()
    const aliases = new Map<Alias, unknown>()
    visit(this.#document, {
      Alias: (_, alias) => void aliases.set(alias, anchors.get(alias.source)),
      Value: (_, node) => void (node.anchor !== undefined && anchors.set(node.anchor, node)),
    })
    this.#aliases = aliases
    return aliases
  }

  /** Entries of a map by key. */
  entries(
    node: unknown,
    line: number,
    what: string,
  ): ReadonlyArray<[key: string, value: unknown, line: number]> | FileFault {
    const map = this.resolve(node)
    if (!isMap(map)) return fault(line, `${what} should be a map`)
    const entries: Array<[string, unknown, number]> = []
    const seen = new Map<string, number>()
    for (const { key, value } of map.items) {
      const name = isScalar(key) ? String(key.value) : ""
      const at = this.lineOf(key, line)
      if (name === "") return fault(at, "a key should be text")
      const before = seen.get(name)
      if (before !== undefined) return fault(at, `key ${shown(name)} stands there already, in line ${before}`)
      seen.set(name, at)
      entries.push([name, value, at])
    }
    return entries
  }

  field(node: unknown, line: number, key: string): Field | FileFault | undefined {
    const value = this.resolve(node)
    if (isAlias(node) && value === undefined) return fault(line, `${key}: nothing is called *${node.source}`)
    if (value === null || value === undefined) return undefined
    if (isScalar(value)) {
      const text = String(value.value ?? "")
      return text === "" ? undefined : { line: this.lineOf(node, line), values: [text] }
    }
    if (!isSeq(value)) return fault(line, `${key} should be text or a list of texts`)
    const values: Array<string> = []
    for (const item of value.items) {
      const one = this.resolve(item)
      if (!isScalar(one)) return fault(this.lineOf(item, line), `${key}: items should be text`)
      values.push(String(one.value ?? ""))
    }
    return values.length === 0 ? undefined : { line, values }
  }

  row(item: unknown, line: number): FileRow | FileFault {
    const entries = this.entries(item, line, "each resource")
    if (isFault(entries)) return entries
    const fields = new Map<string, Field>()
    for (const [key, value, keyLine] of entries) {
      const prefix = key === "parents" ? "parent:" : key === "tags" ? "tag:" : undefined
      const nested =
        prefix === undefined || this.resolve(value) === null ? undefined : this.entries(value, keyLine, key)
      if (isFault(nested)) return nested
      const named: ReadonlyArray<[string, unknown, number]> =
        prefix === undefined
          ? [[key, value, keyLine]]
          : (nested ?? []).map(([name, one, at]) => [`${prefix}${name}`, one, at])
      for (const [name, one, at] of named) {
        const field = this.field(one, at, name)
        if (isFault(field)) return field
        if (field !== undefined) fields.set(name, field)
      }
    }
    return { line, fields }
  }
}

export const yamlRows = (text: string): ReadonlyArray<FileRow> | FileFault => {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    schema: "failsafe",
    lineCounter: lines,
    prettyErrors: false,
    // Looked for here: the library compares every key of a map with every other.
    uniqueKeys: false,
  })
  const [error] = document.errors
  if (error !== undefined) return fault(lines.linePos(error.pos[0]).line, error.message)
  if (document.contents === null) return fault(0, "is empty; to tell of no resource, write `resources: []`")
  const reader = new YamlReader(document as Document, lines)
  const top = reader.entries(document.contents, 1, "the file")
  if (isFault(top)) return top
  const rows: Array<FileRow> = []
  let hasResources = false
  for (const [key, value, line] of top) {
    if (key !== "resources")
      return fault(line, `${shown(key)} is not known here; a file has \`resources\` only`)
    hasResources = true
    const list = reader.resolve(value)
    if (!isSeq(list)) return fault(line, "resources should be a list")
    if (list.items.length > fileLimits.rows) return fault(line, `more than ${fileLimits.rows} resources`)
    for (const item of list.items) {
      const row = reader.row(item, reader.lineOf(item, line))
      if (isFault(row)) return row
      rows.push(row)
    }
  }
  return hasResources ? rows : fault(1, "has no `resources`")
}
