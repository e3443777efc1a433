// The sender's books as metrics.

import type { SendQueue, Tally } from "./SendQueue.ts"

/** By metric name without the component's prefix. */
export const senderStats = (queue: SendQueue, isConnected: boolean): Record<string, number> => {
  const { counters } = queue
  const all: Record<string, number> = {
    send_connected: isConnected ? 1 : 0,
    send_in_flight_batches: queue.inFlight,
    send_memory_bytes: queue.memoryBytes,
    send_spool_bytes: queue.spoolBytes,
  }
  const put = (name: string, { batches, rows }: Tally, suffix = "_total") => {
    all[`send_${name}_batches${suffix}`] = batches
    all[`send_${name}_rows${suffix}`] = rows
  }
  put("pushed", counters.pushed)
  put("recovered", counters.recovered)
  put("sent", counters.sent)
  put("resent", counters.resent)
  put("resent_elsewhere", counters.elsewhere)
  put("acknowledged", counters.acknowledged)
  put("spooled", counters.spooled)
  put("memory", counters.memory, "")
  put("spool", counters.spool, "")
  for (const [reason, tally] of Object.entries(counters.dropped)) put(`dropped_${reason}`, tally)
  for (const [kind, rows] of Object.entries(counters.droppedRows))
    all[`send_dropped_${kind}_rows_total`] = rows
  return all
}
