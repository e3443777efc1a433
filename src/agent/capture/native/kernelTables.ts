// Tables of the kernel side by their size, and those that are read as a whole.

import { mappedKey, processBudget } from "../layout.gen.ts"
import type { Addon, BpfObject } from "./Addon.ts"

/** Of the tables that follow connections, by the size of that of sockets. */
export const tableSizes = (sockets: number): Record<string, number> => ({
  sockets,
  verdicts: sockets / 4,
  tls_sessions: sockets / 4,
  tls_threads: sockets / 4,
  tasks: sockets / 4,
  datagram_sockets: sockets / 8,
  datagram_sums: sockets / 8,
})
export const defaultSockets = 65_536

/** A ring's size is a power of two. */
export const ringBytes = (mebibytes: number): number => 2 ** Math.ceil(Math.log2(mebibytes)) * 1_048_576

/** Window of the budget of one process (bpf/lib/budget.h), in seconds. */
const windowSeconds = 2 ** 27 / 1e9

/** 0: any number. */
export const eventsPerWindow = (perSecond: number): number =>
  perSecond === 0 ? 0 : Math.max(1, Math.round(perSecond * windowSeconds))

/** As bpf/maps/process_budgets.h and mapped.h have them. */
const maxProcessBudgets = 4_096
const maxMapped = 8_192

/** Events that processes were refused for having made too many, by process, as far as the kernel remembers them. */
export const readRefusedEvents = (addon: Addon, object: BpfObject): ReadonlyMap<number, number> => {
  const keys = new Uint8Array(maxProcessBudgets * 4)
  const values = new Uint8Array(maxProcessBudgets * processBudget.size)
  const count = addon.mapEntries(object, "process_budgets", keys, values)
  const pids = new DataView(keys.buffer)
  const budgets = new DataView(values.buffer)
  const refused = new Map<number, number>()
  for (let i = 0; i < count; i++) {
    const events = Number(budgets.getBigUint64(i * processBudget.size + processBudget.refused, true))
    if (events > 0) refused.set(pids.getUint32(i * 4, true), events)
  }
  return refused
}

/** The kernel tells again of every file that is mapped from now on. */
export const forgetAllMapped = (addon: Addon, object: BpfObject): void => {
  const keys = new Uint8Array(maxMapped * mappedKey.size)
  const count = addon.mapEntries(object, "mapped", keys, new Uint8Array(maxMapped))
  for (let i = 0; i < count; i++)
    addon.mapDelete(object, "mapped", keys.subarray(i * mappedKey.size, (i + 1) * mappedKey.size))
}
