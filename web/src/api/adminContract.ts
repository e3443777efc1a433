// What the calls of administration answer, as the console reads it; the same shapes as `sonde admin --json`.

export type AgentState =
  | "running"
  | "degraded"
  | "starting"
  | "waiting"
  | "stopping"
  | "pending"
  | "disabled"
  | "lost"

export interface ManagedAgent {
  readonly id: string
  readonly host: string
  readonly machineId: string
  readonly version: string
  readonly group: string
  readonly region: string
  readonly zone: string
  /** `lost`: no server has it; `pending`, `disabled`: it may not work. */
  readonly state: AgentState
  /** The server that has it, empty: none; and the one it belongs to. */
  readonly server: string
  readonly place: string
  readonly capabilities: ReadonlyArray<string>
  readonly exceptions: ReadonlyArray<{ readonly code: string; readonly message: string }>
  readonly configVersion: number
  readonly configWanted: number
  readonly configProblem: string
  readonly packages: ReadonlyArray<{ readonly name: string; readonly version: string }>
  readonly packageProblem: string
  /** Of Sonde; empty: none, or not known. */
  readonly versionWanted: string
  readonly versionLastGood: string
  /** Rows a second, smoothed. */
  readonly load: number
  readonly cpuMs: number
  readonly memoryMiB: number
  readonly clockOffsetUs: number
  readonly firstSeenMs: number
  readonly lastSeenMs: number
  /** The region where it is at home, of a guest. */
  readonly guestOf?: string
}

export type Values = Readonly<Record<string, unknown>>

export interface AgentSetting {
  readonly agent: ManagedAgent
  readonly config: Values
  /** By key: the layer that decided. */
  readonly origins: Values
}

export interface ServerView {
  readonly id: string
  readonly control: string
  readonly ingest: string
  readonly http: string
  readonly roles: ReadonlyArray<string>
  readonly region: string
  readonly zone: string
  readonly version: string
  readonly capacity: number
  readonly startedMs: number
  readonly isDraining: boolean
  readonly isLeader: boolean
  readonly agents: number
  /** Rows a second of its agents. */
  readonly load: number
}

export interface Move {
  readonly agent: string
  readonly host: string
  readonly from: string
  readonly to: string
  readonly reason: string
  readonly load: number
}

export interface PlannedServer {
  readonly id: string
  readonly loadBefore: number
  readonly loadAfter: number
  readonly agentsBefore: number
  readonly agentsAfter: number
}

export interface Plan {
  readonly moves: ReadonlyArray<Move>
  readonly servers: ReadonlyArray<PlannedServer>
  readonly unplaced: ReadonlyArray<{ readonly agent: string; readonly reason: string }>
}

export interface RegionView {
  readonly name: string
  readonly isHere: boolean
  readonly http: ReadonlyArray<string>
  /** `silent`: it shares with this one, and has not told of itself for long. */
  readonly state: "reachable" | "unreachable" | "silent"
  readonly servers: number
  readonly agents: number
  /** Agents of other regions among them. */
  readonly guests?: number
  /** When it was heard last; of this region: when the global store answered last. */
  readonly heardMs?: number
  readonly message: string
}

export interface AgentGroup {
  readonly name: string
  readonly description: string
  /** The highest that fits decides. */
  readonly priority: number
  readonly agents: ReadonlyArray<string>
  readonly hosts: ReadonlyArray<string>
  readonly zones: ReadonlyArray<string>
  readonly members: number
}

export interface LayerRef {
  /** `packages`: versions of packages for a group. */
  readonly layer: "default" | "region" | "group" | "agent" | "packages"
  /** `-` for default and region. */
  readonly name: string
}

export interface ConfigVersion {
  readonly version: number
  readonly values: Values
  readonly author: string
  readonly comment: string
  readonly changedMs: number
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

export interface Rollout {
  readonly layer: LayerRef
  readonly from: number
  readonly to: number
  readonly state: string
  readonly stage: number
  readonly stages: ReadonlyArray<string>
  readonly applied: number
  readonly troubled: number
  readonly wanted: number
  readonly reason: string
}

export interface PackageView {
  readonly kind: "agent" | "plugin"
  readonly name: string
  readonly version: string
  readonly digest: string
  readonly bytes: number
  readonly signer: string
  readonly addedMs: number
  readonly addedBy: string
  readonly groups: ReadonlyArray<string>
}

export interface TokenView {
  readonly id: string
  readonly role: string
  readonly note: string
  readonly createdMs: number
  /** 0: never. */
  readonly expiresMs: number
  readonly uses: number
  /** 0: any number. */
  readonly usesMost: number
  readonly isRevoked: boolean
}

export interface MadeToken {
  readonly id: string
  readonly token: string
}

export interface AuditedChange {
  readonly atMs: number
  readonly who: string
  readonly what: string
  readonly on: string
  readonly detail: string
  readonly outcome: string
}
