// Compares resources as they are stored with how they should be. Applying the result to the one gives the other.

import type { ResourceRecord, ResourceRef, ServicePort } from "../../tags/ResourceRecord.ts"

export interface RecordChange {
  /** Undefined: new. */
  readonly before: ResourceRecord | undefined
  readonly after: ResourceRecord
}

const sameTexts = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean =>
  a === b || (a.length === b.length && a.every((text, at) => text === b[at]))

const sameRefs = (a: ReadonlyArray<ResourceRef>, b: ReadonlyArray<ResourceRef>): boolean =>
  a.length === b.length && a.every(({ kind, id }, at) => kind === b[at]!.kind && id === b[at]!.id)

const samePorts = (a: ReadonlyArray<ServicePort>, b: ReadonlyArray<ServicePort>): boolean =>
  a.length === b.length &&
  a.every(({ protocol, port }, at) => protocol === b[at]!.protocol && port === b[at]!.port)

export const sameTags = (a: ResourceRecord["tags"], b: ResourceRecord["tags"]): boolean => {
  if (a === b) return true
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && a[name] === b[name])
  )
}

/** All but revision and time of change. Lists are compared in order. */
export const sameContent = (a: ResourceRecord, b: ResourceRecord): boolean =>
  a.isDeleted === b.isDeleted &&
  a.id === b.id &&
  a.kind === b.kind &&
  a.domain === b.domain &&
  a.uid === b.uid &&
  a.name === b.name &&
  a.subtype === b.subtype &&
  sameRefs(a.parents, b.parents) &&
  sameTexts(a.ips, b.ips) &&
  sameTexts(a.macs, b.macs) &&
  sameTexts(a.cidrs, b.cidrs) &&
  sameTexts(a.containers, b.containers) &&
  sameTexts(a.agents, b.agents) &&
  samePorts(a.ports, b.ports) &&
  sameRefs(a.targets, b.targets) &&
  sameTags(a.tags, b.tags)

/** Undefined when nothing changed. */
export const changeOf = (
  before: ResourceRecord | undefined,
  after: ResourceRecord,
): RecordChange | undefined =>
  before !== undefined && sameContent(before, after) ? undefined : { before, after }
