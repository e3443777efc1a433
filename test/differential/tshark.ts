// Captures what goes over a port of loopback, and asks tshark what it was.

import { spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import type { Fields } from "./Peer.ts"
import { run } from "./run.ts"

/** Until packets have come from the kernel into the file. */
const settleMs = 1_500

/** Captures into `file` while `during` runs. */
export const capture = async (
  file: string,
  port: number,
  during: () => void | Promise<void>,
): Promise<void> => {
  const dumpcap = spawn("dumpcap", ["-q", "-P", "-i", "lo", "-f", `port ${port}`, "-w", file], {
    stdio: ["ignore", "ignore", "pipe"],
  })
  const exited = once(dumpcap, "exit")
  let said = ""
  dumpcap.stderr.on("data", (piece: Buffer) => (said += piece.toString()))
  for (let i = 0; i < 200 && !said.includes("File: "); i++) await sleep(50)
  if (!said.includes("File: ")) throw new Error(`dumpcap does not begin: ${said}`)
  try {
    await during()
    await sleep(settleMs)
  } finally {
    dumpcap.kill("SIGINT")
    await exited
  }
}

const separator = "\u001f"
const aggregator = "\u001e"

/** The values of `fields` in each packet of `file` that has any. */
export const askTshark = (
  file: string,
  transport: "tcp" | "udp",
  port: number,
  dissector: string,
  fields: ReadonlyArray<string>,
): ReadonlyArray<Fields> => {
  const all = ["dstport", ...fields]
  const output = run("tshark", [
    ...["-r", file, "-d", `${transport}.port==${port},${dissector}`, "-T", "fields"],
    ...["-E", `separator=${separator}`, "-E", `aggregator=${aggregator}`, "-E", "occurrence=a"],
    ...["-e", `${transport}.dstport`, ...fields.flatMap((field) => ["-e", field])],
  ])
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const values = line.split(separator)
      return Object.fromEntries(
        all.map((field, i) => [
          field,
          values[i] === undefined || values[i] === "" ? [] : values[i].split(aggregator),
        ]),
      )
    })
}
