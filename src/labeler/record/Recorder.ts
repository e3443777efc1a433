// The memory of resources: takes what sources tell, gives numbers, and says which records changed. What changed stays pending
// until it is published, newest state only. Process groups are not its business: ingesters number them.

import type { ResourceKind } from "../../tags/ResourceKind.ts"
import type { ResourceRecord, ResourceRef } from "../../tags/ResourceRecord.ts"
import type { SourceUpdate } from "../source/ResourceSource.ts"
import { type ClipCounts, defaultLimits, RecordCleaner, type RecordLimits } from "./cleanRecord.ts"
import { DomainState, identity, recordKey } from "./DomainState.ts"
import { inSteps } from "./inSteps.ts"
import { mergeDomains } from "./mergeDomains.ts"
import { changeOf, type RecordChange } from "./recordChanges.ts"
import type { Node } from "./ResourceGraph.ts"
import { ResourceIds } from "./ResourceIds.ts"

/** What the store knew at the start. */
export interface StoredRecords {
  readonly live: ReadonlyArray<ResourceRecord>
  /** Identities and numbers of deleted ones, the longest gone first; may be cut. */
  readonly gone: ReadonlyArray<Pick<ResourceRecord, "kind" | "id" | "domain" | "uid">>
  /** Highest number by kind, deleted ones included. */
  readonly lastIds: ReadonlyMap<ResourceKind, number>
  readonly revision: number
}

export interface PlanResult {
  readonly changes: ReadonlyArray<RecordChange>
  /** Changes of what sources call the state of a resource. */
  readonly states: ReadonlyArray<{
    readonly record: ResourceRecord
    readonly from: string
    readonly to: string
  }>
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const compareRefs = (a: ResourceRef, b: ResourceRef): number => compare(a.kind, b.kind) || a.id - b.id

export class Recorder {
  /** References of the last plan that named nothing, or not one resource. */
  unresolved = 0
  /** Records left out of the last plan because there were too many. */
  leftOut = 0
  readonly #limits: RecordLimits
  readonly #cleaner: RecordCleaner
  readonly #domains: ReadonlyMap<string, DomainState>
  readonly #ids = new ResourceIds()
  /** As they should stand in the store, by identity. */
  readonly #live = new Map<string, ResourceRecord>()
  /** Identities of live ones by kind and number. */
  readonly #byNumber = new Map<string, string>()
  readonly #pending = new Map<string, ResourceRecord>()
  readonly #states = new Map<string, string>()
  #revision: number

  constructor(stored: StoredRecords, domains: ReadonlyArray<string>, limits: RecordLimits = defaultLimits) {
    this.#limits = limits
    this.#cleaner = new RecordCleaner(limits)
    this.#domains = new Map(domains.map((domain) => [domain, new DomainState(domain)]))
    this.#revision = stored.revision
    for (const [kind, id] of stored.lastIds) this.#ids.taken(kind, id)
    for (const { domain, kind, uid, id } of stored.gone) this.#ids.gone(identity(domain, kind, uid), id)
    for (const record of stored.live) {
      const key = identity(record.domain, record.kind, record.uid)
      this.#live.set(key, record)
      this.#byNumber.set(`${record.kind} ${record.id}`, key)
      this.#ids.taken(record.kind, record.id)
    }
  }

  get clips(): Readonly<ClipCounts> {
    return this.#cleaner.counts
  }

  get revision(): number {
    return this.#revision
  }

  get live(): ReadonlyMap<string, ResourceRecord> {
    return this.#live
  }

  get pending(): ReadonlyMap<string, ResourceRecord> {
    return this.#pending
  }

  nameOf(kind: ResourceKind, id: number): string | undefined {
    return this.#live.get(this.#byNumber.get(`${kind} ${id}`) ?? "")?.name
  }

  recordsOf(domain: string): number {
    return this.#domains.get(domain)?.records.size ?? 0
  }

  /** Takes in what a source tells; yields now and then. */
  *apply(domain: string, update: Exclude<SourceUpdate, { type: "problem" }>): Generator<void, void> {
    const state = this.#domains.get(domain)
    if (state !== undefined) yield* state.apply(update, this.#cleaner)
  }

  /** Brings the records up to what sources have told. Yields now and then; nothing may be applied in between. */
  *plan(nowMs: number): Generator<void, PlanResult> {
    const { graph, leftOut } = yield* mergeDomains({
      domains: [...this.#domains.values()],
      frozen: yield* this.#frozen(),
      identityOf: (kind, id) => this.#byNumber.get(`${kind} ${id}`),
      most: this.#limits.records,
    })
    this.unresolved = graph.unresolved
    this.leftOut = leftOut
    const idOf = yield* this.#giveIds(graph.nodes.values())
    const changes: Array<RecordChange> = []
    const states: Array<PlanResult["states"][number]> = []
    yield* inSteps(graph.nodes.values(), (node) => {
      const after = node.stored === undefined ? recordOf(node, idOf) : withTargets(node, idOf)
      const change = changeOf(this.#live.get(node.key), { ...after, changedMs: nowMs })
      if (change !== undefined) changes.push(change)
      const state = this.#changedState(node, after)
      if (state !== undefined) states.push(state)
    })
    yield* inSteps(this.#live, ([key, before]) => {
      if (graph.nodes.has(key)) return
      changes.push({ before, after: { ...before, isDeleted: true, changedMs: nowMs } })
      this.#states.delete(key)
    })
    for (const change of changes) this.#keep(change)
    return { changes, states }
  }

  *#frozen(): Generator<void, ReadonlyArray<ResourceRecord>> {
    const frozen: Array<ResourceRecord> = []
    if ([...this.#domains.values()].every(({ isWhole }) => isWhole)) return frozen
    yield* inSteps(this.#live.values(), (record) => {
      const state = this.#domains.get(record.domain)
      if (state === undefined || state.isWhole) return
      const key = recordKey(record)
      if (!state.records.has(key) && !state.removed.has(key)) frozen.push(record)
    })
    return frozen
  }

  /** New ones in the order of their identities, so that numbers do not depend on the order of telling. */
  *#giveIds(nodes: Iterable<Node>): Generator<void, (node: Node) => number> {
    const given = new Map<Node, number>()
    const newcomers: Array<Node> = []
    yield* inSteps(nodes, (node) => {
      const known = this.#live.get(node.key)
      if (known === undefined) newcomers.push(node)
      else given.set(node, known.id)
    })
    newcomers.sort((a, b) => compare(a.key, b.key))
    yield* inSteps(newcomers, (node) => given.set(node, this.#ids.give(node.record.kind, node.key)))
    return (node) => given.get(node)!
  }

  #changedState(node: Node, record: ResourceRecord): PlanResult["states"][number] | undefined {
    const to = node.record.state
    if (to === "") return undefined
    const from = this.#states.get(node.key)
    this.#states.set(node.key, to)
    return from === undefined || from === to ? undefined : { record, from, to }
  }

  #keep({ after }: RecordChange): void {
    const key = identity(after.domain, after.kind, after.uid)
    if (after.isDeleted) {
      this.#live.delete(key)
      this.#byNumber.delete(`${after.kind} ${after.id}`)
      this.#ids.gone(key, after.id)
    } else {
      this.#live.set(key, after)
      this.#byNumber.set(`${after.kind} ${after.id}`, key)
    }
    this.#pending.set(key, after)
  }

  /** The first pending records with new revisions; the same record may be taken again until it is `published`. */
  take(most: number): ReadonlyArray<ResourceRecord> {
    const taken: Array<ResourceRecord> = []
    for (const [key, record] of this.#pending) {
      if (taken.length >= most) break
      const revised = { ...record, revision: ++this.#revision }
      taken.push(revised)
      this.#pending.set(key, revised)
      if (!record.isDeleted) this.#live.set(key, revised)
    }
    return taken
  }

  /** They are stored. What changed again meanwhile stays pending. */
  published(records: ReadonlyArray<ResourceRecord>): void {
    for (const record of records) {
      const key = identity(record.domain, record.kind, record.uid)
      if (this.#pending.get(key) === record) this.#pending.delete(key)
    }
  }
}

/** In one order, so that equal sets are equal lists. */
const recordOf = (node: Node, idOf: (node: Node) => number): ResourceRecord => ({
  kind: node.record.kind,
  id: idOf(node),
  domain: node.domain,
  uid: node.record.uid,
  name: node.record.name,
  parents: [...node.parents].map(([kind, parent]) => ({ kind, id: idOf(parent) })).sort(compareRefs),
  ips: node.ips,
  macs: node.macs,
  cidrs: node.record.cidrs,
  containers: node.record.containers,
  agents: node.agents,
  ports: node.record.ports,
  targets: [...node.targets]
    .map((target) => ({ kind: target.record.kind, id: idOf(target) }))
    .sort(compareRefs),
  subtype: node.record.subtype,
  tags: node.tags,
  isDeleted: false,
  changedMs: 0,
  revision: 0,
})

/** A stored one whose source has not spoken yet stays as it is, save for targets that others add. */
const withTargets = (node: Node, idOf: (node: Node) => number): ResourceRecord => {
  const stored = node.stored!
  const added = [...node.targets]
    .map((target) => ({ kind: target.record.kind, id: idOf(target) }))
    .filter(({ kind, id }) => !stored.targets.some((target) => target.kind === kind && target.id === id))
  return added.length === 0 ? stored : { ...stored, targets: [...stored.targets, ...added].sort(compareRefs) }
}
