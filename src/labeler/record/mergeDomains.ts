// Makes one picture of what all sources tell: resources that two sources tell of become one, annotations are added, references
// become links, and everybody belongs to what its parents belong to. Pure; yields now and then, so that the caller can
// let others run.

import { isLocalIp, parseIp } from "../../tags/ipAddress.ts"
import type { ResourceKind } from "../../tags/ResourceKind.ts"
import type { ResourceRecord } from "../../tags/ResourceRecord.ts"
import type { SourceRef } from "../source/ResourceSource.ts"
import { rankOf } from "./containment.ts"
import type { DomainState } from "./DomainState.ts"
import { inSteps } from "./inSteps.ts"
import { makeNode, type Node, ResourceGraph, storedNode } from "./ResourceGraph.ts"

const shortName = (name: string): string => name.split(".", 1)[0]!.toLowerCase()

/**
 * The resource of another domain that this one is: by hardware address, public address, or private address and host name; one
 * without addresses by its name.
 */
const sameResource = (graph: ResourceGraph, node: Node): Node | undefined => {
  const { kind, name } = node.record
  const others = (nodes: ReadonlyArray<Node>) => nodes.filter((other) => other.domain !== node.domain)
  for (const mac of node.macs) {
    const found = others(graph.byMac(kind, mac))
    if (found.length === 1) return found[0]
  }
  for (const ip of node.ips) {
    const bytes = parseIp(ip)
    if (bytes === undefined) continue
    const found = others(graph.byIp(kind, ip)).filter(
      (other) => !isLocalIp(bytes) || shortName(other.record.name) === shortName(name),
    )
    if (found.length === 1) return found[0]
  }
  if (node.macs.length > 0 || node.ips.length > 0) return undefined
  const named = others(graph.byName(kind, name))
  return named.length === 1 ? named[0] : undefined
}

const union = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): ReadonlyArray<string> =>
  b.length === 0 ? a : [...new Set([...a, ...b])].sort()

const join = (graph: ResourceGraph, node: Node): void => {
  const same = sameResource(graph, node)
  if (same === undefined) return graph.add(node)
  graph.alias(node.key, same)
  if (same.stored !== undefined) return
  same.ips = union(same.ips, node.ips)
  same.macs = union(same.macs, node.macs)
  same.agents = union(same.agents, node.agents)
  same.tags = { ...node.tags, ...same.tags }
}

const setParents = (
  graph: ResourceGraph,
  node: Node,
  parents: ReadonlyArray<SourceRef>,
  domain: string,
  replace = true,
): void => {
  for (const ref of parents) {
    const parent = graph.resolve(ref, domain)
    if (parent === undefined || parent === node) continue
    if (ref.kind === "biz_service") parent.targets.add(node)
    else if (node.stored === undefined && (replace || !node.parents.has(ref.kind))) {
      node.parents.set(ref.kind, parent)
    }
  }
}

const link = (graph: ResourceGraph, node: Node): void => {
  setParents(graph, node, node.record.parents, node.domain)
  for (const ref of node.record.targets) {
    const target = graph.resolve(ref, node.domain)
    if (target !== undefined) node.targets.add(target)
  }
}

/** One that has become part of another adds only what that one lacks. */
const linkJoined = (graph: ResourceGraph, node: Node): void => {
  const same = graph.byKey(node.key)
  if (same === node) return link(graph, node)
  if (same !== undefined) setParents(graph, same, node.record.parents, node.domain, false)
}

/** Adds what the parents belong to; the nearest one of a kind wins. Ranks fall from child to parent, so this ends. */
const inherit = (node: Node, done: Set<Node>): void => {
  if (done.has(node)) return
  done.add(node)
  const nearestFirst = [...node.parents.values()].sort(
    (a, b) => rankOf(b.record.kind) - rankOf(a.record.kind),
  )
  for (const parent of nearestFirst) {
    inherit(parent, done)
    for (const [kind, far] of parent.parents) if (!node.parents.has(kind)) node.parents.set(kind, far)
  }
  const chost = node.record.kind === "pod_node" ? node.parents.get("chost") : undefined
  if (chost !== undefined) node.agents = union(node.agents, chost.agents)
}

export interface MergeInput {
  readonly domains: ReadonlyArray<DomainState>
  /** Stored resources of domains that have not told all yet. */
  readonly frozen: ReadonlyArray<ResourceRecord>
  /** Identity of a stored resource by kind and number; undefined: unknown. */
  readonly identityOf: (kind: ResourceKind, id: number) => string | undefined
  /** Further resources are left out. */
  readonly most: number
}

export interface Merged {
  readonly graph: ResourceGraph
  readonly leftOut: number
}

/** Domains are taken in the order of their names, so that the result does not depend on who spoke first. */
export function* mergeDomains({ domains, frozen, identityOf, most }: MergeInput): Generator<void, Merged> {
  const graph = new ResourceGraph()
  const ordered = [...domains].sort((a, b) => (a.domain < b.domain ? -1 : 1))
  const plain: Array<Node> = []
  const joining: Array<Node> = []
  let leftOut = 0

  yield* inSteps(frozen, (record) => graph.add(storedNode(record)))
  for (const { domain, records } of ordered) {
    yield* inSteps(records.values(), (record) => {
      if (graph.nodes.size + joining.length >= most) {
        leftOut++
        return
      }
      const node = makeNode(domain, record)
      if (record.joins) return void joining.push(node)
      plain.push(node)
      graph.add(node)
    })
  }
  yield* inSteps(joining, (node) => join(graph, node))
  // Numbers of frozen ones become links, so that what belongs to them inherits all the same.
  yield* inSteps(graph.nodes.values(), (node) => {
    for (const { kind, id } of node.stored?.parents ?? []) {
      const parent = graph.byKey(identityOf(kind, id) ?? "")
      if (parent !== undefined) node.parents.set(kind, parent)
    }
  })
  yield* inSteps(plain, (node) => link(graph, node))
  yield* inSteps(joining, (node) => linkJoined(graph, node))
  for (const { domain, annotations } of ordered) {
    yield* inSteps(annotations, ({ target, parents, tags }) => {
      const node = graph.resolve(target, domain)
      if (node === undefined) return
      if (node.stored === undefined) node.tags = { ...node.tags, ...tags }
      setParents(graph, node, parents, domain)
    })
  }
  const done = new Set<Node>()
  yield* inSteps(graph.nodes.values(), (node) => inherit(node, done))
  return { graph, leftOut }
}
