// What the query API answers, as the console reads it. Times in microseconds since 1970 come as numbers or decimal text.

import type { BudgetView as Budget, HookCost } from "../../../src/model/AgentStatus.ts"

export type StatusName = "ok" | "client_error" | "server_error" | "timeout" | "unknown"

export interface Rates {
  readonly requests: number
  readonly errors: number
  readonly ratePerSecond: number
  readonly errorRatio: number
  /** 0 where no request was answered. */
  readonly p50Us: number
  readonly p95Us: number
}

/** Its rates are what it does as a server. */
export interface MapNode extends Rates {
  readonly id: string
  readonly name: string
  readonly kind: "process" | "external"
  readonly processes: ReadonlyArray<{ readonly pid: number; readonly name: string }>
}

export interface MapEdge extends Rates {
  readonly id: string
  readonly client: string
  readonly server: string
  readonly protocols: ReadonlyArray<string>
  readonly observedAt: ReadonlyArray<string>
  readonly maxUs: number
}

export interface ServiceMap {
  readonly from: string
  readonly to: string
  readonly seconds: number
  readonly nodes: ReadonlyArray<MapNode>
  readonly edges: ReadonlyArray<MapEdge>
  readonly truncated?: boolean
}

export interface RequestRow {
  /** 64 bits in decimal. */
  readonly id: string
  readonly startUs: number | string
  readonly endUs: number | string
  readonly durationUs: number
  readonly protocol: string
  readonly point: string
  readonly client: string
  readonly server: string
  readonly clientIp: string
  readonly serverIp: string
  readonly clientPort: number
  readonly serverPort: number
  readonly clientPid: number
  readonly serverPid: number
  readonly type: string
  readonly domain: string
  readonly resource: string
  readonly endpoint: string
  readonly status: StatusName
  readonly code: number | null
  readonly exception: string
  readonly traceId: string
  readonly requestLength: number | null
  readonly responseLength: number | null
}

export interface RequestPage {
  readonly rows: ReadonlyArray<RequestRow>
  /** Cursor for `before`; null at the end. */
  readonly next: string | null
}

export interface HistogramBucket {
  /** Seconds since 1970. */
  readonly time: number
  readonly ok: number
  readonly clientError: number
  readonly serverError: number
  readonly timeout: number
  readonly unknown: number
}

export interface Histogram {
  readonly stepSeconds: number
  readonly buckets: ReadonlyArray<HistogramBucket>
}

/** Every column of the row by its name in the table. */
export type StoredRequest = Readonly<Record<string, unknown>>

export interface RequestDetail {
  readonly request: StoredRequest
  readonly sides: ReadonlyArray<RequestRow>
}

/** A call on a file that had to wait. */
export interface FileCall {
  readonly id: string
  readonly side: "client" | "server"
  readonly startUs: number | string
  readonly endUs: number | string
  /** From its first wait to its end. */
  readonly durationUs: number
  /** read, write, sync, open */
  readonly type: string
  readonly bytes: number
  readonly offset: number
  readonly path: string
  readonly mountSource: string
  readonly mountPoint: string
  /** Name of the error; empty: none. */
  readonly error: string
  readonly pid: number
  readonly thread: number
  /** The thread served nothing but this request. */
  readonly isCertain: boolean
}

/** What happened in the threads of a request while it was under way. */
export interface RequestEvents {
  readonly threads: ReadonlyArray<{
    readonly side: "client" | "server"
    readonly pid: number
    readonly thread: number
    readonly otherRequests: number
  }>
  readonly files: ReadonlyArray<FileCall>
  readonly truncated: boolean
}

export interface ProcessEvent {
  readonly id: string
  readonly timeUs: number | string
  /** When the process began. */
  readonly startUs: number | string
  /** exec, exit, oom_kill */
  readonly type: string
  readonly pid: number
  readonly parentPid: number
  readonly name: string
  readonly commandLine: string
  readonly uid: number
  readonly exitCode: number | null
  readonly exitSignal: number
  readonly outcome: string
  readonly host: string
  readonly pod: string
}

export interface ServicePoint {
  readonly time: number
  readonly requests: number
  readonly errors: number
  readonly rrtMeanUs: number | null
  readonly rrtMaxUs: number | null
  readonly p50Us: number | null
  readonly p95Us: number | null
}

export interface ServiceEndpoint {
  readonly endpoint: string
  readonly protocol: string
  readonly requests: number
  readonly errors: number
  readonly p50Us: number
  readonly p95Us: number
}

export interface ServiceMetrics {
  readonly stepSeconds: number
  readonly points: ReadonlyArray<ServicePoint>
  readonly endpoints: ReadonlyArray<ServiceEndpoint>
}

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
  readonly startUs: number | string
  readonly listening: ReadonlyArray<{ readonly ip: string; readonly port: number }>
  readonly capture: {
    readonly state: CaptureState
    readonly by: "socket data" | "packets" | "none"
    readonly protocols: ReadonlyArray<string>
    readonly requests: number
    readonly notes: ReadonlyArray<CaptureNote>
  }
}

export interface Feature {
  readonly name: string
  readonly on: boolean
  readonly hook: string
  readonly missing: string
  readonly next: string
  /** What of it was given up to stay within the agent's budget; left out: nothing. */
  readonly shed?: string
}

export type { Budget, HookCost }

export interface AgentView {
  readonly id: string
  readonly host: string
  readonly tier: number
  readonly lastSeenUs: number | string
  readonly features: ReadonlyArray<Feature>
  readonly counters: Readonly<Record<string, number>>
  /** Null: it tells of none. */
  readonly budget: Budget | null
}

export interface Status {
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

export interface HealthPart {
  readonly name: string
  readonly state: string
  readonly restarts: number
  readonly message?: string
  readonly parts?: ReadonlyArray<HealthPart>
}

export interface Health {
  readonly status: "ok" | "degraded" | "down"
  readonly parts: ReadonlyArray<HealthPart>
}

export interface Demo {
  readonly available: boolean
  readonly running: boolean
  readonly reason: string
}
