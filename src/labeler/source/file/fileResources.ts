// Turns the rows of a CMDB file into resources and annotations. Checks everything a person can get wrong, and says of the first fault
// where it is, what was expected and what was found.

import { closest } from "../../../runtime/closest.ts"
import {
  podGroupTypes,
  type ResourceKind,
  isResourceKind,
  resourceKinds,
} from "../../../tags/ResourceKind.ts"
import { canonicalIp, canonicalMac, canonicalRange } from "../../record/cleanRecord.ts"
import { canBelongTo, possibleParents } from "../../record/containment.ts"
import type { Annotation, SourceRecord, SourceRef } from "../ResourceSource.ts"
import { type Field, FileFault, fault, type FileRow, fileLimits, shown } from "./FileRow.ts"

export interface FileResources {
  readonly records: ReadonlyArray<SourceRecord>
  readonly annotations: ReadonlyArray<Annotation>
}

const plainFields = [
  "kind",
  "name",
  "uid",
  "match",
  "ips",
  "macs",
  "cidrs",
  "agents",
  "ports",
  "targets",
  "type",
  "group",
] as const
type PlainField = (typeof plainFields)[number]

/** Ingesters number process groups; nobody else tells of them. */
const fileKinds: ReadonlyArray<ResourceKind> = resourceKinds.filter((kind) => kind !== "gprocess")

/** Tags with one of these in front keep their name; others get `biz.` in front. */
const fullNames = /^(biz\.|k8s\.label\.|k8s\.annotation\.|k8s\.env\.|cloud\.tag\.|os\.app\.|host\.)/

export const fileTagName = (name: string): string => (fullNames.test(name) ? name : `biz.${name}`)

const protocols: Readonly<Record<string, number>> = { any: 0, icmp: 1, tcp: 6, udp: 17, sctp: 132 }

const didYouMean = (word: string, words: ReadonlyArray<string>): string => {
  const near = closest(word, words)
  return near === undefined ? `expected one of ${words.join(", ")}` : `did you mean ${near}?`
}

class RowReader {
  readonly #row: FileRow

  constructor(row: FileRow) {
    this.#row = row
  }

  get line(): number {
    return this.#row.line
  }

  one(name: PlainField): string | undefined {
    const field = this.#row.fields.get(name)
    if (field === undefined) return undefined
    if (field.values.length !== 1) throw fault(field.line, `${name} should be one text, not a list`)
    return this.text(field.values[0]!, field.line, name, fileLimits.nameChars)
  }

  text(text: string, line: number, what: string, most: number): string {
    if (text.length <= most) return text
    throw fault(line, `${what} is ${text.length} characters long, at most ${most} are allowed`)
  }

  list<Item>(
    name: PlainField,
    expected: string,
    read: (text: string) => Item | undefined,
  ): ReadonlyArray<Item> {
    const field = this.#row.fields.get(name)
    if (field === undefined) return []
    if (field.values.length > fileLimits.listItems) {
      throw fault(
        field.line,
        `${name} has ${field.values.length} items, at most ${fileLimits.listItems} are allowed`,
      )
    }
    return field.values.map((text) => {
      const item = read(text)
      if (item === undefined) throw fault(field.line, `${name}: expected ${expected}, found ${shown(text)}`)
      return item
    })
  }

  /** Fields whose names start so, by the rest of the name. */
  withPrefix(prefix: string): ReadonlyArray<[name: string, field: Field]> {
    const found: Array<[string, Field]> = []
    for (const [name, field] of this.#row.fields) {
      if (name.startsWith(prefix)) found.push([name.slice(prefix.length), field])
    }
    return found
  }

  checkNames(): void {
    for (const [name, { line }] of this.#row.fields) {
      if ((plainFields as ReadonlyArray<string>).includes(name) || /^(parent|tag):./.test(name)) continue
      throw fault(
        line,
        `${shown(name)} is not known; ${didYouMean(name, [...plainFields, "parent:KIND", "tag:NAME"])}`,
      )
    }
  }

  kind(): ResourceKind {
    const text = this.one("kind")
    if (text === undefined) throw fault(this.line, `kind is missing; expected one of ${fileKinds.join(", ")}`)
    if (!isResourceKind(text) || !fileKinds.includes(text)) {
      throw fault(this.line, `kind: ${shown(text)} is not known; ${didYouMean(text, fileKinds)}`)
    }
    return text
  }

  parents(child: ResourceKind): ReadonlyArray<SourceRef> {
    return this.withPrefix("parent:").flatMap(([kind, { line, values }]) => {
      if (!isResourceKind(kind))
        throw fault(line, `parent:${kind}: ${didYouMean(kind, possibleParents(child))}`)
      if (!canBelongTo(child, kind)) {
        const allowed = possibleParents(child)
        throw fault(
          line,
          `${child} cannot belong to ${kind}: parents would form a cycle; ` +
            (allowed.length === 0 ? "it belongs to nothing" : `it may belong to ${allowed.join(", ")}`),
        )
      }
      if (values.length > 1 && kind !== "biz_service")
        throw fault(line, `parent:${kind}: at most one, found ${values.length}`)
      return values.map((value) =>
        reference(kind, this.text(value, line, `parent:${kind}`, fileLimits.nameChars)),
      )
    })
  }

  tags(): Readonly<Record<string, string>> {
    const fields = this.withPrefix("tag:")
    if (fields.length > fileLimits.tagsOfOne) {
      throw fault(this.line, `has ${fields.length} tags, at most ${fileLimits.tagsOfOne} are allowed`)
    }
    const tags = fields.map(([name, { line, values }]): [string, string] => {
      if (values.length !== 1) throw fault(line, `tag ${shown(name)} should be one text, not a list`)
      this.text(name, line, "the name of a tag", fileLimits.nameChars)
      return [fileTagName(name), this.text(values[0]!, line, `tag ${shown(name)}`, fileLimits.valueChars)]
    })
    const group = this.one("group")
    return Object.fromEntries(group === undefined ? tags : [...tags, ["biz_service.group", group]])
  }
}

/** "domain|uid", or a uid or name. */
const reference = (kind: ResourceKind, text: string): SourceRef => {
  const bar = text.indexOf("|")
  return bar < 0
    ? { kind, by: "name", value: text }
    : { kind, by: "uid", domain: text.slice(0, bar), value: text.slice(bar + 1) }
}

/** "pod_group/checkout", "chost/machines|4f2a". */
const target = (text: string): SourceRef | undefined => {
  const slash = text.indexOf("/")
  const kind = text.slice(0, Math.max(0, slash))
  const rest = text.slice(slash + 1)
  return isResourceKind(kind) && kind !== "biz_service" && kind !== "gprocess" && rest !== ""
    ? reference(kind, rest)
    : undefined
}

/** "tcp/8080", "udp/53", "tcp/any", "8080" (TCP). */
const port = (text: string) => {
  const [first = "", second, ...more] = text.toLowerCase().split("/")
  const protocol = second === undefined ? 6 : protocols[first]
  const number = second ?? first
  if (more.length > 0 || protocol === undefined) return undefined
  if (number === "any") return { protocol, port: 0 }
  return /^\d{1,5}$/.test(number) && Number(number) <= 65_535 ? { protocol, port: Number(number) } : undefined
}

const annotationOf = (reader: RowReader, kind: ResourceKind, match: string): Annotation => {
  const value =
    match === "ip"
      ? reader.list("ips", "an address", canonicalIp)[0]
      : match === "name" || match === "uid"
        ? reader.one(match)
        : undefined
  if (match !== "ip" && match !== "name" && match !== "uid") {
    throw fault(reader.line, `match: expected name, ip or uid, found ${shown(match)}`)
  }
  if (value === undefined)
    throw fault(reader.line, `match is ${match}, but ${match === "ip" ? "ips" : match} is missing`)
  return {
    target: match === "ip" ? { kind, by: "ip", value } : reference(kind, value),
    parents: reader.parents(kind),
    tags: reader.tags(),
  }
}

const recordOf = (reader: RowReader, kind: ResourceKind): SourceRecord => {
  const name = reader.one("name")
  const uid = reader.one("uid") ?? name
  if (uid === undefined) throw fault(reader.line, "name is missing")
  const type = reader.one("type")
  if (type !== undefined && !Object.hasOwn(podGroupTypes, type)) {
    throw fault(
      reader.line,
      `type: ${shown(type)} is not known; ${didYouMean(type, Object.keys(podGroupTypes))}`,
    )
  }
  return {
    kind,
    uid,
    name: name ?? uid,
    parents: reader.parents(kind),
    ips: reader.list("ips", "an address", canonicalIp),
    macs: reader.list("macs", "a hardware address", canonicalMac),
    cidrs: reader.list("cidrs", "a range like 10.0.0.0/8", canonicalRange),
    agents: reader.list("agents", "the id of an agent", (text) => text || undefined),
    ports: reader.list("ports", "tcp/8080, udp/53 or 8080", port),
    targets: reader.list("targets", "KIND/NAME of what the service consists of", target),
    subtype: type === undefined ? 0 : podGroupTypes[type]!,
    tags: reader.tags(),
  }
}

/** All or nothing: half of an inventory would delete the other half. */
export const fileResources = (rows: ReadonlyArray<FileRow>): FileResources | FileFault => {
  const records: Array<SourceRecord> = []
  const annotations: Array<Annotation> = []
  const lines = new Map<string, number>()
  try {
    for (const row of rows) {
      const reader = new RowReader(row)
      reader.checkNames()
      const kind = reader.kind()
      const match = reader.one("match")
      if (match !== undefined) {
        annotations.push(annotationOf(reader, kind, match))
        continue
      }
      const record = recordOf(reader, kind)
      const key = `${kind} ${record.uid}`
      const before = lines.get(key)
      if (before !== undefined) {
        throw fault(
          row.line,
          `${kind} ${shown(record.uid)} stands there already, in line ${before}; give them different uids`,
        )
      }
      lines.set(key, row.line)
      records.push(record)
    }
  } catch (cause) {
    if (cause instanceof FileFault) return cause
    throw cause
  }
  return { records, annotations }
}
