// Addresses of connections on kernels that do not tell them (bpf/compat.bpf.c): an event has the process and the descriptor, /proc has
// the rest, as long as the connection is there. Of one that is over before it was looked at, the peer is known that connect() or accept()
// told, and of a server the port when it listens on one only. What is not known stays 0.

import type { ListeningPort } from "../../process/ListeningPorts.ts"
import { readNetns, readSocketInode, readTcpSockets, type TcpSocket } from "../../process/procfs.ts"
import { eventKind, socketClose, socketData } from "../layout.gen.ts"

export interface CompatEndsOptions {
  /** Connections that were there when capture began, by `descriptorText`: those that end soon are found here. */
  readonly older: ReadonlyMap<string, TcpSocket>
  /** What a process listens on, as far as that is known. */
  readonly listening: (pid: number) => ReadonlyArray<ListeningPort>
  /** Connections with this port at either end are left alone. */
  readonly isExcluded: (port: number) => boolean
  /** Nobody wants to see what this socket moves: it is none of TCP, or excluded. */
  readonly leave: (socket: Uint8Array, generation: number) => void
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

/** The two ends of one connection; null: it is left alone. */
type Ends = Omit<TcpSocket, "inode"> | null

interface Table {
  readonly sockets: ReadonlyMap<number, TcpSocket>
  readonly readMs: number
  readonly tookMs: number
}

/** Bytes in front of each record in a drained buffer. */
const recordHeader = 8
const maxConnections = 65_536
const maxNamespaces = 64
/** Reading all sockets again waits for so many times as long as it took. */
const spacing = 5
const roleServer = 2

const unknownIp = new Uint8Array(16)
const isLoopback = (ip: Uint8Array): boolean =>
  (ip[10] === 0xff && ip[12] === 127) || (ip.subarray(0, 15).every((byte) => byte === 0) && ip[15] === 1)
const isAny = (ip: Uint8Array): boolean => ip.subarray(12).every((byte) => byte === 0)

export class CompatEnds {
  readonly counters = { compat_found_total: 0, compat_guessed_total: 0, compat_left_total: 0 }
  readonly #options: CompatEndsOptions
  readonly #now: () => number
  /** By socket and generation; the oldest makes room. */
  readonly #known = new Map<string, Ends>()
  readonly #tables = new Map<string, Table>()

  constructor(options: CompatEndsOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** Connections that are known. */
  get size(): number {
    return this.#known.size
  }

  /** Completes the records in `bytes[0, length)` and takes out those that are to be left alone; the length that is left. */
  complete(bytes: Uint8Array, view: DataView, length: number): number {
    let to = 0
    for (let at = 0; at + recordHeader <= length;) {
      const size = view.getUint32(at, true)
      const step = recordHeader + ((size + 7) & ~7)
      if (at + step > length) break
      if (this.#isWanted(bytes, view, at + recordHeader, size)) {
        if (to < at) bytes.copyWithin(to, at, at + step)
        to += step
      }
      at += step
    }
    return to
  }

  #isWanted(bytes: Uint8Array, view: DataView, at: number, size: number): boolean {
    const kind = view.getUint32(at, true)
    if (kind === eventKind.close && size >= socketClose.size) {
      this.#known.delete(keyOf(view, at + socketClose.socket, at + socketClose.generation))
      return true
    }
    if (kind !== eventKind.data || size < socketData.size) return true
    const key = keyOf(view, at + socketData.socket, at + socketData.generation)
    let ends = this.#known.get(key)
    if (ends === undefined) {
      ends = this.#find(bytes, view, at)
      if (ends !== null && (this.#options.isExcluded(ends.port) || this.#options.isExcluded(ends.remotePort)))
        ends = null
      if (this.#known.size >= maxConnections) this.#known.delete(this.#known.keys().next().value!)
      this.#known.set(key, ends)
      if (ends === null) {
        this.counters.compat_left_total++
        const socket = bytes.slice(at + socketData.socket, at + socketData.socket + 8)
        this.#options.leave(socket, view.getUint32(at + socketData.generation, true))
      }
    }
    if (ends === null) return false
    bytes.set(ends.ip, at + socketData.localIp)
    bytes.set(ends.remoteIp, at + socketData.remoteIp)
    view.setUint16(at + socketData.localPort, ends.port, true)
    view.setUint16(at + socketData.remotePort, ends.remotePort, true)
    view.setUint8(at + socketData.isIpv4, ends.remoteIp[10] === 0xff && ends.remoteIp[11] === 0xff ? 1 : 0)
    return true
  }

  #find(bytes: Uint8Array, view: DataView, at: number): Ends {
    const pid = view.getUint32(at + socketData.tgid, true)
    const fd = view.getUint32(at + socketData.fd, true)
    const inode = readSocketInode(pid, fd)
    if (inode === 0) return null
    if (inode !== undefined) {
      const found = this.#lookUp(pid, fd, inode)
      if (found === null) return null
      if (found !== undefined) {
        this.counters.compat_found_total++
        return found
      }
    }
    // Of a connection that began later, the kernel side knows the peer.
    const older =
      view.getUint16(at + socketData.remotePort, true) === 0
        ? this.#options.older.get(descriptorText(pid, fd))
        : undefined
    if (older !== undefined) {
      this.counters.compat_found_total++
      return older
    }
    this.counters.compat_guessed_total++
    return this.#guess(bytes, view, at, pid)
  }

  /** Null: the socket is there and none of TCP; undefined: not known. */
  #lookUp(pid: number, fd: number, inode: number): TcpSocket | null | undefined {
    const netns = readNetns(pid)
    const before = this.#tables.get(netns)
    const known = before?.sockets.get(inode)
    if (known !== undefined) return known
    const now = this.#now()
    if (before !== undefined && now - before.readMs < before.tookMs * spacing) return undefined
    const sockets = readTcpSockets(pid)
    if (before === undefined && this.#tables.size >= maxNamespaces) this.#tables.clear()
    this.#tables.set(netns, { sockets, readMs: now, tookMs: this.#now() - now })
    const found = sockets.get(inode)
    if (found !== undefined) return found
    // It may have been closed between the two looks.
    return readSocketInode(pid, fd) === inode ? null : undefined
  }

  #guess(bytes: Uint8Array, view: DataView, at: number, pid: number): Ends {
    const remoteIp = bytes.slice(at + socketData.remoteIp, at + socketData.remoteIp + 16)
    const remotePort = view.getUint16(at + socketData.remotePort, true)
    const listening = view.getUint8(at + socketData.role) === roleServer ? this.#options.listening(pid) : []
    const only = listening.length === 1 ? listening[0] : undefined
    const ip = only !== undefined && !isAny(only.ip) ? only.ip : isLoopback(remoteIp) ? remoteIp : unknownIp
    return { ip, port: only?.port ?? 0, remoteIp, remotePort }
  }
}

export const descriptorText = (pid: number, fd: number): string => `${pid}/${fd}`

const keyOf = (view: DataView, socket: number, generation: number): string =>
  `${view.getBigUint64(socket, true)}/${view.getUint32(generation, true)}`
