// The kernel side of socket capture, opened by the best hook that works here: each is tried by loading and attaching it.

import { availableParallelism } from "node:os"
import type { Feature } from "../../../model/AgentStatus.ts"
import type { ExclusionTarget } from "../Exclusions.ts"
import { kernelCounters } from "../layout.gen.ts"
import type { Probe } from "../tls/tlsLibraries.ts"
import type { TlsTarget } from "../tls/TlsProbes.ts"
import type { VerdictTarget } from "../Verdicts.ts"
import {
  type Addon,
  type BpfObject,
  compatObjectPath,
  type EventRing,
  kernelObjectPath,
  kernelObjectWithoutTypesPath,
  type Probes,
} from "./Addon.ts"
import { hasKernelTypes, typesFile } from "./kernelTypes.ts"
import {
  attachExtras,
  btfExtras,
  filesOff,
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

/** Ways to hook the same four things, best first. Programs are named in bpf/hooks. */
const hookKinds = [
  {
    hook: "tp_btf direct",
    programs: ["sonde_exit_direct", "sonde_state_btf", "sonde_exec_btf", "sonde_gone_btf"],
    extras: btfExtras,
  },
  {
    hook: "tp_btf",
    programs: ["sonde_exit_btf", "sonde_state_btf", "sonde_exec_btf", "sonde_gone_btf"],
    extras: btfExtras,
  },
  {
    hook: "raw_tp",
    programs: ["sonde_exit_raw", "sonde_state_raw", "sonde_exec_raw", "sonde_gone_raw"],
    extras: rawExtras,
  },
  {
    hook: "tracepoint",
    programs: ["sonde_enter_tp", "sonde_exit_tp", "sonde_state_tp", "sonde_exec_tp", "sonde_gone_tp"],
    extras: tracepointExtras,
  },
] as const

/** For kernels where none of these can be had: tells the same, but for addresses, sequence numbers and what is within TLS. */
const compat = {
  hook: "compat",
  programs: ["sonde_compat_enter", "sonde_compat_exit", "sonde_compat_exec", "sonde_compat_gone"],
} as const

/** Attached to functions of files, not at once; their names are those that tls/tlsLibraries.ts gives them. */
const tlsPrograms = [
  ...["sonde_tls_handshake", "sonde_tls_read", "sonde_tls_write", "sonde_tls_read_ex", "sonde_tls_write_ex"],
  ...[
    "sonde_tls_return",
    "sonde_tls_free",
    "sonde_go_read",
    "sonde_go_write",
    "sonde_go_return",
    "sonde_go_round_trip",
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

const one = new Uint8Array([1])

/** Of all CPUs together; to look at them takes some hundredths of a core. */
const defaultOffers = 8_192
/** The share of one CPU below which a quiet machine with many of them would notice. */
const minOffers = 256

export class SocketTracer implements ExclusionTarget, VerdictTarget, TlsTarget, CountedPrograms {
  readonly hook: HookKind
  readonly features: ReadonlyArray<Feature>
  /** Where the kernel's types come from; empty: the kernel itself. */
  readonly typesFile: string
  readonly #addon: Addon
  readonly #object: BpfObject
  readonly #poll: (destination: Uint8Array) => number
  /** Undefined: perf rings. */
  readonly #ring: EventRing | undefined
  readonly #offersPerCpu: number

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
  ) {
    this.hook = hook
    this.typesFile = typesFile
    this.features = features
    this.#addon = addon
    this.#object = object
    this.#poll = rings.poll
    this.#ring = rings.ring
    this.#offersPerCpu = rings.offersPerCpu
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

  /** System calls of this process are left alone from now on. False when the kernel's table is full. */
  excludeProcess(pid: number): boolean {
    return this.#put("excluded_tgids", new Uint8Array(new Uint32Array([pid]).buffer))
  }

  /** Connections with this TCP port at either end are left alone from now on. False when the kernel's table is full. */
  excludePort(port: number): boolean {
    return this.#put("excluded_ports", new Uint8Array(new Uint16Array([port]).buffer))
  }

  #put(map: string, key: Uint8Array): boolean {
    try {
      this.#addon.mapUpdate(this.#object, map, key, one)
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

  attachProbes(path: string, probes: ReadonlyArray<Probe>): Promise<Probes> {
    return this.#addon.attachProbes(this.#object, path, probes)
  }

  detachProbes(probes: Probes): Promise<void> {
    return this.#addon.detachProbes(probes)
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
    this.#addon.closeObject(this.#object)
  }
}

const classicHook = (hook: HookKind): string =>
  `tp/raw_syscalls enter+exit${hook === compat.hook ? ", for old kernels" : ""}`

const featureNames = ["socket data", "connection roles", "process starts"] as const

const tracepointOf = (hook: HookKind): string =>
  hook === "tracepoint" || hook === "compat" ? "tp" : hook.split(" ", 1)[0]!

const fileConstants = ({ eventsPerCpu, slowUs }: FileOptions): Readonly<Record<string, number>> => ({
  file_slow_us: slowUs,
  ...(eventsPerCpu === undefined ? {} : { file_events_per_second: eventsPerCpu }),
})

const features = (
  hook: HookKind,
  refused: ReadonlyArray<readonly [HookKind, Reason]>,
): ReadonlyArray<Feature> => {
  const missing = refused.map(([kind, reason]) => `${kind}: ${reason.missing}`).join("; ")
  const next = refused[0]?.[1].next ?? ""
  const isClassic = hook === "tracepoint" || hook === "compat"
  const tracepoint = tracepointOf(hook)
  const [data, roles, starts] = featureNames
  return [
    {
      name: data,
      on: true,
      hook: isClassic ? classicHook(hook) : `${tracepoint}/sys_exit`,
      missing,
      next,
    },
    {
      name: roles,
      on: true,
      hook: hook === "compat" ? classicHook(hook) : `${tracepoint}/inet_sock_set_state`,
      missing: "",
      next: "",
    },
    { name: starts, on: true, hook: `${tracepoint}/sched_process_exec`, missing: "", next: "" },
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
      ...features(compat.hook, refused),
      options.files === undefined ? filesOff : filesOfOldKernels,
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
  for (const { extras, hook, programs } of hookKinds) {
    if (options.only !== undefined && options.only !== hook) continue
    // These are checked against the types of the kernel itself.
    if (options.only === undefined && hook.startsWith("tp_btf") && !hasKernelTypes()) continue
    let object: BpfObject | undefined
    const offers = options.offersPerCpu ?? offersPerCpu()
    try {
      object = addon.openObject(
        options.objectPath ?? (types === "" ? kernelObjectPath : kernelObjectWithoutTypesPath),
        [
          ...programs,
          ...tlsPrograms,
          ...extras.rings,
          extras.oom,
          ...(options.files === undefined ? [] : [extras.files]),
        ],
        {
          payload_bytes: Math.min(options.payloadBytes, payloadMost),
          process_events: eventsPerWindow(options.eventsPerProcess ?? 0),
          offers_per_second: offers,
          ...(options.files === undefined ? {} : fileConstants(options.files)),
        },
        { events: ringBytes(options.ringMiB), ...tableSizes(options.sockets ?? defaultSockets) },
        types,
      )
      for (const program of programs) addon.attach(object, program)
      const more = attachExtras(addon, object, extras, tracepointOf(hook), options.files !== undefined)
      const ring = addon.openRing(object, "events")
      return new SocketTracer(addon, object, hook, [...features(hook, refused), ...more], types, {
        poll: (destination) => addon.pollRing(ring, destination),
        ring,
        offersPerCpu: offers,
      })
    } catch (cause) {
      if (object !== undefined) addon.closeObject(object)
      refused.push([hook, bpfReason(cause as Error & { code?: string }, types)])
    }
  }
  if (options.only === undefined || options.only === compat.hook) {
    const tracer = openCompat(addon, options, refused)
    if (tracer !== undefined) return tracer
  }
  const first = refused[0]![1]
  const all = new Set(refused.map(([, reason]) => reason.missing))
  const missing =
    all.size === 1 ? first.missing : refused.map(([kind, reason]) => `${kind}: ${reason.missing}`).join("; ")
  return { refused: featureNames.map((name) => ({ name, on: false, hook: "", missing, next: first.next })) }
}
