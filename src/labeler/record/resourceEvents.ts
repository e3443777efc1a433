// What happened to resources, for people: from the records before and after. Names of events are DeepFlow's.

import type { ResourceKind } from "../../tags/ResourceKind.ts"
import type { ResourceRecord } from "../../tags/ResourceRecord.ts"
import { type RecordChange, sameTags } from "./recordChanges.ts"
import type { PlanResult } from "./Recorder.ts"

export type ResourceEventType =
  | "create"
  | "delete"
  | "modify"
  | "migrate"
  | "recreate"
  | "add-ip"
  | "remove-ip"
  | "update-state"

export interface ResourceEvent {
  readonly type: ResourceEventType
  readonly timeMs: number
  /** As it is after the event. */
  readonly record: ResourceRecord
  /** One line. */
  readonly description: string
  /** Addresses that came or went; else none. */
  readonly ips: ReadonlyArray<string>
}

/** Where something runs: a change of it is a migration. */
const runsOn: Readonly<Partial<Record<ResourceKind, ResourceKind>>> = { pod: "pod_node", chost: "host" }

const parentId = (record: ResourceRecord, kind: ResourceKind): number =>
  record.parents.find((parent) => parent.kind === kind)?.id ?? 0

const missing = (from: ReadonlyArray<string>, to: ReadonlyArray<string>): ReadonlyArray<string> =>
  from.filter((one) => !to.includes(one))

const tagsShown = 8

const tagChanges = (before: ResourceRecord["tags"], after: ResourceRecord["tags"]): string => {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => before[name] !== after[name])
    .sort()
  const shown = names.slice(0, tagsShown).map((name) => {
    const from = before[name]
    const to = after[name]
    return to === undefined ? `-${name}` : from === undefined ? `+${name}=${to}` : `${name}: ${from} -> ${to}`
  })
  if (names.length > tagsShown) shown.push(`and ${names.length - tagsShown} more`)
  return shown.join(", ")
}

const nameOf = (
  names: (kind: ResourceKind, id: number) => string | undefined,
  kind: ResourceKind,
  id: number,
) => (id === 0 ? "nothing" : (names(kind, id) ?? `${kind} ${id}`))

const eventsOfChange = (
  { before, after }: RecordChange,
  names: (kind: ResourceKind, id: number) => string | undefined,
): ReadonlyArray<ResourceEvent> => {
  const event = (
    type: ResourceEventType,
    description: string,
    ips: ReadonlyArray<string> = [],
  ): ResourceEvent => ({ type, timeMs: after.changedMs, record: after, description, ips })
  const what = `${after.kind} ${after.name}`
  if (before === undefined) return [event("create", `${what} appeared`, after.ips)]
  if (after.isDeleted) return [event("delete", `${what} is gone`, before.ips)]
  const events: Array<ResourceEvent> = []
  const place = runsOn[after.kind]
  if (place !== undefined && parentId(before, place) !== parentId(after, place)) {
    const from = nameOf(names, place, parentId(before, place))
    const to = nameOf(names, place, parentId(after, place))
    events.push(event("migrate", `${what} moved from ${from} to ${to}`))
  }
  const added = missing(after.ips, before.ips)
  const removed = missing(before.ips, after.ips)
  if (added.length > 0) events.push(event("add-ip", `${what} got ${added.join(", ")}`, added))
  if (removed.length > 0) events.push(event("remove-ip", `${what} lost ${removed.join(", ")}`, removed))
  const hasNewContainers =
    before.containers.length > 0 && missing(after.containers, before.containers).length > 0
  if (hasNewContainers) events.push(event("recreate", `${what} has new containers`))
  const changed: Array<string> = []
  if (before.name !== after.name) changed.push(`name: ${before.name} -> ${after.name}`)
  if (!sameTags(before.tags, after.tags)) changed.push(tagChanges(before.tags, after.tags))
  if (changed.length > 0) events.push(event("modify", `${what} changed: ${changed.join(", ")}`))
  return events
}

/** `isKnown`: false for a domain that is told of for the first time ever, whose resources are no news. */
export const resourceEvents = (
  { changes, states }: PlanResult,
  isKnown: (domain: string) => boolean,
  names: (kind: ResourceKind, id: number) => string | undefined,
  nowMs: number,
): ReadonlyArray<ResourceEvent> => [
  ...changes
    .filter(({ before, after }) => before !== undefined || isKnown(after.domain))
    .flatMap((change) => eventsOfChange(change, names)),
  ...states.map(({ from, record, to }) => ({
    type: "update-state" as const,
    timeMs: nowMs,
    record,
    description: `${record.kind} ${record.name}: ${from} -> ${to}`,
    ips: [],
  })),
]
