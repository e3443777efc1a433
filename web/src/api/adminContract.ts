// What the calls of administration answer, as they are declared for all their callers: types only, nothing of it is loaded.

import type {
  AgentView,
  AuditView,
  ConfigVersionView,
  GroupView,
  LayerRef,
  MoveView,
  PlanView,
  RolloutView,
  TokenView as Token,
} from "../../../src/wire/control/AdminRpc.ts"

export type { LayerRef, PackageView, RegionView, ServerView } from "../../../src/wire/control/AdminRpc.ts"

export type ManagedAgent = AgentView
export type AgentState = AgentView["state"]
export type AgentGroup = GroupView
export type Move = typeof MoveView.Type
export type Plan = PlanView
export type PlannedServer = PlanView["servers"][number]
export type ConfigVersion = ConfigVersionView
export type Rollout = RolloutView
export type TokenView = typeof Token.Type
export type AuditedChange = AuditView

export type Values = ConfigVersion["values"]

export interface AgentSetting {
  readonly agent: ManagedAgent
  readonly config: Values
  /** By key: the layer that decided. */
  readonly origins: Values
}

export interface ConfigChange {
  readonly layer: LayerRef
  /** Keys to set, by path; null takes a key out. */
  readonly values: Values
  /** Version that the change was made from. */
  readonly expected: number
  readonly comment: string
  readonly stages: ReadonlyArray<string>
}

export interface MadeToken {
  readonly id: string
  readonly token: string
}
