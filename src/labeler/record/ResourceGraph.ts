// All resources of all domains as nodes that find each other by uid, name and address. Nodes are what sources told, or, until a
// source has spoken, what was stored of it.

import type { ResourceKind } from "../../tags/ResourceKind.ts"
import type { ResourceRecord } from "../../tags/ResourceRecord.ts"
import type { SourceRef } from "../source/ResourceSource.ts"
import { canonicalIp, type CleanRecord } from "./cleanRecord.ts"
import { identity } from "./DomainState.ts"

export interface Node {
  readonly key: string
  readonly domain: string
  readonly record: CleanRecord
  /** As stored, and to stay so: the source has not spoken yet. */
  readonly stored: ResourceRecord | undefined
  /** Parents by kind; what they belong to included once the graph is linked. */
  parents: Map<ResourceKind, Node>
  targets: Set<Node>
  tags: Readonly<Record<string, string>>
  ips: ReadonlyArray<string>
  macs: ReadonlyArray<string>
  agents: ReadonlyArray<string>
}

export const makeNode = (domain: string, record: CleanRecord, stored?: ResourceRecord): Node => ({
  key: identity(domain, record.kind, record.uid),
  domain,
  record,
  stored,
  parents: new Map(),
  targets: new Set(),
  tags: record.tags,
  ips: record.ips,
  macs: record.macs,
  agents: record.agents,
})

/** A stored resource in the form of a told one. Its parents and targets are numbers and stay with `stored`. */
export const storedNode = (stored: ResourceRecord): Node =>
  makeNode(stored.domain, { ...stored, parents: [], targets: [], state: "", joins: false }, stored)

const add = (map: Map<string, Array<Node>>, key: string, node: Node): void => {
  const nodes = map.get(key)
  if (nodes === undefined) map.set(key, [node])
  else if (nodes.at(-1) !== node) nodes.push(node)
}

const only = (nodes: ReadonlyArray<Node> | undefined): Node | undefined =>
  nodes?.length === 1 ? nodes[0] : undefined

export class ResourceGraph {
  /** In the order they came. */
  readonly nodes = new Map<string, Node>()
  /** References that name nothing, or more than one resource. */
  unresolved = 0
  readonly #aliases = new Map<string, Node>()
  readonly #byName = new Map<string, Array<Node>>()
  readonly #byIp = new Map<string, Array<Node>>()
  readonly #byMac = new Map<string, Array<Node>>()

  add(node: Node): void {
    const { kind, name } = node.record
    this.nodes.set(node.key, node)
    add(this.#byName, `${kind}\0${name}`, node)
    for (const ip of node.ips) add(this.#byIp, `${kind}\0${ip}`, node)
    for (const mac of node.macs) add(this.#byMac, `${kind}\0${mac}`, node)
  }

  /** `key` from now on names this node, too. */
  alias(key: string, node: Node): void {
    this.#aliases.set(key, node)
  }

  byKey(key: string): Node | undefined {
    return this.nodes.get(key) ?? this.#aliases.get(key)
  }

  byIp(kind: ResourceKind, ip: string): ReadonlyArray<Node> {
    return this.#byIp.get(`${kind}\0${ip}`) ?? []
  }

  byMac(kind: ResourceKind, mac: string): ReadonlyArray<Node> {
    return this.#byMac.get(`${kind}\0${mac}`) ?? []
  }

  byName(kind: ResourceKind, name: string): ReadonlyArray<Node> {
    return this.#byName.get(`${kind}\0${name}`) ?? []
  }

  /** Undefined, and counted, when it names nothing or is not clear. */
  resolve(ref: SourceRef, domain: string): Node | undefined {
    const found = this.#find(ref, domain)
    if (found === undefined) this.unresolved++
    return found
  }

  #find({ kind, by, value, domain }: SourceRef, own: string): Node | undefined {
    switch (by) {
      case "uid":
        return this.byKey(identity(domain ?? own, kind, value))
      case "ip":
        return only(this.#byIp.get(`${kind}\0${canonicalIp(value) ?? value}`))
      case "name": {
        const byUid = this.byKey(identity(domain ?? own, kind, value))
        if (byUid !== undefined) return byUid
        const named = this.#byName.get(`${kind}\0${value}`)
        if (named === undefined) return undefined
        const near = named.filter((node) => node.domain === (domain ?? own))
        return near.length > 0 || domain !== undefined ? only(near) : only(named)
      }
    }
  }
}
