// For tests: packets through the flow table into a flow log, and the rows and metrics that come out.

import type { AnyBatch, RowColumns } from "../../model/ColumnBatch.ts"
import { type RowKind, rowKinds } from "../../model/columns.ts"
import { packetStreams, type PacketStreamsOptions } from "../capture/packetStreams.ts"
import { Pipeline } from "../Pipeline.ts"
import { Play } from "./tcp/streams.testing.ts"

type Row = Readonly<Record<string, number | string>>

const noRows = (): Record<RowKind, Array<Row>> =>
  Object.fromEntries(Object.keys(rowKinds).map((kind) => [kind, []])) as unknown as Record<
    RowKind,
    Array<Row>
  >

export class LoggedPlay extends Play {
  readonly rows: Record<RowKind, Array<Row>>
  readonly pipeline: Pipeline

  constructor(options: Omit<PacketStreamsOptions, "connections"> = {}, maxFlows = 1_024) {
    const rows = noRows()
    const pipeline = new Pipeline({
      maskLiterals: true,
      sessionTimeoutUs: 120_000_000,
      maxConnections: 1_024,
      flowIdSeed: 3,
      emit: (batch) => rows[batch.kind].push(...rowsOf(batch)),
    })
    super({
      consumer: packetStreams({ connections: pipeline.connections, ...options }),
      log: pipeline.flowLog,
      maxFlows,
    })
    this.rows = rows
    this.pipeline = pipeline
    pipeline.tick(this.timeUs)
  }

  override packet(...args: Parameters<Play["packet"]>): void {
    super.packet(...args)
    this.pipeline.tick(this.timeUs)
  }

  /** A frame as it was captured. */
  frame(bytes: Uint8Array, linkType: number): void {
    this.flows.add(bytes, 0, bytes.length, bytes.length, linkType, this.timeUs)
  }

  /** Time goes by without packets, second by second. */
  wait(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.timeUs += 1_000_000
      this.pipeline.tick(this.timeUs)
      this.flows.expire(this.timeUs)
      this.pipeline.flush(this.timeUs)
    }
  }

  override end(): void {
    this.pipeline.end(this.timeUs)
  }
}

const rowsOf = (batch: AnyBatch): ReadonlyArray<Row> =>
  Array.from({ length: batch.rows }, (_, row) =>
    Object.fromEntries(
      Object.entries(batch.columns as RowColumns<RowKind>)
        .filter(([name]) => !/(^|_)ip(_[01])?$/.test(name))
        .map(([name, data]) => [name, (data as ArrayLike<number | string>)[row]!]),
    ),
  )
