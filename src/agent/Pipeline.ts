// From bytes of connections to encoded batches: parses, pairs, aggregates, and hands out what is ready at each flush.
// The same for every source (system calls, packets, files); runs synchronously in whatever thread owns the source.

import { type AnyBatch, clearBatch, type ColumnBatch, makeBatch } from "../model/ColumnBatch.ts"
import { CloseType } from "../model/closeType.ts"
import type { L7Message } from "../model/L7Session.ts"
import { SignalSource } from "../model/observation.ts"
import { type Connection, Side } from "./flow/Connection.ts"
import { ConnectionTable } from "./flow/ConnectionTable.ts"
import { FlowLog } from "./flow/FlowLog.ts"
import { countSession } from "./flow/countSession.ts"
import { appendL7Row } from "./flow/L7Rows.ts"
import { RowSampling } from "./flow/RowSampling.ts"
import type { Session } from "./flow/Session.ts"
import { NetworkMetrics } from "./metric/NetworkMetrics.ts"
import { RedMetrics } from "./metric/RedMetrics.ts"
import { Causality } from "./trace/Causality.ts"
import { ClientCall } from "./trace/Cause.ts"
import { makeProtocols } from "./protocol/protocols.ts"
import { waitsAsLoop } from "./process/waitsAsLoop.ts"
import type { Protocol } from "./protocol/Protocol.ts"

export interface PipelineOptions {
  readonly maskLiterals: boolean
  readonly sessionTimeoutUs: number
  readonly maxConnections: number
  /** Of so many requests (traces) one becomes a row; 1 when absent: all. */
  readonly sampleOneIn?: number
  /** Distinguishes the flow ids and causal ids of agents and of their restarts: seconds since 1970 at the start. */
  readonly flowIdSeed: number
  /** Takes a finished batch; it is filled anew after the call, so what is needed later must be taken out. */
  readonly emit: (batch: AnyBatch) => void
  /** Hears of every session, after its row was written. */
  readonly onSession?: (session: Session, connection: Connection) => void
  /** Hears of every message before it is paired. */
  readonly onMessage?: (message: L7Message, connection: Connection) => void
}

/** Rows of a batch: about 300 KiB, and 10 ms of work for whoever encodes it. */
const batchRows = 4_096

export class Pipeline {
  readonly connections: ConnectionTable
  readonly protocols: ReadonlyArray<Protocol>
  readonly flowLog: FlowLog
  readonly causality: Causality
  readonly #network: NetworkMetrics
  readonly #metrics = new RedMetrics()
  readonly #sampling: RowSampling
  readonly #options: PipelineOptions
  readonly #rows: ColumnBatch<"l7"> = makeBatch("l7", batchRows)
  #rowsWritten = 0
  #nowUs = 0

  constructor(options: PipelineOptions) {
    this.#options = options
    this.causality = new Causality({ seed: options.flowIdSeed, waitsAsLoop })
    this.#sampling = new RowSampling(options.sampleOneIn ?? 1)
    this.protocols = makeProtocols({ maskLiterals: options.maskLiterals })
    this.connections = new ConnectionTable({
      protocols: this.protocols,
      maxConnections: options.maxConnections,
      timeoutUs: options.sessionTimeoutUs,
      flowIdSeed: options.flowIdSeed,
      onSession: (session, connection) => this.#session(session, connection),
      onSettle: (connection) => this.#settle(connection),
      onClose: (connection) => this.#close(connection),
      causeOf: (isServer, requestId) => this.causality.request(isServer, requestId),
      causeOfUnasked: (isServer, isDelivery) => this.causality.unasked(isServer, isDelivery),
      onBegin: (isServer, requestId) => this.causality.begins(isServer, requestId),
      ...(options.onMessage === undefined ? {} : { onMessage: options.onMessage }),
    })
    this.#network = new NetworkMetrics({ emit: options.emit })
    this.flowLog = new FlowLog({
      emit: options.emit,
      metrics: this.#network,
      nextFlowId: this.connections.nextFlowId,
    })
  }

  /** Hands out a batch of rows that come of no connection, as its own are. */
  emit(batch: AnyBatch): void {
    this.#options.emit(batch)
  }

  #settle({ account, client, directionScore, protocol }: Connection): void {
    account.l7Protocol = protocol?.protocol ?? 0
    if (directionScore > account.directionScore) account.directionScore = directionScore
    this.flowLog.reverse(account, client === Side.b)
  }

  /** A flow that others count goes on until they give it up. */
  #close({ account, exchange }: Connection): void {
    if (exchange !== null) this.causality.closed(exchange)
    if (account.signalSource === SignalSource.ebpf && !account.isKept)
      this.flowLog.close(account, CloseType.unknown)
  }

  #session(session: Session, connection: Connection): void {
    const { cause } = session
    const isHeld =
      cause !== null && this.causality.settles(cause, connection.exchange, session.response !== null)
    if (this.#sampling.keeps(session, connection)) {
      if (isHeld && cause instanceof ClientCall)
        this.causality.hold(cause, () => this.#append(session, connection))
      else this.#append(session, connection)
    }
    this.#metrics.add(session, connection, this.#nowUs)
    countSession(connection.account, session)
    this.#options.onSession?.(session, connection)
  }

  #append(session: Session, connection: Connection): void {
    if (!appendL7Row(this.#rows, session, connection)) {
      this.#emitRows()
      appendL7Row(this.#rows, session, connection)
    }
    this.#rowsWritten++
  }

  #emitRows(): void {
    if (this.#rows.rows === 0) return
    this.#options.emit(this.#rows)
    clearBatch(this.#rows)
  }

  /** From now on. */
  configure({
    sampleOneIn,
    sessionTimeoutUs,
  }: Pick<PipelineOptions, "sessionTimeoutUs" | "sampleOneIn">): void {
    this.connections.budget.timeoutUs = sessionTimeoutUs
    this.#sampling.change(sampleOneIn ?? 1)
  }

  /** The present, for metrics; to be called before each piece of work. */
  tick(nowUs: number): void {
    this.#nowUs = nowUs
    this.flowLog.tick(nowUs)
  }

  /** Hands out what is ready. */
  flush(nowUs: number): void {
    this.#emitRows()
    this.flowLog.flush()
    this.#network.flush(Math.floor(nowUs / 1_000_000))
    const metrics = this.#metrics.flush(nowUs)
    if (metrics !== null) this.#options.emit(metrics)
  }

  /** The orderly end: closes every connection and hands out everything. */
  end(nowUs: number): void {
    this.connections.closeAll(nowUs)
    this.causality.releaseAll()
    this.#emitRows()
    this.flowLog.end()
    this.#network.flushAll()
    const metrics = this.#metrics.flushAll()
    if (metrics !== null) this.#options.emit(metrics)
  }

  /** Counters by metric name (without the component's prefix). */
  stats(): Record<string, number> {
    const { budget, counters } = this.connections
    const all: Record<string, number> = {
      sessions_total: this.#rowsWritten,
      sessions_sampled_out_total: this.#sampling.leftOut,
      connections: this.connections.size,
      connections_opened_total: counters.opened,
      connections_evicted_total: counters.evictedFull,
      requests_outstanding: budget.outstanding,
      requests_timed_out_total: budget.timeouts,
      requests_overflowed_total: budget.overflows,
      requests_unpaired_total: budget.lost,
      endpoints_overflowed_total: this.#metrics.counters.overflows,
      flow_rows_total: this.flowLog.rowsWritten,
      ...this.causality.stats(),
      network_groups: this.#network.size,
      network_groups_overflowed_total: this.#network.counters.overflows,
    }
    for (const { name, stats } of this.protocols) {
      const prefix = name.toLowerCase().replaceAll(/\W/g, "_")
      all[`${prefix}_requests_total`] = stats.requests
      all[`${prefix}_responses_total`] = stats.responses
      all[`${prefix}_malformed_total`] = stats.malformed
      all[`${prefix}_truncated_total`] = stats.truncated
      all[`${prefix}_resyncs_total`] = stats.resyncs
      all[`${prefix}_skipped_bytes_total`] = stats.skippedBytes
    }
    return all
  }
}
