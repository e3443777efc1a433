// What the controller's tests hand about: records of servers, what agents say of themselves, waiting for what others do.

import * as Effect from "effect/Effect"
import type { AgentHello, Report } from "../wire/control/AgentRpc.ts"
import type { ServerRecord } from "./membership/Membership.ts"

export const serverRecord = (id: string, changes: Partial<ServerRecord> = {}): ServerRecord => ({
  id,
  control: `${id}:1`,
  ingest: `${id}:2`,
  http: "",
  admin: "",
  roles: [],
  region: "test",
  zone: "",
  servesZones: [],
  capacity: 100,
  version: "test",
  startedMs: 0,
  isDraining: false,
  ...changes,
})

export const agentHello = (changes: Partial<AgentHello> = {}): AgentHello => ({
  agent: "a1",
  instance: "i1",
  protocol: 1,
  version: "test",
  host: "box",
  machineId: "m1",
  os: "",
  kernel: "",
  arch: "",
  cpuCount: 2,
  memoryMiB: 100,
  region: "",
  zone: "",
  cannotReach: [],
  capabilities: [],
  configVersion: 0,
  configDigest: "",
  ...changes,
})

/** Of an agent that runs and has nothing to do. */
export const idleReport: Report = {
  state: "running",
  exceptions: [],
  capabilities: [],
  configVersion: 0,
  configDigest: "",
  configProblem: "",
  rows: 0,
  bytes: 0,
  droppedRows: 0,
  cpuMs: 0,
  memoryMiB: 0,
  clockOffsetUs: 0,
  clockErrorUs: 0,
}

export const until = (isTrue: () => boolean) =>
  Effect.gen(function* () {
    while (!isTrue()) yield* Effect.sleep(2)
  })
