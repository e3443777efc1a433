// The kernel side of socket capture, opened by the best hook that works here: each is tried by loading and attaching it.

import { availableParallelism } from "node:os"
import type { Feature } from "../../../model/AgentStatus.ts"
import type { ExclusionTarget } from "../Exclusions.ts"
import { noWaking, type WakeTarget } from "../HandOverHooks.ts"
import { kernelCounters, kernelLimits, kernelScope, socketFlow, watchedProcess } from "../layout.gen.ts"
import type { Probe, ProbesTarget } from "../probes/LibraryProbes.ts"
import type { VerdictTarget } from "../Verdicts.ts"
import {
  type Addon,
  type BpfObject,
  compatObjectPath,
  type EventRing,
  type Iterator,
  kernelObjectPath,
  kernelObjectWithoutTypesPath,
  type Probes,
} from "./Addon.ts"
import { hasKernelTypes, typesFile } from "./kernelTypes.ts"
import {
  attachExtras,
  btfExtras,
  filesMissing,
  filesOfOldKernels,
  rawExtras,
  tracepointExtras,
} from "./extraHooks.ts"
import type { CountedPrograms } from "./HookCosts.ts"
import {
  defaultSockets,
  eventsPerWindow,
  forgetAllMapped,
  readRefusedEvents,
  ringBytes,
  tableSizes,
} from "./kernelTables.ts"
import { bpfReason, type Reason } from "./privileges.ts"

/**
 * Ways to hook the same four things, best first: what system calls move; connections and processes. Programs are named in bpf/hooks.
 */
const hookKinds = [
  {
    hook: "tp_btf direct",
    calls: ["sonde_exit_direct"],
    others: ["sonde_state_btf", "sonde_exec_btf", "sonde_gone_btf"],
    extras: btfExtras,
  },
  {
    hook: "tp_btf",
    calls: ["sonde_exit_btf"],
    others: ["sonde_state_btf", "sonde_exec_btf", "sonde_gone_btf"],
    extras: btfExtras,
  },
  {
    hook: "raw_tp",
    calls: ["sonde_exit_raw"],
    others: ["sonde_state_raw", "sonde_exec_raw", "sonde_gone_raw"],
    extras: rawExtras,
  },
  {
    hook: "tracepoint",
    calls: ["sonde_enter_tp", "sonde_exit_tp"],
    others: ["sonde_state_tp", "sonde_exec_tp", "sonde_gone_tp"],
    extras: tracepointExtras,
  },
] as const

/** Not attached: run when they are read. */
const iteratorsOf = (hook: HookKind): readonly [flows: string, owners: string] => [
  hook === "tp_btf direct" ? "sonde_flows_direct" : "sonde_flows",
  "sonde_owners",
]
/** For kernels where none of these can be had: tells the same, but for addresses, sequence numbers and what is within TLS. */
const compat = {
  hook: "compat",
  programs: ["sonde_compat_enter", "sonde_compat_exit", "sonde_compat_exec", "sonde_compat_gone"],
} as const

/** Attached to functions of files, not at once, under the names that tls/tlsLibraries.ts and python/taskHooks.ts give them. */
const functionPrograms = [
  ...["sonde_task_step", "sonde_task_step_end", "sonde_task_step_end_1"],
  ...["sonde_task_throw", "sonde_task_made"],
  ...["sonde_tls_handshake", "sonde_tls_read", "sonde_tls_write", "sonde_tls_read_ex", "sonde_tls_write_ex"],
  ...[
    "sonde_tls_return",
    "sonde_tls_free",
    "sonde_go_read",
    "sonde_go_write",
    "sonde_go_return",
    "sonde_go_round_trip",
    "sonde_go_ready",
    "sonde_go_begin",
    "sonde_rustls_handshake",
    "sonde_rustls_read",
    "sonde_rustls_write",
    "sonde_rustls_write_chunks",
    "sonde_rustls_return",
    "sonde_tls_java",
  ],
]

export type HookKind = (typeof hookKinds)[number]["hook"] | typeof compat.hook

export interface FileOptions {
  /** Calls that waited for so many microseconds are told of one by one. */
  readonly slowUs: number
  /** Such events that one CPU tells of in a second. Default: 512. */
  readonly eventsPerCpu?: number
}

export interface SocketTracerOptions {
  /** 64 to 4095. */
  readonly payloadBytes: number
  readonly ringMiB: number
  /** Events a second of one process; 0 or left out: any number. */
  readonly eventsPerProcess?: number
  /** Connections of which the kernel side keeps the state at the same time; other tables have a part of that. */
  readonly sockets?: number
  /** Why nothing is attached to system calls, and connections are only counted; undefined: requests are read. */
  readonly onlyCounted?: Reason | undefined
  /** Payloads of unknown protocol that one CPU offers in a second; by default its share of `defaultOffers`. */
  readonly offersPerCpu?: number
  /** Calls on files that had to wait; undefined: not followed. */
  readonly files?: FileOptions | undefined
  /** Only this kind of hook is tried; for tests. */
  readonly only?: HookKind
  readonly objectPath?: string
  /** `agent.kernelTypes` */
  readonly kernelTypes?: string
}

/** As bpf/lib/compat_call.h has it. */
const descriptorKey = (pid: number, fd: number): bigint =>
  ((BigInt(pid) << 20n) | BigInt(fd & 0xf_ffff)) << 6n
const payloadMost = 4_095

/** As bpf/lib/settings.h has it. */
const flowIdleSeconds = 600

/** Connections taken from the kernel at once. */
const flowsAtOnce = 1_024

/** Of all CPUs together; to look at them takes some hundredths of a core. */
const defaultOffers = 8_192
/** The share of one CPU below which a quiet machine with many of them would notice. */
const minOffers = 256

export class SocketTracer
  implements ExclusionTarget, VerdictTarget, ProbesTarget, WakeTarget, CountedPrograms
{
  readonly hook: HookKind
  readonly features: ReadonlyArray<Feature>
  /** Where the kernel's types come from; empty: the kernel itself. */
  readonly typesFile: string
  /** Whether connections can be read while they go on. */
  readonly hasIterators: boolean
  readonly #addon: Addon
  readonly #object: BpfObject
  readonly #poll: (destination: Uint8Array) => number
  /** Undefined: perf rings. */
  readonly #ring: EventRing | undefined
  readonly #offersPerCpu: number
  readonly #flows: Iterator | undefined
  readonly #owners: Iterator | undefined
  readonly #flowBuffer = new Uint8Array(flowsAtOnce * socketFlow.size)
  readonly #limits = new Uint8Array(kernelLimits.size)
  /** The program on wake-ups of threads. */
  readonly #waking: string | undefined
  #epoch = 0

  constructor(
    addon: Addon,
    object: BpfObject,
    hook: HookKind,
    features: ReadonlyArray<Feature>,
    typesFile: string,
    rings: {
      readonly poll: (destination: Uint8Array) => number
      readonly ring?: EventRing
      readonly offersPerCpu: number
    },
    waking?: string,
  ) {
    this.hook = hook
    this.typesFile = typesFile
    this.features = features
    this.#addon = addon
    this.#object = object
    this.#poll = rings.poll
    this.#ring = rings.ring
    this.#offersPerCpu = rings.offersPerCpu
    this.#waking = waking
    this.hasIterators = hook !== compat.hook && typesFile === ""
    if (!this.hasIterators) return
    const [flows, owners] = iteratorsOf(hook)
    this.#flows = addon.openIterator(object, flows, "sockets")
    this.#owners = addon.openIterator(object, owners, "")
  }

  get #isCompat(): boolean {
    return this.hook === compat.hook
  }

  /** Copies waiting events into the buffer, which has room for the largest (below 5 kB); returns the bytes written. */
  poll(destination: Uint8Array): number {
    return this.#poll(destination)
  }

  /** These descriptors are TCP sockets; only `compat` has to be told. Returns how many of them were taken. */
  tellDescriptors(descriptors: ReadonlyArray<{ readonly pid: number; readonly fd: number }>): number {
    const keys = new BigUint64Array(descriptors.map(({ fd, pid }) => descriptorKey(pid, fd)))
    const ones = new Uint8Array(keys.length).fill(1)
    return this.#addon.mapUpdateMany(this.#object, "descriptors", new Uint8Array(keys.buffer), ones)
  }

  /**
   * Hands out the connections in which something moved since they were last told, and each that is idle every ten minutes, as records
   * of `socketFlow.size` bytes one after the other. `isEach`: all connections there are.
   */
  readFlows(take: (bytes: Uint8Array, length: number) => void, isEach = false): void {
    if (this.#flows === undefined) return
    if (isEach) this.#addon.setVariable(this.#object, "flow_idle_seconds", 0)
    this.#readFlows(this.#flows, take)
    if (isEach) this.#addon.setVariable(this.#object, "flow_idle_seconds", flowIdleSeconds)
  }

  #readFlows(flows: Iterator, take: (bytes: Uint8Array, length: number) => void): void {
    for (let isMore = true; isMore;) {
      const length = this.#addon.readIterator(flows, this.#flowBuffer)
      if (length > 0) take(this.#flowBuffer, length)
      isMore = length === this.#flowBuffer.length
    }
  }

  /** Looks through the descriptors of all processes: whose a connection is, and connections older than the tracer. */
  findOwners(): void {
    if (this.#owners !== undefined) this.#addon.readIterator(this.#owners, this.#flowBuffer)
  }

  /** Of this process no more is taken than that from now on. False when the kernel's table is full. */
  excludeProcess(pid: number, scope: number = kernelScope.none): boolean {
    return this.#put("excluded_tgids", new Uint8Array(new Uint32Array([pid]).buffer), scope)
  }

  /** Of connections with this TCP port at either end so much is taken from now on. False when the kernel's table is full. */
  excludePort(port: number, scope: number = kernelScope.none): boolean {
    const isTaken = this.#put("excluded_ports", new Uint8Array(new Uint16Array([port]).buffer), scope)
    this.#say()
    return isTaken
  }

  /** So much is taken of connections of whose ports nothing was said. */
  limitOtherPorts(scope: number): void {
    this.#limits[kernelLimits.otherPorts] = scope
    this.#say()
  }

  /** What was said of ports changed: each connection looks again. */
  #say(): void {
    // Addresses are not known to it: user space leaves ports out (compat/openCompat.ts).
    if (this.hook === compat.hook) return
    new DataView(this.#limits.buffer).setUint32(kernelLimits.epoch, ++this.#epoch, true)
    this.#addon.mapUpdate(this.#object, "limits", new Uint8Array(4), this.#limits)
  }

  #put(map: string, key: Uint8Array, scope: number): boolean {
    try {
      this.#addon.mapUpdate(this.#object, map, key, new Uint8Array([scope]))
      return true
    } catch {
      return false
    }
  }

  includeProcess(pid: number): void {
    this.#addon.mapDelete(this.#object, "excluded_tgids", new Uint8Array(new Uint32Array([pid]).buffer))
  }

  includePort(port: number): void {
    this.#addon.mapDelete(this.#object, "excluded_ports", new Uint8Array(new Uint16Array([port]).buffer))
    this.#say()
  }

  decideSockets(keys: Uint8Array, verdicts: Uint8Array): number {
    return this.#addon.mapUpdateMany(this.#object, "verdicts", keys, verdicts)
  }

  decideServers(keys: Uint8Array, verdicts: Uint8Array): number {
    return this.#addon.mapUpdateMany(this.#object, "servers", keys, verdicts)
  }

  forgetServer(key: Uint8Array): void {
    this.#addon.mapDelete(this.#object, "servers", key)
  }

  /** Moves the sums of calls on files into the buffers (layout: fileKey, fileSum); returns how many. */
  takeFileSums(keys: Uint8Array, sums: Uint8Array): number {
    return this.#addon.mapTake(this.#object, "file_sums", keys, sums)
  }

  /** The same of datagrams (layout: datagramKey, datagramSum). */
  takeDatagramSums(keys: Uint8Array, sums: Uint8Array): number {
    return this.#isCompat ? 0 : this.#addon.mapTake(this.#object, "datagram_sums", keys, sums)
  }

  attachProbes(path: string, probes: ReadonlyArray<Probe>): Promise<Probes> {
    return this.#addon.attachProbes(this.#object, path, probes)
  }

  detachProbes(probes: Probes): Promise<void> {
    return this.#addon.detachProbes(probes)
  }

  /** Of this process it is told from now on who wakes whom. False when the kernel's table is full. */
  watch(tgid: number): boolean {
    try {
      const key = new Uint8Array(new Uint32Array([tgid]).buffer)
      this.#addon.mapUpdate(this.#object, "watched", key, new Uint8Array(watchedProcess.size))
      return true
    } catch {
      return false
    }
  }

  unwatch(tgid: number): void {
    this.#addon.mapDelete(this.#object, "watched", new Uint8Array(new Uint32Array([tgid]).buffer))
  }

  get wakingHook(): string {
    return this.#waking === undefined ? "" : `${tracepointOf(this.hook)}/sched_waking`
  }

  attachWaking(): Reason | undefined {
    if (this.#waking === undefined) return noWaking
    try {
      this.#addon.attach(this.#object, this.#waking)
      return undefined
    } catch (cause) {
      return bpfReason(cause as Error & { code?: string }, this.typesFile)
    }
  }

  detachWaking(): void {
    if (this.#waking !== undefined) this.#addon.detach(this.#object, this.#waking)
  }

  forgetMapped(key: Uint8Array): void {
    this.#addon.mapDelete(this.#object, "mapped", key)
  }

  /** The kernel tells again of every file that is mapped from now on. */
  forgetAllMapped(): void {
    forgetAllMapped(this.#addon, this.#object)
  }

  /** Most bytes of a payload from now on; at most 4,095. */
  setPayloadBytes(bytes: number): void {
    const most = Math.min(bytes, payloadMost)
    if (this.#isCompat) setCompat(this.#addon, this.#object, most, this.#offersPerCpu)
    else this.#addon.setVariable(this.#object, "payload_bytes", most)
  }

  /** Events a second of one process from now on; 0: any number. The programs for old kernels let pass all. */
  setEventsPerProcess(perSecond: number): void {
    if (!this.#isCompat) this.#addon.setVariable(this.#object, "process_events", eventsPerWindow(perSecond))
  }

  /** Whether calls on files are followed from now on. */
  followFiles(follows: boolean): void {
    if (!this.#isCompat) this.#addon.setVariable(this.#object, "follows_files", follows ? 1 : 0)
  }

  /** Whether Tasks of hooked modules are looked for from now on. */
  followTasks(follows: boolean): void {
    if (!this.#isCompat) this.#addon.setVariable(this.#object, "follows_tasks", follows ? 1 : 0)
  }

  /** Events that processes were refused, by process, as far as the kernel remembers them. */
  refusedEvents(): ReadonlyMap<number, number> {
    return this.#isCompat ? new Map() : readRefusedEvents(this.#addon, this.#object)
  }

  /** Bytes that wait in the ring; 0 of perf rings, which do not say. */
  waiting(): number {
    return this.#ring === undefined ? 0 : this.#addon.ringWaiting(this.#ring)
  }

  startCounting(): () => void {
    const counting = this.#addon.startCounting()
    return () => this.#addon.stopCounting(counting)
  }

  programStats(): ReturnType<CountedPrograms["programStats"]> {
    return this.#addon.programStats(this.#object)
  }

  counters(): Record<(typeof kernelCounters)[number], number> {
    const sums = this.#addon.mapSums(this.#object, "counters")
    return Object.fromEntries(kernelCounters.map((name, at) => [name, sums[at] ?? 0])) as Record<
      (typeof kernelCounters)[number],
      number
    >
  }

  /**
   * Detaches and unloads. Each tracepoint waits for the kernel's RCU grace period: the `tracepoint` kind blocks its thread for
   * about half a second in all, the others for about a millisecond. Made for a worker or a command, not for a main thread.
   */
  close(): void {
    for (const iterator of [this.#flows, this.#owners])
      if (iterator !== undefined) this.#addon.closeIterator(iterator)
    this.#addon.closeObject(this.#object)
  }
}

const classicHook = (hook: HookKind): string =>
  `tp/raw_syscalls enter+exit${hook === compat.hook ? ", for old kernels" : ""}`

const featureNames = ["socket data", "connection roles", "process starts", "connection counters"] as const

const noCounters = {
  on: false,
  hook: "",
  missing: "connections can only be walked where the kernel describes its types itself",
  next: "use a kernel from 5.8 on with /sys/kernel/btf/vmlinux",
}

const tracepointOf = (hook: HookKind): string =>
  hook === "tracepoint" || hook === "compat" ? "tp" : hook.split(" ", 1)[0]!

const fileConstants = ({ eventsPerCpu, slowUs }: FileOptions): Readonly<Record<string, number>> => ({
  file_slow_us: slowUs,
  ...(eventsPerCpu === undefined ? {} : { file_events_per_second: eventsPerCpu }),
})

const features = (
  hook: HookKind,
  refused: ReadonlyArray<readonly [HookKind, Reason]>,
  onlyCounted: Reason | undefined,
  hasIterators: boolean,
): ReadonlyArray<Feature> => {
  const missing = refused.map(([kind, reason]) => `${kind}: ${reason.missing}`).join("; ")
  const next = refused[0]?.[1].next ?? ""
  const isClassic = hook === "tracepoint" || hook === "compat"
  const tracepoint = tracepointOf(hook)
  const [data, roles, starts, counters] = featureNames
  return [
    {
      name: data,
      ...(onlyCounted === undefined
        ? { on: true, hook: isClassic ? classicHook(hook) : `${tracepoint}/sys_exit`, missing, next }
        : { on: false, hook: "", missing: onlyCounted.missing, next: onlyCounted.next }),
    },
    {
      name: roles,
      on: true,
      hook: hook === "compat" ? classicHook(hook) : `${tracepoint}/inet_sock_set_state`,
      missing: "",
      next: "",
    },
    { name: starts, on: true, hook: `${tracepoint}/sched_process_exec`, missing: "", next: "" },
    {
      name: counters,
      ...(hasIterators ? { on: true, hook: "iter/bpf_map_elem", missing: "", next: "" } : noCounters),
    },
  ]
}

const offersPerCpu = (): number => Math.max(minOffers, Math.ceil(defaultOffers / availableParallelism()))

/** What the programs for old kernels have in place of constants and variables. */
const setCompat = (addon: Addon, object: BpfObject, payloadBytes: number, offers: number): void =>
  addon.mapUpdate(
    object,
    "settings",
    new Uint8Array(4),
    new Uint8Array(new Uint32Array([payloadBytes, offers]).buffer),
  )

/** Undefined when this cannot be had, either. */
const openCompat = (
  addon: Addon,
  options: SocketTracerOptions,
  refused: Array<readonly [HookKind, Reason]>,
): SocketTracer | undefined => {
  let object: BpfObject | undefined
  try {
    object = addon.openObject(compatObjectPath, compat.programs, {}, {}, "")
    const offers = options.offersPerCpu ?? offersPerCpu()
    setCompat(addon, object, Math.min(options.payloadBytes, payloadMost), offers)
    const rings = addon.openPerfRings(object, "events", ringBytes(options.ringMiB))
    for (const program of compat.programs) addon.attach(object, program)
    const all = [
      ...features(compat.hook, refused, undefined, false),
      options.files === undefined ? filesMissing(undefined) : filesOfOldKernels,
    ]
    return new SocketTracer(addon, object, compat.hook, all, "", {
      poll: (destination) => addon.pollPerfRings(rings, destination),
      offersPerCpu: offers,
    })
  } catch (cause) {
    if (object !== undefined) addon.closeObject(object)
    refused.push([compat.hook, bpfReason(cause as Error & { code?: string })])
    return undefined
  }
}

/** Opens the best tracer, or says for each feature why there is none. */
export const openSocketTracer = (
  addon: Addon,
  options: SocketTracerOptions,
): SocketTracer | { readonly refused: ReadonlyArray<Feature> } => {
  const refused: Array<readonly [HookKind, Reason]> = []
  const types = typesFile(options.kernelTypes ?? "")
  const { onlyCounted } = options
  const isPayloadRead = onlyCounted === undefined
  const hasIterators = types === ""
  if (!isPayloadRead && !hasIterators)
    return { refused: featureNames.map((name) => ({ name, ...noCounters })) }
  for (const { calls, extras, hook, others } of hookKinds) {
    if (options.only !== undefined && options.only !== hook) continue
    // These are checked against the types of the kernel itself.
    if (options.only === undefined && hook.startsWith("tp_btf") && !hasKernelTypes()) continue
    const programs = isPayloadRead ? [...calls, ...others] : others
    let object: BpfObject | undefined
    const offers = options.offersPerCpu ?? offersPerCpu()
    try {
      object = addon.openObject(
        options.objectPath ?? (types === "" ? kernelObjectPath : kernelObjectWithoutTypesPath),
        [
          ...programs,
          ...(hasIterators ? iteratorsOf(hook) : []),
          ...(isPayloadRead ? functionPrograms : []),
          ...extras.rings,
          extras.oom,
          ...(options.files === undefined ? [] : [extras.files]),
          ...(isPayloadRead && extras.waking !== undefined ? [extras.waking] : []),
        ],
        {
          payload_bytes: Math.min(options.payloadBytes, payloadMost),
          process_events: eventsPerWindow(options.eventsPerProcess ?? 0),
          offers_per_second: offers,
          is_payload_read: isPayloadRead ? 1 : 0,
          ...(options.files === undefined ? {} : fileConstants(options.files)),
        },
        { events: ringBytes(options.ringMiB), ...tableSizes(options.sockets ?? defaultSockets) },
        types,
      )
      for (const program of programs) addon.attach(object, program)
      const files = options.files === undefined ? filesMissing(onlyCounted) : undefined
      const more = attachExtras(addon, object, extras, tracepointOf(hook), files)
      const ring = addon.openRing(object, "events")
      const found = [...features(hook, refused, onlyCounted, hasIterators), ...more]
      const rings = {
        poll: (destination: Uint8Array) => addon.pollRing(ring, destination),
        ring,
        offersPerCpu: offers,
      }
      return new SocketTracer(
        addon,
        object,
        hook,
        found,
        types,
        rings,
        isPayloadRead ? extras.waking : undefined,
      )
    } catch (cause) {
      if (object !== undefined) addon.closeObject(object)
      refused.push([hook, bpfReason(cause as Error & { code?: string }, types)])
    }
  }
  if (isPayloadRead && (options.only === undefined || options.only === compat.hook)) {
    const tracer = openCompat(addon, options, refused)
    if (tracer !== undefined) return tracer
  }
  const first = refused[0]![1]
  const all = new Set(refused.map(([, reason]) => reason.missing))
  const missing =
    all.size === 1 ? first.missing : refused.map(([kind, reason]) => `${kind}: ${reason.missing}`).join("; ")
  return { refused: featureNames.map((name) => ({ name, on: false, hook: "", missing, next: first.next })) }
}
