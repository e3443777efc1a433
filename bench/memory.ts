// Resident memory of `sonde up` at rest, process by process: anonymous pages, and file-backed ones (libraries) apart.
// Usage: node bench/memory.ts.

import { setTimeout as sleep } from "node:timers/promises"
import { Sonde } from "../test/system/support/Sonde.ts"
import { print, type Result } from "./Result.ts"
import { memory } from "./usage.ts"

const restMs = 30_000
const mostMiB = 400

const mebibytes = (kibibytes: number): number => Math.round(kibibytes / 1_024)

export const memoryAtRest = async (): Promise<ReadonlyArray<Result>> => {
  const sonde = new Sonde()
  try {
    await sonde.capturing()
    await sleep(restMs)
    const parts = [
      ["server", sonde.child.pid],
      ["agent", sonde.agentPid],
      ["ClickHouse", sonde.enginePid],
    ] as const
    const each = parts.map(([name, pid]) => ({ ...memory(pid!), name }))
    const anonymous = mebibytes(each.reduce((sum, { anonymousKiB }) => sum + anonymousKiB, 0))
    const fileBacked = mebibytes(each.reduce((sum, { fileBackedKiB }) => sum + fileBackedKiB, 0))
    const list = each
      .map((one) => `${one.name} ${mebibytes(one.anonymousKiB)} + ${mebibytes(one.fileBackedKiB)}`)
      .join(", ")
    return [
      {
        what: `resident memory at rest, ${restMs / 1_000} s after the start`,
        bar: `<= ${mostMiB} MiB`,
        measured: `${anonymous} MiB, and ${fileBacked} MiB of file-backed pages (${list})`,
        isMet: anonymous <= mostMiB,
        command: "node bench/memory.ts",
      },
    ]
  } finally {
    await sonde.stop()
  }
}

if (import.meta.main) for (const result of await memoryAtRest()) print(result)
