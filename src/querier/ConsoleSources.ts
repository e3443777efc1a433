// What the console shows that other components know: processes, agents, storage, demo, health, own metrics.
// The querier only serves these views; whoever wires the process together provides them.

import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BudgetView } from "../model/AgentStatus.ts"
import type { HealthOverview } from "../runtime/Health.ts"

export interface CaptureNote {
  readonly what: string
  readonly why: string
  readonly next: string
}

export type CaptureState = "captured" | "partly" | "not"

export interface ProcessView {
  readonly pid: number
  readonly parentPid: number
  readonly service: string
  readonly comm: string
  readonly commandLine: string
  readonly exe: string
  readonly user: string
  readonly containerId: string
  readonly startUs: number
  readonly listening: ReadonlyArray<{ readonly ip: string; readonly port: number }>
  readonly capture: {
    readonly state: CaptureState
    readonly by: "socket data" | "packets" | "none"
    readonly protocols: ReadonlyArray<string>
    readonly requests: number
    readonly notes: ReadonlyArray<CaptureNote>
  }
}

export interface FeatureView {
  readonly name: string
  readonly on: boolean
  readonly hook: string
  readonly missing: string
  readonly next: string
  /** What of it was given up to stay within the agent's budget; left out: nothing. */
  readonly shed?: string
}

export interface AgentView {
  readonly id: string
  readonly host: string
  readonly tier: number
  readonly lastSeenUs: number
  readonly features: ReadonlyArray<FeatureView>
  readonly counters: Readonly<Record<string, number>>
  /** Null: it tells of none. */
  readonly budget: BudgetView | null
}

export interface StatusView {
  readonly version: string
  readonly uptimeSeconds: number
  readonly agents: ReadonlyArray<AgentView>
  readonly storage: {
    readonly mode: string
    readonly rows: number
    readonly bytes: number
    readonly version: string
  }
}

export interface DemoView {
  readonly available: boolean
  readonly running: boolean
  /** Why it is not available or not running; empty otherwise. */
  readonly reason: string
}

export class ConsoleSources extends Context.Service<
  ConsoleSources,
  {
    readonly processes: Effect.Effect<ReadonlyArray<ProcessView>>
    readonly status: Effect.Effect<StatusView>
    readonly demo: Effect.Effect<DemoView>
    readonly startDemo: Effect.Effect<DemoView>
    readonly stopDemo: Effect.Effect<DemoView>
    /** `down` answers 503. */
    readonly health: Effect.Effect<HealthOverview>
    /** Prometheus text. */
    readonly metricsText: Effect.Effect<string>
  }
>()("sonde/querier/ConsoleSources") {}
