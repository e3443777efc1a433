// The native addon as TypeScript sees it. Every call may throw (or reject with) an Error whose `code` names an errno value. All but
// those of probes are synchronous; loading and attaching take milliseconds to seconds, so it is used in a worker thread or by a
// command of its own.

import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"

declare const kind: unique symbol
interface Handle<Kind extends string> {
  readonly [kind]: Kind
}
export type BpfObject = Handle<"BpfObject">
export type EventRing = Handle<"EventRing">
export type Iterator = Handle<"Iterator">
export type PerfRings = Handle<"PerfRings">
export type Probes = Handle<"Probes">
export type PacketRing = Handle<"PacketRing">
export type Counting = Handle<"Counting">

export interface Addon {
  /** Loads the named programs of an object file; variables are 32-bit; `btfPath` is empty for the kernel's own BTF. */
  openObject(
    path: string,
    programs: ReadonlyArray<string>,
    variables: Readonly<Record<string, number>>,
    mapSizes: Readonly<Record<string, number>>,
    btfPath: string,
  ): BpfObject
  attach(object: BpfObject, program: string): void
  /** It stays loaded, and can be attached again; one that is not attached is no error. */
  detach(object: BpfObject, program: string): void
  /** Detaches and unloads. */
  closeObject(object: BpfObject): void
  /** Key and value are exactly as long as the map's; EINVAL otherwise. */
  mapUpdate(object: BpfObject, map: string, key: Uint8Array, value: Uint8Array): void
  /** Keys and values one after the other; returns how many of the entries the map took. */
  mapUpdateMany(object: BpfObject, map: string, keys: Uint8Array, values: Uint8Array): number
  mapDelete(object: BpfObject, map: string, key: Uint8Array): void
  /** Sums over all CPUs of each entry of a per-CPU array. */
  mapSums(object: BpfObject, map: string): Array<number>
  /** Copies entries of a hash map into the buffers and removes them; returns how many, at most what both buffers hold. */
  mapTake(object: BpfObject, map: string, keys: Uint8Array, values: Uint8Array): number
  /** Copies keys and values one after the other, as many as there is room for; how many. One may come twice while programs write. */
  mapEntries(object: BpfObject, map: string, keys: Uint8Array, values: Uint8Array): number
  /** Of a loaded object; EPERM for constants. */
  setVariable(object: BpfObject, name: string, value: number): void
  /** The kernel counts runs of programs, of all on this machine, until `stopCounting` or the end of the process. EPERM, EINVAL (5.8). */
  startCounting(): Counting
  stopCounting(counting: Counting): void
  /** Of each loaded program since it was loaded, as far as runs were counted. */
  programStats(
    object: BpfObject,
  ): Array<[name: string, runs: number, nanoseconds: number, missedByRecursion: number]>
  openRing(object: BpfObject, map: string): EventRing
  /**
   * Copies whole records [u32 length, u32 0, data, padding to 8]; returns the bytes written. EMSGSIZE when not even the next one
   * fits.
   */
  pollRing(ring: EventRing, destination: Uint8Array): number
  /** For kernels without such a ring: one of perf for each CPU, of `bytes` together. */
  openPerfRings(object: BpfObject, map: string, bytes: number): PerfRings
  /** As `pollRing`, in the order in which events happened on all CPUs; those of the last millisecond stay for the next call. */
  pollPerfRings(rings: PerfRings, destination: Uint8Array): number
  /** Bytes that wait in the ring. */
  ringWaiting(ring: EventRing): number
  /** A program that walks all entries of a map, or without a map's name what its kind walks. */
  openIterator(object: BpfObject, program: string, map: string): Iterator
  /**
   * Begins a pass, or goes on with one that did not fit; returns the bytes written, less than there is room for when the pass is over.
   * Records are not kept whole: give room for a whole number of them.
   */
  readIterator(iterator: Iterator, destination: Uint8Array): number
  closeIterator(iterator: Iterator): void
  /** `interfaceName` is empty for all; the filter is made by capture/cbpf.ts; a block waits at most `retireMs`. */
  openPackets(
    interfaceName: string,
    filter: Uint8Array,
    blocks: number,
    blockSize: number,
    retireMs: number,
  ): PacketRing
  /** Copies whole packets behind 32-byte headers (native/packet_ring.c), padded to 8; returns the bytes written. EMSGSIZE as above. */
  pollPackets(ring: PacketRing, destination: Uint8Array): number
  /** Packets taken and dropped by the kernel since the start. */
  packetStats(ring: PacketRing): [packets: number, drops: number]
  closePackets(ring: PacketRing): void
  /**
   * Attaches programs to functions (file offset of each) of the file at `path`, for all processes that map it: all or none. The
   * object cannot be closed meanwhile.
   */
  attachProbes(
    object: BpfObject,
    path: string,
    probes: ReadonlyArray<readonly [program: string, offset: number, isReturn: boolean]>,
  ): Promise<Probes>
  detachProbes(probes: Probes): Promise<void>
  /** To be added to CLOCK_MONOTONIC nanoseconds for nanoseconds since 1970. */
  clockOffsetNs(): number
  /** Gives back what the C library keeps of memory that was freed. */
  trimMemory(): void
  /** A listening descriptor of the abstract Unix socket of this name; EADDRINUSE when another process has it. */
  claimName(name: string): number
  /**
   * The process that listens under this name and what it says to who connects; ECONNREFUSED when there is none. Waits at most
   * `timeoutMs` for the text. Pid 0: of another pid namespace.
   */
  askName(name: string, timeoutMs: number): [pid: number, uid: number, text: string]
  /** Ids of all loaded kernel programs whose names begin with `prefix` (of the whole host); EPERM without CAP_SYS_ADMIN. */
  programIds(prefix: string): Array<number>
}

const built = (name: string): string => fileURLToPath(new URL(`../../../../build/${name}`, import.meta.url))

/** Path of the compiled kernel programs. */
export const kernelObjectPath: string = built("bpf/sonde.bpf.o")

/** The same without what asks the kernel itself for its types. */
export const kernelObjectWithoutTypesPath: string = built("bpf/sonde_without_types.bpf.o")

/** For old kernels: bpf/compat.bpf.c. */
export const compatObjectPath: string = built("bpf/sonde_compat.bpf.o")

/** The addon, or why it cannot be used. */
export const loadAddon = (): Addon | { readonly missing: string; readonly next: string } => {
  const path = built("sonde.node")
  if (!existsSync(path)) return { missing: "the native addon is not built", next: "run: npm run setup" }
  try {
    return createRequire(import.meta.url)(path) as Addon
  } catch (cause) {
    return {
      missing: `the native addon does not load: ${(cause as Error).message}`,
      next: "run: npm run setup",
    }
  }
}
