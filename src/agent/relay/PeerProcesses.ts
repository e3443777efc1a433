// Which process of this host is at the other end of a connection on loopback: the kernel's list of sockets tells the number of the
// peer's, and a process holds it. Asked once for each connection; senders of before are looked at first. The work is done in
// pieces, so that a host with many sockets and processes does not stop the agent.

import { statSync } from "node:fs"
import { open, readFile } from "node:fs/promises"
import { setImmediate } from "node:timers/promises"
import { listPids, readDescriptors, readProcess } from "../process/procfs.ts"
import { serviceName } from "../process/serviceName.ts"
import type { SenderProcess } from "./SpanRows.ts"

export interface LoopbackConnection {
  /** As Node tells them: "127.0.0.1", "::1", "::ffff:127.0.0.1". */
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly remotePort: number
}

interface PeerSocket {
  readonly inode: number
  readonly uid: number
}

const pieceBytes = 65_536
/** More than a line has. */
const lineMost = 256
/** What is done in one go, and what a look-up may take in all: a host may have ten thousand processes. */
const goMs = 3
const lookupMs = 1_000
/** Senders that are looked at first; the oldest makes room. */
const sendersMost = 64
/** Look-ups at the same time, waiting ones included; senders beyond stay unknown. */
const lookupsMost = 32

const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0")

/** An address as /proc/net/tcp and /proc/net/tcp6 print it: words of 32 bits in the order of the host's bytes. */
const hexAddress = (
  address: string,
): { readonly file: "tcp" | "tcp6"; readonly text: string } | undefined => {
  const dotted = /^(::ffff:)?(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  if (dotted !== null) {
    const word = [dotted[5], dotted[4], dotted[3], dotted[2]]
      .map((byte) => Number(byte).toString(16).padStart(2, "0"))
      .join("")
      .toUpperCase()
    return { file: "tcp", text: word }
  }
  return address === "::1" ? { file: "tcp6", text: "00000000000000000000000001000000" } : undefined
}

/** Ends as the peer's own line has them: its address first. */
const lineKeys = ({
  localAddress,
  localPort,
  remoteAddress,
  remotePort,
}: LoopbackConnection): ReadonlyArray<readonly [file: string, key: string]> => {
  const [peer, own] = [hexAddress(remoteAddress), hexAddress(localAddress)]
  if (peer === undefined || own === undefined) return []
  const key = `${peer.text}:${hexPort(remotePort)} ${own.text}:${hexPort(localPort)} `
  if (peer.file === "tcp6") return [["tcp6", key]]
  // A client that is ready for both families has its socket in the other list.
  const mapped = (text: string): string => `0000000000000000FFFF0000${text}`
  const key6 = `${mapped(peer.text)}:${hexPort(remotePort)} ${mapped(own.text)}:${hexPort(localPort)} `
  return [
    ["tcp", key],
    ["tcp6", key6],
  ]
}

const socketIn = async (file: string, key: string): Promise<PeerSocket | undefined> => {
  const handle = await open(`/proc/self/net/${file}`)
  try {
    const piece = Buffer.alloc(pieceBytes)
    let rest = ""
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, pieceBytes)
      const text = rest + piece.toString("latin1", 0, bytesRead)
      const at = text.indexOf(key)
      const end = at < 0 ? -1 : text.indexOf("\n", at)
      if (end >= 0) {
        // Behind the ends: state, queues, timer, retransmissions, user, timeout, inode.
        const fields = text
          .slice(at + key.length, end)
          .trim()
          .split(/\s+/)
        return { uid: Number(fields[4]), inode: Number(fields[6]) }
      }
      if (bytesRead === 0) return undefined
      rest = at < 0 ? text.slice(-lineMost) : text.slice(at)
    }
  } finally {
    await handle.close()
  }
}

const holds = (pid: number, { inode, uid }: PeerSocket): boolean => {
  const owner = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid
  // A process that may not be looked into by its own user is root's here.
  return (owner === uid || owner === 0) && readDescriptors(pid).sockets.includes(inode)
}

/** Its number in its own namespace, by which it knows itself. */
const ownPid = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "")
  return Number(/^NSpid:.*?(\d+)$/m.exec(status)?.[1] ?? pid)
}

export class PeerProcesses {
  readonly counters = { found: 0, unknown: 0, refused: 0 }
  /** The latest last. */
  readonly #senders = new Set<number>()
  #lookups = 0
  /** Looked up one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  /** Undefined: it is not known. Never fails. */
  find(connection: LoopbackConnection): Promise<SenderProcess | undefined> {
    if (this.#lookups >= lookupsMost) {
      this.counters.refused++
      return Promise.resolve(undefined)
    }
    this.#lookups++
    const found = this.#last.then(() => this.#find(connection)).catch(() => undefined)
    this.#last = found
    return found.then((process) => {
      this.#lookups--
      if (process === undefined) this.counters.unknown++
      else this.counters.found++
      return process
    })
  }

  async #find(connection: LoopbackConnection): Promise<SenderProcess | undefined> {
    for (const [file, key] of lineKeys(connection)) {
      const socket = await socketIn(file, key)
      if (socket === undefined) continue
      const pid = await this.#holder(socket)
      return pid === undefined ? undefined : this.#process(pid)
    }
    return undefined
  }

  async #holder(socket: PeerSocket): Promise<number | undefined> {
    // Of those that never sent, the youngest first: a program that begins to send has most often just started.
    const others = listPids().filter((pid) => !this.#senders.has(pid))
    const untilMs = performance.now() + lookupMs
    let goUntilMs = performance.now() + goMs
    for (const pid of [...[...this.#senders].toReversed(), ...others.toReversed()]) {
      if (holds(pid, socket)) return pid
      if (performance.now() < goUntilMs) continue
      if (performance.now() > untilMs) return undefined
      await setImmediate()
      goUntilMs = performance.now() + goMs
    }
    return undefined
  }

  async #process(pid: number): Promise<SenderProcess | undefined> {
    const info = readProcess(pid)
    if (info === undefined) return undefined
    this.#senders.delete(pid)
    this.#senders.add(pid)
    if (this.#senders.size > sendersMost) this.#senders.delete(this.#senders.values().next().value!)
    return {
      pid,
      ownPid: await ownPid(pid),
      name: info.comm,
      service: serviceName(info.comm, info.args),
      containerId: info.containerId,
    }
  }
}
