// One comparison: a real server and clients, their packets, and what tshark and `sonde replay` make of them.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bin } from "../system/support/Sonde.ts"
import type { Message, Peer, Told } from "./Peer.ts"
import { run } from "./run.ts"
import { askTshark, capture } from "./tshark.ts"

export interface Comparison {
  readonly theirs: Told
  readonly ours: Told
}

export const compare = async (peer: Peer): Promise<Comparison> => {
  const folder = mkdtempSync(join(tmpdir(), `sonde-${peer.name}-`))
  const file = join(folder, "capture.pcap")
  const { port, stop } = await peer.start()
  try {
    await peer.prepare?.(port)
    await capture(file, port, () => peer.drive(port))
    const packets = askTshark(file, peer.transport, port, peer.dissector, peer.fields)
    const messages = run(bin, ["replay", file, "--messages", "--raw"])
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Message)
    const told = (msg: string): ReadonlyArray<string> =>
      messages
        .filter((message) => message["msg"] === msg)
        .map(peer.ours)
        .filter((text) => text !== undefined)
    return {
      theirs: peer.theirs(packets, port),
      ours: { requests: told("request"), responses: told("response") },
    }
  } finally {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
