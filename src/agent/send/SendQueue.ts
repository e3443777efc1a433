// The batches an agent owes the server: in memory or in the spool, waiting or in flight, oldest first. Synchronous and without
// I/O: Sender moves bytes, this keeps the books. Invariant, in rows and in batches:
// pushed + recovered = acknowledged + in memory + in the spool + dropped.

import { type RowKind, rowKinds } from "../../model/columns.ts"
import type { EncodedBatch } from "../../wire/ColumnEncoder.ts"

/** Why rows were given up. */
export type DropReason =
  | "memory_full"
  | "spool_full"
  /** A spool file was torn, unreadable or gone. */
  | "spool_damaged"
  /** The server will never take the batch. */
  | "refused"
  /** Neither the server nor the spool took it before the agent ended. */
  | "shutdown"

export interface Outgoing {
  readonly instance: string
  readonly seq: number
  readonly kind: RowKind
  readonly rows: number
  /** As pushed; undefined once there is a frame or a file. */
  body: Uint8Array | undefined
  /** The BATCH frame; undefined before it is made and once there is a file. */
  frame: Uint8Array | undefined
  /** Name and size of the spool file, once the batch is kept there. */
  file: string | undefined
  fileBytes: number
  isInFlight: boolean
  isSpooling: boolean
  /** False: larger than the whole spool. */
  isSpoolable: boolean
  /** Acknowledged or dropped while it was being spooled. */
  isDone: boolean
  /** When the loop beside `push` first saw it, milliseconds; 0: not yet. */
  seenAtMs: number
  /** When it was sent last, milliseconds. */
  sentAtMs: number
  sends: number
  /** The server it was sent to last, `host:port`. */
  sentTo: string
  /** Connections that the server refused while this was in flight. */
  strikes: number
}

export class Tally {
  batches = 0
  rows = 0

  add(entry: { readonly rows: number }): void {
    this.batches++
    this.rows += entry.rows
  }

  subtract(entry: { readonly rows: number }): void {
    this.batches--
    this.rows -= entry.rows
  }
}

/** What a batch costs beside its bytes. */
const entryBytes = 512
/** A batch during which so many connections were refused is taken to be the cause. */
const strikesMost = 3

const keyOf = (instance: string, seq: number): string => `${instance}/${seq}`

const heldBytes = (entry: Outgoing): number =>
  entryBytes + (entry.body?.length ?? 0) + (entry.frame?.length ?? 0)

export class SendQueue {
  readonly counters = {
    pushed: new Tally(),
    recovered: new Tally(),
    sent: new Tally(),
    resent: new Tally(),
    /** Sent to a server after another one may have stored them without saying so: the only batches that can be stored twice. */
    elsewhere: new Tally(),
    acknowledged: new Tally(),
    spooled: new Tally(),
    memory: new Tally(),
    spool: new Tally(),
    dropped: {
      memory_full: new Tally(),
      spool_full: new Tally(),
      spool_damaged: new Tally(),
      refused: new Tally(),
      shutdown: new Tally(),
    } satisfies Record<DropReason, Tally>,
    /** Rows by kind, whatever the reason. */
    droppedRows: Object.fromEntries(Object.keys(rowKinds).map((kind) => [kind, 0])) as Record<
      RowKind,
      number
    >,
  }
  memoryBytes = 0
  spoolBytes = 0
  inFlight = 0
  /** Batches in flight when the server refused the connection: while there are any, one at a time is sent to find the cause. */
  suspects = 0
  /** Holds from the next batch on. */
  memoryMost: number
  /** In the order of `push`. */
  private readonly memory = new Map<string, Outgoing>()
  /** Oldest first. */
  private readonly spool = new Map<string, Outgoing>()
  private readonly instance: string
  private nextSeq = 0
  private wasFromSpool = false

  constructor(instance: string, memoryMost: number) {
    this.instance = instance
    this.memoryMost = memoryMost
  }

  /** Takes a batch; the oldest that is not in flight makes room for it where there is none. */
  push(batch: EncodedBatch): void {
    const entry = this.entry(this.instance, this.nextSeq++, batch.kind, batch.rows)
    entry.body = batch.body
    this.counters.pushed.add(entry)
    this.counters.memory.add(entry)
    this.memory.set(keyOf(entry.instance, entry.seq), entry)
    this.memoryBytes += heldBytes(entry)
    while (this.memoryBytes > this.memoryMost) {
      const oldest = this.firstWaiting(this.memory) ?? entry
      this.drop(oldest, "memory_full")
      if (oldest === entry) return
    }
  }

  /** A file that an earlier life of the agent left in the spool. */
  recover(instance: string, seq: number, kind: RowKind, rows: number, file: string, fileBytes: number): void {
    const entry = this.entry(instance, seq, kind, rows)
    entry.file = file
    entry.fileBytes = fileBytes
    this.counters.recovered.add(entry)
    this.counters.spool.add(entry)
    this.spool.set(keyOf(instance, seq), entry)
    this.spoolBytes += fileBytes
  }

  private entry(instance: string, seq: number, kind: RowKind, rows: number): Outgoing {
    return {
      instance,
      seq,
      kind,
      rows,
      body: undefined,
      frame: undefined,
      file: undefined,
      fileBytes: 0,
      isInFlight: false,
      isSpooling: false,
      isSpoolable: true,
      isDone: false,
      seenAtMs: 0,
      sentAtMs: 0,
      sends: 0,
      sentTo: "",
      strikes: 0,
    }
  }

  private firstWaiting(lane: ReadonlyMap<string, Outgoing>): Outgoing | undefined {
    for (const entry of lane.values()) if (!entry.isInFlight && !entry.isSpooling) return entry
    return undefined
  }

  /** The next to be sent, in flight from now on: new and spooled batches take turns. */
  next(): Outgoing | undefined {
    const [first, second] = this.wasFromSpool ? [this.memory, this.spool] : [this.spool, this.memory]
    const entry = this.firstWaiting(first) ?? this.firstWaiting(second)
    if (entry === undefined) return undefined
    this.wasFromSpool = entry.file !== undefined
    entry.isInFlight = true
    this.inFlight++
    return entry
  }

  /** The frame of a batch is made; its body is no longer needed. */
  framed(entry: Outgoing, frame: Uint8Array): void {
    if (entry.isDone || entry.file !== undefined) return
    this.memoryBytes -= heldBytes(entry)
    entry.frame = frame
    entry.body = undefined
    this.memoryBytes += heldBytes(entry)
  }

  sent(entry: Outgoing, nowMs: number, server: string): void {
    entry.sentAtMs = nowMs
    entry.sends++
    this.counters.sent.add(entry)
    if (entry.sends > 1) this.counters.resent.add(entry)
    if (entry.sends > 1 && entry.sentTo !== server) this.counters.elsewhere.add(entry)
    entry.sentTo = server
  }

  private find(instance: string, seq: number): Outgoing | undefined {
    const key = keyOf(instance, seq)
    return this.memory.get(key) ?? this.spool.get(key)
  }

  /** Gives the batch if it was owed; its file, if it has one, may go. */
  acknowledge(instance: string, seq: number): Outgoing | undefined {
    const entry = this.find(instance, seq)
    if (entry === undefined) return undefined
    this.counters.acknowledged.add(entry)
    this.forget(entry)
    return entry
  }

  /** Back to waiting: the server could not take it now. */
  retry(instance: string, seq: number): void {
    const entry = this.find(instance, seq)
    if (entry !== undefined) this.land(entry)
  }

  refuse(instance: string, seq: number): Outgoing | undefined {
    const entry = this.find(instance, seq)
    if (entry !== undefined) this.drop(entry, "refused")
    return entry
  }

  /** The connection is gone: all in flight wait again. Gives what was dropped because the server refuses it time and again. */
  disconnected(wasRefused: boolean): ReadonlyArray<Outgoing> {
    const dropped: Array<Outgoing> = []
    for (const lane of [this.memory, this.spool]) {
      for (const entry of lane.values()) {
        if (!entry.isInFlight) continue
        this.land(entry)
        if (!wasRefused) continue
        if (entry.strikes++ === 0) this.suspects++
        if (entry.strikes >= strikesMost) {
          this.drop(entry, "refused")
          dropped.push(entry)
        }
      }
    }
    return dropped
  }

  private land(entry: Outgoing): void {
    if (!entry.isInFlight) return
    entry.isInFlight = false
    this.inFlight--
  }

  /** Notes when batches came: `push` has no clock. */
  markSeen(nowMs: number): void {
    for (const entry of this.memory.values()) if (entry.seenAtMs === 0) entry.seenAtMs = nowMs
  }

  /** The oldest in memory that was first seen at `beforeMs` or earlier, to be spooled now. */
  takeForSpool(beforeMs: number): Outgoing | undefined {
    for (const entry of this.memory.values()) {
      if (entry.isSpooling || !entry.isSpoolable) continue
      if (entry.seenAtMs > beforeMs) return undefined
      entry.isSpooling = true
      return entry
    }
    return undefined
  }

  /** The batch is kept in a file. False: it is no longer owed, the file may go. */
  spooled(entry: Outgoing, file: string, fileBytes: number): boolean {
    entry.isSpooling = false
    if (entry.isDone) return false
    const key = keyOf(entry.instance, entry.seq)
    this.memory.delete(key)
    this.memoryBytes -= heldBytes(entry)
    this.counters.memory.subtract(entry)
    entry.body = undefined
    entry.frame = undefined
    entry.file = file
    entry.fileBytes = fileBytes
    this.spool.set(key, entry)
    this.spoolBytes += fileBytes
    this.counters.spool.add(entry)
    this.counters.spooled.add(entry)
    return true
  }

  notSpooling(entry: Outgoing): void {
    entry.isSpooling = false
  }

  /** The oldest in the spool that can be given up for room. */
  oldestSpooled(): Outgoing | undefined {
    return this.firstWaiting(this.spool)
  }

  get oldestInFlightMs(): number {
    let oldest = Infinity
    for (const lane of [this.memory, this.spool]) {
      for (const entry of lane.values()) {
        if (entry.isInFlight && entry.sentAtMs > 0 && entry.sentAtMs < oldest) oldest = entry.sentAtMs
      }
    }
    return oldest
  }

  drop(entry: Outgoing, reason: DropReason): void {
    this.counters.dropped[reason].add(entry)
    this.counters.droppedRows[entry.kind] += entry.rows
    this.forget(entry)
  }

  /** Gives up everything in memory. */
  dropMemory(reason: DropReason): void {
    for (const entry of this.memory.values()) this.drop(entry, reason)
  }

  private forget(entry: Outgoing): void {
    this.land(entry)
    entry.isDone = true
    if (entry.strikes > 0) this.suspects--
    const key = keyOf(entry.instance, entry.seq)
    if (this.memory.delete(key)) {
      this.memoryBytes -= heldBytes(entry)
      this.counters.memory.subtract(entry)
    } else if (this.spool.delete(key)) {
      this.spoolBytes -= entry.fileBytes
      this.counters.spool.subtract(entry)
    }
  }
}
