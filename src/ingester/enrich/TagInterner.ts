// Gives each distinct vector of tags its resource id, each distinct set of custom tags its set id, each process group its id.
// What is new waits here, without an id, until it has been stored (Enricher.ts): an id in a row always has a meaning.
// Kept in memory are 16-byte hashes, not the tags themselves.

import { createHash } from "node:crypto"
import { AutoType } from "../../tags/ResourceKind.ts"
import type { ResourceRecord } from "../../tags/ResourceRecord.ts"
import { type TagVector, vectorKey } from "../../tags/TagVector.ts"
import { type ResolvedSide, resolveRecord, resolveSide, type SideQuery } from "./resolveSide.ts"
import type { ResourceIndex } from "./ResourceIndex.ts"

/** A vector on its way to an id, or with one. */
export interface ResourceEntry {
  /** 0 until it is stored. */
  id: number
  readonly hash: string
  /** `auto_service` has a name; else the row's address stands for it. */
  readonly isNamed: boolean
  /** Day since 1970 on which it was last stored as used. */
  usedDay: number
}

export interface NewResource {
  readonly entry: ResourceEntry
  readonly vector: TagVector
  /** Set before the resource gets its id. */
  readonly tagSet: TagSetEntry | undefined
  readonly processGroup: ProcessGroupEntry | undefined
}

export interface TagSetEntry {
  id: number
  readonly hash: string
  readonly tags: ReadonlyMap<string, string>
}

export interface ProcessGroupEntry {
  id: number
  /** What tells it apart: scope, name and kernel's name. */
  readonly uid: string
  readonly name: string
  /** What it runs on or in. */
  readonly owner: ResourceRecord | undefined
}

export interface InternerLimits {
  /** Vectors known at the same time; what goes beyond has no tags. */
  readonly resources: number
  /** Process groups of one machine or pod; the names beyond share one group. */
  readonly groupsOfScope: number
}

const defaultLimits: InternerLimits = { resources: 500_000, groupsOfScope: 4_096 }

/** Name of the group that takes the processes there is no room for: who starts programs of ever new names. */
const otherProcesses = "other processes"

/** 32 hex digits. Not a matter of security: only of telling tags apart. */
export const hashOf = (text: string): string => createHash("md5").update(text).digest("hex")

const tagSetKey = (tags: ReadonlyMap<string, string>): string =>
  [...tags]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}\u0000${value}`)
    .join("\u0001")

export class TagInterner {
  readonly #resources = new Map<string, ResourceEntry>()
  readonly #tagSets = new Map<string, TagSetEntry>()
  readonly #processGroups = new Map<string, ProcessGroupEntry>()
  #newResources: Array<NewResource> = []
  readonly #limits: InternerLimits
  readonly #groupsOfScope = new Map<string, number>()
  /** Process groups and vectors that there was no room for. */
  readonly refused = { groups: 0, resources: 0 }

  constructor(limits: InternerLimits = defaultLimits) {
    this.#limits = limits
  }

  /** What was stored before this server started. */
  loadResource(hash: string, id: number, isNamed: boolean, usedDay: number): void {
    this.#resources.set(hash, { id, hash, isNamed, usedDay })
  }

  loadTagSet(hash: string, id: number): void {
    this.#tagSets.set(hash, { id, hash, tags: new Map() })
  }

  loadProcessGroup(uid: string, id: number, name: string): void {
    this.#processGroups.set(uid, { id, uid, name, owner: undefined })
  }

  get size(): number {
    return this.#resources.size
  }

  get waiting(): number {
    return this.#newResources.length
  }

  /** Resolves a side; the entry's id is 0 as long as it is not stored. */
  intern(
    index: ResourceIndex,
    query: SideQuery,
  ): { readonly entry: ResourceEntry; readonly tagSource: number } {
    let processGroup: ProcessGroupEntry | undefined
    const side = resolveSide(index, query, (scope, name, kname, owner) => {
      processGroup = this.#processGroup(scope, kname, name, owner)
      // Any number tells that there is one; the real one follows before it is stored.
      return { id: processGroup.id === 0 ? -1 : processGroup.id, name: processGroup.name }
    })
    return { entry: this.#resource(side, processGroup), tagSource: side.tagSource }
  }

  /** The same for a resource itself. */
  internRecord(index: ResourceIndex, record: ResourceRecord): ResourceEntry {
    return this.#resource(resolveRecord(index, record), undefined)
  }

  #processGroup(
    scope: string,
    kname: string,
    name: string,
    owner: ResourceRecord | undefined,
  ): ProcessGroupEntry {
    const uid = `${scope} ${kname} ${name}`
    const known = this.#processGroups.get(uid)
    if (known !== undefined) return known
    const groups = this.#groupsOfScope.get(scope) ?? 0
    if (groups >= this.#limits.groupsOfScope && name !== otherProcesses) {
      this.refused.groups++
      return this.#processGroup(scope, "", otherProcesses, owner)
    }
    this.#groupsOfScope.set(scope, groups + 1)
    const group: ProcessGroupEntry = { id: 0, uid, name, owner }
    this.#processGroups.set(uid, group)
    return group
  }

  #tagSet(tags: ReadonlyMap<string, string>): TagSetEntry | undefined {
    if (tags.size === 0) return undefined
    const hash = hashOf(tagSetKey(tags))
    const known = this.#tagSets.get(hash)
    if (known !== undefined) return known
    const set: TagSetEntry = { id: 0, hash, tags: new Map(tags) }
    this.#tagSets.set(hash, set)
    return set
  }

  #resource({ tags, vector }: ResolvedSide, processGroup: ProcessGroupEntry | undefined): ResourceEntry {
    const tagSet = this.#tagSet(tags)
    // The group's number may not be there yet, its name and owner are: two vectors that differ in it differ in its uid.
    const key = `${vectorKey({ ...vector, ...withoutGroup(vector) })}${processGroup?.uid ?? ""}\u0001${tagSet?.hash ?? ""}`
    const hash = hashOf(key)
    const known = this.#resources.get(hash)
    if (known !== undefined) return known
    if (this.#resources.size >= this.#limits.resources) {
      this.refused.resources++
      return { id: 0, hash, isNamed: false, usedDay: 0 }
    }
    const entry: ResourceEntry = { id: 0, hash, isNamed: vector.auto_service !== "", usedDay: 0 }
    this.#resources.set(hash, entry)
    this.#newResources.push({ entry, vector, tagSet, processGroup })
    return entry
  }

  /**
   * Forgets what was last used before a day: its meaning expires in the database, and whoever needs it again gets another id.
   * True when anything was forgotten.
   */
  forget(beforeDay: number): boolean {
    const sizeBefore = this.#resources.size
    for (const [hash, { id, usedDay }] of this.#resources)
      if (id !== 0 && usedDay < beforeDay) this.#resources.delete(hash)
    const isChanged = this.#resources.size < sizeBefore
    // A set may have been used by none but these.
    if (isChanged) this.#tagSets.clear()
    return isChanged
  }

  /** What has no id yet, for whoever stores it; each is handed out once, or given back. */
  takeNew(): ReadonlyArray<NewResource> {
    const taken = this.#newResources
    this.#newResources = []
    return taken
  }

  giveBack(resources: ReadonlyArray<NewResource>): void {
    this.#newResources = [...resources, ...this.#newResources]
  }
}

/** The number of the process group where it stands in a vector. */
const withoutGroup = (vector: TagVector): Partial<TagVector> => ({
  gprocess_id: 0,
  ...(vector.auto_instance_type === AutoType.process ? { auto_instance_id: 0 } : {}),
  ...(vector.auto_service_type === AutoType.process ? { auto_service_id: 0 } : {}),
})

/** Puts the group's number, once it has one, where it belongs. */
export const withGroup = ({ processGroup, tagSet, vector }: NewResource): TagVector => ({
  ...vector,
  tag_set_id: tagSet?.id ?? 0,
  ...(processGroup === undefined ? {} : { gprocess_id: processGroup.id }),
  ...(processGroup !== undefined && vector.auto_instance_type === AutoType.process
    ? { auto_instance_id: processGroup.id }
    : {}),
  ...(processGroup !== undefined && vector.auto_service_type === AutoType.process
    ? { auto_service_id: processGroup.id }
    : {}),
})
