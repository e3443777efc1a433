// What the agent tells of the machine it runs on: names, addresses, system. The labeler makes a resource of it.

import { readFileSync } from "node:fs"
import { hostname, networkInterfaces, release } from "node:os"
import type { MachineView } from "../../model/AgentStatus.ts"

/** Addresses told of: a node of a cluster may have hundreds. */
const maxAddresses = 1_024

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8").trim()
  } catch {
    return ""
  }
}

/** "Debian GNU/Linux 12 (bookworm)". */
const systemName = (): string => /^PRETTY_NAME="?([^"\n]*)/m.exec(textOf("/etc/os-release"))?.[1] ?? ""

const noMac = "00:00:00:00:00:00"

export const readMachine = (): MachineView => ({
  machineId: textOf("/etc/machine-id"),
  host: hostname(),
  kernel: release(),
  os: systemName(),
  addresses: Object.entries(networkInterfaces())
    .flatMap(([name, addresses]) =>
      (addresses ?? []).map(({ address, mac }) => ({
        interface: name,
        ip: address,
        mac: mac === noMac ? "" : mac,
      })),
    )
    .slice(0, maxAddresses),
})
