// Whose requests a metric counts: one process in one role, speaking one protocol on one server port, and its endpoints.

import type { Link } from "./HashChains.ts"
import type { Recent } from "./MetricWindow.ts"

/** Sums over one interval. */
export interface RedCell {
  request: number
  response: number
  /** Microseconds. */
  rrtMax: number
  rrtSum: number
  rrtCount: number
  clientError: number
  serverError: number
  timeout: number
}

export const makeCell = (): RedCell => ({
  request: 0,
  response: 0,
  rrtMax: 0,
  rrtSum: 0,
  rrtCount: 0,
  clientError: 0,
  serverError: 0,
  timeout: 0,
})

/** One endpoint of a scope: a key of the metrics. */
export interface RedSeries {
  readonly scope: RedScope
  readonly endpoint: string
  /** Second of the latest session. */
  lastSecond: number
  readonly second: Recent<RedCell>
  readonly minute: Recent<RedCell>
}

const noCell = makeCell()

export const makeSeries = (scope: RedScope, endpoint: string): RedSeries => ({
  scope,
  endpoint,
  lastSecond: 0,
  second: { start: -1, cell: noCell },
  minute: { start: -1, cell: noCell },
})

export interface RedScopeKey {
  /** 0: seen at the client; 1: seen at the server. */
  readonly role: number
  readonly protocol: number
  /** IpProtocol number. */
  readonly transport: number
  readonly signalSource: number
  /** 16 bytes, of the observed side. */
  readonly ip: Uint8Array
  readonly serverPort: number
  readonly processId: number
  readonly processName: string
  /** Empty: not known. */
  readonly service: string
  readonly containerId: string
}

export interface RedScope extends RedScopeKey, Link<RedScope> {
  /** Takes the services for which there is no room. */
  readonly isOther: boolean
  readonly series: Map<string, RedSeries>
  /** Takes the endpoints for which there is no room; made when it is needed. */
  other: RedSeries | null
  lastSecond: number
}

export const makeScope = (key: RedScopeKey, isOther: boolean): RedScope => ({
  ...key,
  isOther,
  series: new Map(),
  other: null,
  lastSecond: 0,
  isRetired: false,
  next: undefined,
})
