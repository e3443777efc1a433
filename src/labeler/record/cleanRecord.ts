// Brings what a source says into bounds and into one form: sizes clipped, addresses canonical, lists sorted and without
// repetition, so that equal resources are equal values. Everything given up is counted.

import { ipText } from "../../model/ipText.ts"
import { parseIp, parseRange } from "../../tags/ipAddress.ts"
import type { ServicePort } from "../../tags/ResourceRecord.ts"
import type { Annotation, SourceRecord, SourceRef } from "../source/ResourceSource.ts"
import { canBelongTo } from "./containment.ts"

export interface RecordLimits {
  /** Resources of all domains together; further ones are left out. */
  readonly records: number
  readonly tagsOfOne: number
  /** Addresses, containers, ports, targets of one resource. */
  readonly listItems: number
  readonly nameChars: number
  readonly valueChars: number
  readonly uidChars: number
}

export const defaultLimits: RecordLimits = {
  records: 500_000,
  tagsOfOne: 512,
  listItems: 4_096,
  nameChars: 256,
  valueChars: 1_024,
  uidChars: 512,
}

/** What was given up, by reason. Grow only. */
export interface ClipCounts {
  records: number
  names: number
  values: number
  tags: number
  listItems: number
  invalid: number
}

export const noClips = (): ClipCounts => ({
  records: 0,
  names: 0,
  values: 0,
  tags: 0,
  listItems: 0,
  invalid: 0,
})

export type CleanRecord = Required<SourceRecord>
export type CleanAnnotation = Required<Annotation>

export class RecordCleaner {
  readonly counts = noClips()
  readonly #limits: RecordLimits

  constructor(limits: RecordLimits = defaultLimits) {
    this.#limits = limits
  }

  /** Undefined: it cannot be kept at all. */
  record(source: SourceRecord): CleanRecord | undefined {
    const { uidChars, nameChars } = this.#limits
    const uid = source.uid.toWellFormed()
    if (uid === "" || uid.length > uidChars || uid.includes("\0")) {
      this.counts.records++
      return undefined
    }
    return {
      kind: source.kind,
      uid,
      name: this.#text(source.name === "" ? uid : source.name, nameChars, "names"),
      parents: this.#parents(source.kind, source.parents ?? []),
      ips: this.#list(source.ips, canonicalIp),
      macs: this.#list(source.macs, canonicalMac),
      cidrs: this.#list(source.cidrs, canonicalRange),
      containers: this.#list(source.containers, canonicalContainer),
      agents: this.#list(source.agents, (text) => this.#text(text, nameChars, "names")),
      ports: this.#ports(source.ports ?? []),
      targets: this.#targets(source.targets ?? []),
      subtype: source.subtype ?? 0,
      tags: this.#tags(source.tags ?? {}),
      state: this.#text(source.state ?? "", nameChars, "names"),
      joins: source.joins ?? false,
    }
  }

  annotation(source: Annotation): CleanAnnotation {
    return {
      target: source.target,
      parents: this.#parents(source.target.kind, source.parents ?? []),
      tags: this.#tags(source.tags ?? {}),
    }
  }

  #text(text: string, most: number, counter: "names" | "values"): string {
    // Control characters, NUL among them, separate fields elsewhere.
    // oxlint-disable-next-line no-control-regex
    const clean = text.toWellFormed().replace(counter === "names" ? /[\0-\x1f\x7f]/g : /\0/g, " ")
    if (clean.length <= most) return clean
    this.counts[counter]++
    return clean.slice(0, most).toWellFormed()
  }

  #list(
    texts: ReadonlyArray<string> | undefined,
    canonical: (text: string) => string | undefined,
  ): ReadonlyArray<string> {
    if (texts === undefined || texts.length === 0) return []
    const found = new Set<string>()
    for (const text of texts) {
      const one = canonical(text)
      if (one === undefined) this.counts.invalid++
      else if (found.size >= this.#limits.listItems) this.counts.listItems++
      else found.add(one)
    }
    return [...found].sort()
  }

  #ports(ports: ReadonlyArray<ServicePort>): ReadonlyArray<ServicePort> {
    const found = new Map<number, ServicePort>()
    for (const { protocol, port } of ports) {
      const isValid =
        Number.isInteger(port) && port >= 0 && port <= 65_535 && Number.isInteger(protocol) && protocol >= 0
      if (!isValid || protocol > 255) this.counts.invalid++
      else if (found.size >= this.#limits.listItems) this.counts.listItems++
      else found.set(protocol * 65_536 + port, { protocol, port })
    }
    return [...found].sort(([a], [b]) => a - b).map(([, port]) => port)
  }

  #parents(kind: SourceRecord["kind"], parents: ReadonlyArray<SourceRef>): ReadonlyArray<SourceRef> {
    return parents.filter((parent) => {
      if (canBelongTo(kind, parent.kind)) return true
      this.counts.invalid++
      return false
    })
  }

  #targets(targets: ReadonlyArray<SourceRef>): ReadonlyArray<SourceRef> {
    const allowed = targets.filter((target) => target.kind !== "biz_service")
    this.counts.invalid += targets.length - allowed.length
    this.counts.listItems += Math.max(0, allowed.length - this.#limits.listItems)
    return allowed.slice(0, this.#limits.listItems)
  }

  #tags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const names = Object.keys(tags).sort()
    this.counts.tags += Math.max(0, names.length - this.#limits.tagsOfOne)
    const clean = new Map<string, string>()
    for (const name of names.slice(0, this.#limits.tagsOfOne)) {
      clean.set(
        this.#text(name, this.#limits.nameChars, "names"),
        this.#text(tags[name]!, this.#limits.valueChars, "values"),
      )
    }
    return Object.fromEntries(clean)
  }
}

export const canonicalIp = (text: string): string | undefined => {
  const ip = parseIp(text.trim())
  return ip === undefined ? undefined : ipText(ip)
}

export const canonicalMac = (text: string): string | undefined => {
  const digits = text.trim().toLowerCase().replaceAll(/[:.-]/g, "")
  if (!/^[0-9a-f]{12}$/.test(digits) || digits === "000000000000" || digits === "ffffffffffff")
    return undefined
  return digits.match(/../g)!.join(":")
}

export const canonicalRange = (text: string): string | undefined => {
  const trimmed = text.trim()
  if (parseRange(trimmed) === undefined) return undefined
  const [address = "", bits] = trimmed.split("/")
  const base = canonicalIp(address)
  return base === undefined || bits === undefined ? base : `${base}/${Number(bits)}`
}

const canonicalContainer = (text: string): string | undefined => {
  const id = text.trim().toLowerCase()
  return /^[0-9a-f]{12,64}$/.test(id) ? id : undefined
}
