// One comparison: a real server and clients, their packets, and what tshark and `sonde replay` make of them.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { bin } from "../system/support/Sonde.ts"
import { freePort } from "../system/support/programs.ts"
import type { Message, Peer, Told } from "./Peer.ts"
import { run } from "./run.ts"
import { askTshark, capture } from "./tshark.ts"

const readyMs = 60_000

const takesConnections = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })

const untilReady = async (peer: Peer, port: number, folder: string): Promise<void> => {
  const end = performance.now() + readyMs
  let last: unknown = "no answer"
  while (performance.now() < end) {
    try {
      if (await (peer.isReady ?? takesConnections)(port, folder)) return
    } catch (cause) {
      last = cause
    }
    await sleep(100)
  }
  throw new Error(`${peer.name} does not answer`, { cause: last })
}

export interface Comparison {
  readonly theirs: Told
  readonly ours: Told
  readonly messages: ReadonlyArray<Message>
}

export const compare = async (peer: Peer): Promise<Comparison> => {
  const folder = mkdtempSync(join(tmpdir(), `sonde-${peer.name}-`))
  const port = await freePort()
  const server = await peer.start(port, folder)
  try {
    await untilReady(peer, port, folder)
    await peer.prepare?.(port, folder)
    const file = join(tmpdir(), `${folder.split("/").at(-1)}.pcap`)
    try {
      await capture(file, port, () => peer.drive(port, folder))
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
        messages,
      }
    } finally {
      rmSync(file, { force: true })
    }
  } finally {
    try {
      if (server.pid !== undefined) process.kill(-server.pid, "SIGKILL")
    } catch {
      // It has ended by itself.
    }
    peer.end?.(port)
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }
}
