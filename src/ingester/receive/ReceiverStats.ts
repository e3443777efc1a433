// What the receiver counts. Every frame, batch or connection that is refused is counted under its reason.

import type { NackReason } from "../../wire/messages.ts"

export class ReceiverStats {
  connections = 0
  connectionsTotal = 0
  batches = 0
  rows = 0
  bytes = 0
  acknowledged = 0
  acknowledgedRows = 0
  skippedColumns = 0
  missingColumns = 0
  /** Texts that were no UTF-8. */
  mendedTexts = 0
  inProgress = 0
  /** Came without the handshake that TLS asks for. */
  unsafe = 0
  readonly rejected: Record<NackReason, number> = {
    magic: 0,
    version: 0,
    type: 0,
    flags: 0,
    length: 0,
    checksum: 0,
    malformed: 0,
    unexpected: 0,
    token: 0,
    identity: 0,
    timeout: 0,
    busy: 0,
    kind: 0,
    storage: 0,
  }

  /** By metric name without the component's prefix. */
  read(): Record<string, number> {
    const all: Record<string, number> = {
      connections: this.connections,
      connections_total: this.connectionsTotal,
      unsafe_connections_total: this.unsafe,
      batches_in_progress: this.inProgress,
      received_batches_total: this.batches,
      received_rows_total: this.rows,
      received_bytes_total: this.bytes,
      acknowledged_batches_total: this.acknowledged,
      acknowledged_rows_total: this.acknowledgedRows,
      skipped_columns_total: this.skippedColumns,
      missing_columns_total: this.missingColumns,
      mended_texts_total: this.mendedTexts,
    }
    for (const [reason, count] of Object.entries(this.rejected)) all[`rejected_${reason}_total`] = count
    return all
  }
}
