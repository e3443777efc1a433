// A staged change as a state machine without clock or store: who is to have the new version, whether the stage has proved itself, and
// what comes next. Everything it needs to go on is in the record, so that any leader can.

import * as Schema from "effect/Schema"
import { LayerRef } from "../../wire/control/AdminRpc.ts"
import { agentsOf, completeStages, isAll } from "./stages.ts"
import { everyone } from "./stableHash.ts"

export const RolloutRules = Schema.Struct({
  /** How long a stage must go well after its agents have the new version. */
  quietMs: Schema.Number,
  /** How long the agents of a stage may take. */
  timeoutMs: Schema.Number,
  /** More than this share of a stage's agents with trouble stops it; one agent always may be too many. */
  troubledShareMost: Schema.Number,
  /** The same for agents that vanish, once they have been away for `lostMs`. */
  lostShareMost: Schema.Number,
  lostMs: Schema.Number,
})
export type RolloutRules = typeof RolloutRules.Type

export const defaultRules: RolloutRules = {
  quietMs: 60_000,
  timeoutMs: 600_000,
  troubledShareMost: 0.02,
  lostShareMost: 0.1,
  lostMs: 30_000,
}

export const RolloutRecord = Schema.Struct({
  ref: Schema.Struct({
    layer: LayerRef.fields.layer,
    name: Schema.String,
  }),
  from: Schema.Number,
  to: Schema.Number,
  author: Schema.String,
  stages: Schema.Array(Schema.String),
  stage: Schema.Number,
  /** Agents whose hash is below it are to have the new version. */
  threshold: Schema.Number,
  state: Schema.Literals(["running", "paused", "done", "rolled back", "aborted"]),
  /** Why it is as it is; empty: nothing to say. */
  reason: Schema.String,
  startedMs: Schema.Number,
  stageMs: Schema.Number,
  /** When all agents of the stage had the new version; 0: not yet. */
  appliedMs: Schema.Number,
  /** Agents of the stage that were connected when it began. */
  connected: Schema.Number,
  /** Since when too many of them are gone; 0: they are not. */
  lostSinceMs: Schema.Number,
  pausedMs: Schema.Number,
  /** Trouble that agents had before: it is not the change's. */
  known: Schema.Record(Schema.String, Schema.Array(Schema.String)),
  rules: RolloutRules,
})
export type Rollout = typeof RolloutRecord.Type

/** An agent of the layer as it is just now. */
export interface RolloutAgent {
  readonly id: string
  readonly hash: number
  readonly isConnected: boolean
  readonly firstSeenMs: number
  /** It runs with what it is to run with. */
  readonly isApplied: boolean
  /** Why it does not run with the newest configuration, or package; empty: it does. */
  readonly problem: string
  /** What that is about: "config", "package". */
  readonly about: string
  /** Codes of what is wrong with it. */
  readonly exceptions: ReadonlyArray<string>
}

export interface RolloutCounts {
  /** Connected agents of the stages so far. */
  readonly wanted: number
  readonly applied: number
  /** Connected, without the new version, and without an excuse. */
  readonly waiting: number
  readonly troubled: ReadonlyArray<{ readonly id: string; readonly what: string }>
  readonly lost: number
}

export type Decision =
  | { readonly kind: "wait" }
  | { readonly kind: "change"; readonly rollout: Rollout }
  | { readonly kind: "roll back"; readonly reason: string }

/** Agents whose trouble is remembered from before. */
const knownMost = 2_000

export const isActive = ({ state }: Rollout): boolean => state === "running" || state === "paused"

/** Is an agent of the layer to have the new version? */
export const isIncluded = (rollout: Rollout, hash: number): boolean =>
  isActive(rollout) ? hash < rollout.threshold : rollout.state === "done"

const troubleOf = ({ about, exceptions, problem }: RolloutAgent): ReadonlyArray<string> =>
  problem === "" ? exceptions : [`${about}: ${problem}`, ...exceptions]

/** The stage begins now: chosen among connected agents, so that somebody can tell how it goes. */
const begin = (
  rollout: Rollout,
  stage: number,
  agents: ReadonlyArray<RolloutAgent>,
  nowMs: number,
): Rollout => {
  const hashes = agents
    .filter(({ isConnected }) => isConnected)
    .map(({ hash }) => hash)
    .toSorted((one, other) => one - other)
  const size = agentsOf(rollout.stages[stage]!, hashes.length)
  const wanted = isAll(rollout.stages[stage]!) ? everyone : size === 0 ? 0 : hashes[size - 1]! + 1
  const threshold = Math.max(rollout.threshold, wanted)
  return {
    ...rollout,
    stage,
    threshold,
    stageMs: nowMs,
    appliedMs: 0,
    connected: hashes.filter((hash) => hash < threshold).length,
    lostSinceMs: 0,
  }
}

export const startRollout = (
  change: Pick<Rollout, "ref" | "from" | "to" | "author" | "stages"> & { readonly rules: RolloutRules },
  agents: ReadonlyArray<RolloutAgent>,
  nowMs: number,
): Rollout => {
  const known = agents
    .filter((agent) => troubleOf(agent).length > 0)
    .toSorted((one, other) => one.hash - other.hash)
    .slice(0, knownMost)
    .map((agent) => [agent.id, troubleOf(agent)] as const)
  const rollout: Rollout = {
    ...change,
    stages: completeStages(change.stages),
    stage: 0,
    threshold: 0,
    state: "running",
    reason: "",
    startedMs: nowMs,
    stageMs: nowMs,
    appliedMs: 0,
    connected: 0,
    lostSinceMs: 0,
    pausedMs: 0,
    known: Object.fromEntries(known),
  }
  return begin(rollout, 0, agents, nowMs)
}

export const countRollout = (rollout: Rollout, agents: ReadonlyArray<RolloutAgent>): RolloutCounts => {
  let wanted = 0
  let applied = 0
  let waiting = 0
  let connected = 0
  const troubled: Array<{ readonly id: string; readonly what: string }> = []
  for (const agent of agents) {
    if (agent.hash >= rollout.threshold) continue
    if (agent.isConnected) {
      wanted++
      if (agent.isApplied) applied++
      if (agent.firstSeenMs <= rollout.stageMs) connected++
    }
    const known = Object.hasOwn(rollout.known, agent.id) ? rollout.known[agent.id]! : []
    // Before it has the new version, only that it does not take it is the change's fault.
    const candidates = agent.isApplied ? troubleOf(agent) : troubleOf({ ...agent, exceptions: [] })
    const what = candidates.filter((one) => !known.includes(one))
    if (what.length > 0) troubled.push({ id: agent.id, what: what.join(", ") })
    else if (agent.isConnected && !agent.isApplied) waiting++
  }
  return { wanted, applied, waiting, troubled, lost: Math.max(0, rollout.connected - connected) }
}

const examplesMost = 3
const percentOf = (share: number) => `${Number((share * 100).toFixed(1))} %`

/** Undefined: nothing speaks against it. */
const complaint = (rollout: Rollout, counts: RolloutCounts, nowMs: number): string | undefined => {
  const { rules } = rollout
  const stage = `stage ${rollout.stages[rollout.stage]}`
  const { troubled } = counts
  if (troubled.length > rules.troubledShareMost * Math.max(1, counts.wanted)) {
    const examples = troubled.slice(0, examplesMost).map(({ id, what }) => `${id}: ${what}`)
    const more = troubled.length > examplesMost ? `; and ${troubled.length - examplesMost} more` : ""
    return `${stage}: ${troubled.length} of ${counts.wanted} agents have trouble (${examples.join("; ")}${more})`
  }
  if (rollout.lostSinceMs > 0 && nowMs - rollout.lostSinceMs >= rules.lostMs)
    return `${stage}: ${counts.lost} of ${rollout.connected} agents are gone, more than ${percentOf(rules.lostShareMost)}`
  return undefined
}

/** What to do now. `agents`: all of the layer. */
export const stepRollout = (
  before: Rollout,
  agents: ReadonlyArray<RolloutAgent>,
  nowMs: number,
): Decision => {
  if (!isActive(before)) return { kind: "wait" }
  const counts = countRollout(before, agents)
  const { rules } = before
  const isLosing = counts.lost > rules.lostShareMost * before.connected
  const lostSinceMs = !isLosing ? 0 : before.lostSinceMs === 0 ? nowMs : before.lostSinceMs
  const rollout = lostSinceMs === before.lostSinceMs ? before : { ...before, lostSinceMs }
  const settled: Decision = rollout === before ? { kind: "wait" } : { kind: "change", rollout }
  const reason = complaint(rollout, counts, nowMs)
  if (reason !== undefined) return { kind: "roll back", reason }
  if (rollout.state === "paused") return settled

  const applied: Decision = { kind: "change", rollout: { ...rollout, appliedMs: nowMs } }
  if (rollout.appliedMs === 0) {
    if (counts.waiting === 0) return applied
    if (nowMs - rollout.stageMs < rules.timeoutMs) return settled
    if (counts.waiting + counts.troubled.length <= rules.troubledShareMost * counts.wanted) return applied
    return {
      kind: "roll back",
      reason: `stage ${rollout.stages[rollout.stage]}: ${counts.applied} of ${counts.wanted} agents had the new version after ${rules.timeoutMs / 1_000} s`,
    }
  }
  // While agents are away nobody knows how they fare.
  if (isLosing || nowMs - rollout.appliedMs < rules.quietMs) return settled
  if (rollout.stage + 1 < rollout.stages.length)
    return { kind: "change", rollout: begin(rollout, rollout.stage + 1, agents, nowMs) }
  return { kind: "change", rollout: { ...rollout, state: "done" } }
}

export const pauseRollout = (rollout: Rollout, by: string, nowMs: number): Rollout => ({
  ...rollout,
  state: "paused",
  pausedMs: nowMs,
  reason: `paused by ${by}`,
})

/** The time of the pause does not count. */
export const resumeRollout = (rollout: Rollout, nowMs: number): Rollout => {
  const restedMs = Math.max(0, nowMs - rollout.pausedMs)
  return {
    ...rollout,
    state: "running",
    reason: "",
    pausedMs: 0,
    stageMs: rollout.stageMs + restedMs,
    appliedMs: rollout.appliedMs === 0 ? 0 : rollout.appliedMs + restedMs,
  }
}
