// Which sockets listen on this host, and which processes hold them: several, where workers inherit one. Bounded by what the kernel
// lists; a socket that is no longer listed is forgotten with its holders.

import type { ListeningSocket } from "./procfs.ts"

export interface ListeningPort {
  readonly ip: Uint8Array
  readonly port: number
}

interface Held {
  readonly socket: ListeningSocket
  readonly holders: Set<number>
  /** Updates since it was first seen. */
  updates: number
}

/** A holder that is new itself is found by then; else one that was there before has to be looked for, once. */
const searchAfter = 2

export class ListeningPorts {
  readonly #byInode = new Map<number, Held>()
  readonly #byPort = new Map<number, Set<Held>>()
  /** Of each process the sockets that it holds. */
  readonly #byPid = new Map<number, ReadonlyArray<Held>>()

  /**
   * The sockets that listen now: whether some have no holder that is known, whether that of one has to be looked for among all, and who held
   * one that is gone.
   */
  update(sockets: ReadonlyArray<ListeningSocket>): {
    readonly hasUnheld: boolean
    readonly isUnheld: boolean
    readonly changed: ReadonlySet<number>
  } {
    const inodes = new Set(sockets.map(({ inode }) => inode))
    const changed = new Set<number>()
    for (const [inode, held] of this.#byInode) if (!inodes.has(inode)) this.#forget(inode, held, changed)
    let hasUnheld = false
    let isUnheld = false
    for (const socket of sockets) {
      const known = this.#byInode.get(socket.inode)
      if (known !== undefined) {
        known.updates++
        if (known.holders.size === 0) hasUnheld = true
        if (known.holders.size === 0 && known.updates === searchAfter) isUnheld = true
        continue
      }
      const held: Held = { socket, holders: new Set(), updates: 0 }
      this.#byInode.set(socket.inode, held)
      hasUnheld = true
      const ofPort = this.#byPort.get(socket.port)
      if (ofPort === undefined) this.#byPort.set(socket.port, new Set([held]))
      else ofPort.add(held)
    }
    return { hasUnheld, isUnheld, changed }
  }

  #forget(inode: number, held: Held, changed: Set<number>): void {
    this.#byInode.delete(inode)
    const ofPort = this.#byPort.get(held.socket.port)
    ofPort?.delete(held)
    if (ofPort?.size === 0) this.#byPort.delete(held.socket.port)
    for (const pid of held.holders) {
      changed.add(pid)
      const rest = (this.#byPid.get(pid) ?? []).filter((one) => one !== held)
      if (rest.length === 0) this.#byPid.delete(pid)
      else this.#byPid.set(pid, rest)
    }
  }

  /** The process holds these sockets, whatever they are, and no others; those of them that listen, one for each port. */
  holds(pid: number, inodes: ReadonlyArray<number>): ReadonlyArray<ListeningPort> {
    this.gone(pid)
    const held = inodes.flatMap((inode) => this.#byInode.get(inode) ?? [])
    if (held.length > 0) this.#byPid.set(pid, held)
    for (const { holders } of held) holders.add(pid)
    return this.of(pid)
  }

  /** What this process listens on, one entry for each port. */
  of(pid: number): ReadonlyArray<ListeningPort> {
    const held = this.#byPid.get(pid) ?? []
    return [...new Map(held.map(({ socket: { ip, port } }) => [port, { ip, port }])).values()]
  }

  gone(pid: number): void {
    const held = this.#byPid.get(pid)
    if (held === undefined) return
    this.#byPid.delete(pid)
    for (const { holders } of held) holders.delete(pid)
  }

  /** Workers inherit the socket: the oldest process that holds it, usually the master, names the service. */
  owner(port: number): number | undefined {
    let owner: number | undefined
    for (const { holders } of this.#byPort.get(port) ?? [])
      for (const pid of holders) if (owner === undefined || pid < owner) owner = pid
    return owner
  }
}
