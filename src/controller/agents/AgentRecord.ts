// What the region remembers of an agent, connected or not: `agent/ID` in the store. Written when something in it changes, so not
// with every report; who has the agent now and how it fares is known by that server alone.

import * as Schema from "effect/Schema"
import type { AgentHello } from "../../wire/control/AgentRpc.ts"

export const Permission = Schema.Literals(["allowed", "pending", "disabled"])
export type Permission = typeof Permission.Type

export const AgentRecord = Schema.Struct({
  id: Schema.String,
  host: Schema.String,
  machineId: Schema.String,
  version: Schema.String,
  os: Schema.String,
  kernel: Schema.String,
  arch: Schema.String,
  cpuCount: Schema.Number,
  memoryMiB: Schema.Number,
  region: Schema.String,
  zone: Schema.String,
  capabilities: Schema.Array(Schema.String),
  permission: Permission,
  firstSeenMs: Schema.Number,
  /** Coarse: renewed when it attaches and every `seenEveryMs` while it is connected. */
  lastSeenMs: Schema.Number,
  /** The region where it is at home, of an agent that is a guest here. */
  guestOf: Schema.optionalKey(Schema.String),
})
export type AgentRecord = typeof AgentRecord.Type

export const seenEveryMs = 600_000

const json = Schema.fromJsonString(AgentRecord)

export const agentKey = (id: string): string => `agent/${id}`

export const decodeAgentRecord = Schema.decodeUnknownOption(json)

export const encodeAgentRecord = (record: AgentRecord): string => JSON.stringify(record)

/** The record after a hello; `before` decides what may go on. */
export const recordOf = (
  hello: AgentHello,
  before: AgentRecord | undefined,
  permission: Permission,
  nowMs: number,
): AgentRecord => ({
  id: hello.agent,
  host: hello.host,
  machineId: hello.machineId,
  version: hello.version,
  os: hello.os,
  kernel: hello.kernel,
  arch: hello.arch,
  cpuCount: hello.cpuCount,
  memoryMiB: hello.memoryMiB,
  region: hello.region,
  zone: hello.zone,
  capabilities: hello.capabilities,
  permission: before?.permission ?? permission,
  firstSeenMs: before?.firstSeenMs ?? nowMs,
  lastSeenMs: nowMs,
  ...(hello.guestOf === undefined ? {} : { guestOf: hello.guestOf }),
})
