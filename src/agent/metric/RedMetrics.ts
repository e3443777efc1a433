// Rate, errors and duration of every service and endpoint, from sessions, at 1 s and 1 m: rows of `flow_metrics.application`.
// A session counts in the interval in which its request started while that is open (2 s beyond its end), else in the current
// one. Invariants: the sums of the 1 s rows and of the 1 m rows equal what was added; keys are bounded, the rest is "other".

import { type ColumnBatch, makeBatch } from "../../model/ColumnBatch.ts"
import { ResponseStatus } from "../../model/L7Session.ts"
import { ObservationPoint } from "../../model/observation.ts"
import type { Connection } from "../flow/Connection.ts"
import { observationPointOf, responseDurationUs, statusOf } from "../flow/L7Rows.ts"
import type { Session } from "../flow/Session.ts"
import { ownText } from "../protocol/latin1.ts"
import { MetricWindow } from "./MetricWindow.ts"
import {
  makeCell,
  makeScope,
  makeSeries,
  type RedCell,
  type RedScope,
  type RedScopeKey,
  type RedSeries,
} from "./RedScope.ts"
import { RedScopes } from "./RedScopes.ts"

export interface RedMetricsOptions {
  readonly maxScopes?: number
  readonly maxSeries?: number
  readonly maxEndpointsPerScope?: number
  /** How long after its end an interval still takes sessions. */
  readonly delaySeconds?: number
  /** Scopes and endpoints without sessions for longer are forgotten. */
  readonly idleSeconds?: number
}

/** A full table is looked through so often at most. */
const roomSeconds = 10
const otherName = "other"
const noAddress = new Uint8Array(16)
const ended = Number.MAX_SAFE_INTEGER
const maxU32 = 0xffff_ffff

const isClientPoint = (point: number): boolean =>
  point === ObservationPoint.clientProcess ||
  point === ObservationPoint.clientNic ||
  point === ObservationPoint.clientNode

const addTo = (cell: RedCell, session: Session): void => {
  if (session.request !== null) cell.request++
  if (session.response !== null) cell.response++
  if (session.request !== null && session.response !== null) {
    const durationUs = responseDurationUs(session)
    cell.rrtSum += durationUs
    cell.rrtCount++
    if (durationUs > cell.rrtMax) cell.rrtMax = durationUs
  }
  const status = statusOf(session)
  if (status === ResponseStatus.clientError) cell.clientError++
  else if (status === ResponseStatus.serverError) cell.serverError++
  else if (status === ResponseStatus.timeout) cell.timeout++
}

/** The batch has room for it. */
const writeRow = (
  batch: ColumnBatch<"application">,
  time: number,
  interval: number,
  series: RedSeries,
  cell: RedCell,
): void => {
  const { columns } = batch
  const row = batch.rows++
  const { scope } = series
  columns.time[row] = time
  columns.interval[row] = interval
  columns.role[row] = scope.role
  columns.l7_protocol[row] = scope.protocol
  columns.protocol[row] = scope.transport
  columns.signal_source[row] = scope.signalSource
  columns.ip.set(scope.ip, row * 16)
  columns.server_port[row] = scope.serverPort
  columns.process_id[row] = scope.processId
  columns.process_kname[row] = scope.processName
  columns.gprocess[row] = scope.service
  columns.container[row] = scope.containerId
  columns.app_service[row] = ""
  columns.app_instance[row] = ""
  columns.endpoint[row] = series.endpoint
  columns.request[row] = cell.request
  columns.response[row] = cell.response
  columns.rrt_max[row] = Math.min(cell.rrtMax, maxU32)
  columns.rrt_sum[row] = cell.rrtSum
  columns.rrt_count[row] = cell.rrtCount
  columns.client_error[row] = cell.clientError
  columns.server_error[row] = cell.serverError
  columns.timeout[row] = cell.timeout
}

export class RedMetrics {
  /** Sessions added; those that went to "other" because there were too many scopes or endpoints. */
  readonly counters = { sessions: 0, overflows: 0 }
  private readonly scopes = new RedScopes()
  private readonly otherScopes = new Map<string, RedScope>()
  private readonly seconds: MetricWindow<RedSeries, RedCell>
  private readonly minutes: MetricWindow<RedSeries, RedCell>
  private readonly maxScopes: number
  private readonly maxSeries: number
  private readonly maxEndpoints: number
  private readonly idleSeconds: number
  /** What still has sums in an open minute is not idle: forgotten, it would be told in two rows. */
  private readonly leastIdleSeconds: number
  private seriesCount = 0
  private lastSweep = 0

  constructor(options: RedMetricsOptions = {}) {
    const delay = options.delaySeconds ?? 2
    this.seconds = new MetricWindow(1, delay, makeCell)
    this.minutes = new MetricWindow(60, delay, makeCell)
    this.maxScopes = options.maxScopes ?? 4096
    this.maxSeries = options.maxSeries ?? 16_384
    this.maxEndpoints = options.maxEndpointsPerScope ?? 512
    this.leastIdleSeconds = 60 + delay
    this.idleSeconds = Math.max(options.idleSeconds ?? 300, this.leastIdleSeconds)
  }

  /** Endpoints known at present, without those called "other". */
  get series(): number {
    return this.seriesCount
  }

  /** Sessions that came after their second (minute) was closed. */
  get late(): { readonly seconds: number; readonly minutes: number } {
    return { seconds: this.seconds.late, minutes: this.minutes.late }
  }

  add(session: Session, connection: Connection, nowUs: number): void {
    const first = session.request ?? session.response
    if (first === null) return
    const nowSecond = Math.floor(nowUs / 1_000_000)
    let scope = connection.redScope
    // A connection may carry several protocols: HTTP/2 and gRPC, HTTP/1 and WebSocket.
    if (scope === null || scope.isRetired || scope.protocol !== first.protocol) {
      scope = this.scopeOf(session, connection, nowSecond)
      connection.redScope = scope
    }
    this.counters.sessions++
    const second = Math.floor(first.startUs / 1_000_000)
    const series = this.seriesOf(scope, first.endpoint)
    scope.lastSecond = nowSecond
    series.lastSecond = nowSecond
    addTo(this.seconds.cell(series, second, nowSecond, series.second), session)
    addTo(this.minutes.cell(series, second, nowSecond, series.minute), session)
  }

  /** The rows of all intervals that are over, or null when there are none. To be called about once a second. */
  flush(nowUs: number): ColumnBatch<"application"> | null {
    const nowSecond = Math.floor(nowUs / 1_000_000)
    const batch = this.take(nowSecond)
    if (nowSecond - this.lastSweep >= 60) {
      this.lastSweep = nowSecond
      this.sweep(nowSecond - this.idleSeconds)
    }
    return batch
  }

  /** The rows of all intervals, also of those that are not over: for the orderly end. Nothing may be added afterwards. */
  flushAll(): ColumnBatch<"application"> | null {
    return this.take(ended)
  }

  private take(nowSecond: number): ColumnBatch<"application"> | null {
    const rows = this.seconds.ready(nowSecond) + this.minutes.ready(nowSecond)
    const batch = rows === 0 ? null : makeBatch("application", rows)
    const target = batch ?? makeBatch("application", 0)
    for (const window of [this.seconds, this.minutes]) {
      window.take(nowSecond, (start, series, cell) =>
        writeRow(target, start, window.lengthSeconds, series, cell),
      )
    }
    return batch
  }

  private scopeOf(session: Session, connection: Connection, nowSecond: number): RedScope {
    const point = observationPointOf(connection)
    const role = isClientPoint(point) ? 0 : 1
    const end = role === 0 ? connection.clientEnd : connection.serverEnd
    const protocol = (session.request ?? session.response)?.protocol ?? 0
    const { signalSource, transport } = connection
    const serverPort = connection.serverEnd.port
    const known = this.scopes.find(role, protocol, transport, signalSource, serverPort, end)
    if (known !== undefined) return known
    const key: RedScopeKey = {
      role,
      protocol,
      transport,
      signalSource,
      // The end may become that of another connection.
      ip: end.ip.slice(),
      serverPort,
      processId: end.processId,
      processName: end.processName,
      service: end.service,
      containerId: end.containerId,
    }
    if (this.scopes.size >= this.maxScopes) this.makeRoom(nowSecond)
    if (this.scopes.size >= this.maxScopes) return this.otherScope(key)
    const scope = makeScope(key, false)
    this.scopes.add(scope)
    return scope
  }

  /** For each role and protocol one scope takes the services for which there is no room: a handful. */
  private otherScope(key: RedScopeKey): RedScope {
    const id = `${key.role} ${key.protocol} ${key.transport} ${key.signalSource}`
    let scope = this.otherScopes.get(id)
    if (scope === undefined) {
      const other = { serverPort: 0, processId: 0, processName: "", service: otherName, containerId: "" }
      scope = makeScope({ ...key, ...other, ip: noAddress }, true)
      this.otherScopes.set(id, scope)
    }
    return scope
  }

  private seriesOf(scope: RedScope, endpoint: string): RedSeries {
    const known = scope.series.get(endpoint)
    if (known !== undefined) return known
    if (scope.isOther || scope.series.size >= this.maxEndpoints || this.seriesCount >= this.maxSeries) {
      this.counters.overflows++
      scope.other ??= makeSeries(scope, otherName)
      return scope.other
    }
    const series = makeSeries(scope, ownText(endpoint))
    scope.series.set(series.endpoint, series)
    this.seriesCount++
    return series
  }

  /** Processes that live for moments fill the table: those before this minute make room. */
  private makeRoom(nowSecond: number): void {
    if (nowSecond - this.lastSweep < roomSeconds) return
    this.lastSweep = nowSecond
    this.sweep(nowSecond - this.leastIdleSeconds)
  }

  private sweep(beforeSecond: number): void {
    this.scopes.sweep(({ lastSecond, series }) => {
      for (const [endpoint, one] of series) {
        if (one.lastSecond >= beforeSecond) continue
        series.delete(endpoint)
        this.seriesCount--
      }
      return series.size > 0 || lastSecond >= beforeSecond
    })
  }
}
