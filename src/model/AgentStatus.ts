// What an agent tells of itself every few seconds: what it can capture here and why not more, what it counts, which processes
// it sees. Servers keep the latest per agent; the console and `sonde doctor` show it.

/** One ability of the agent, on or off, in words for people. */
export interface Feature {
  readonly name: string
  readonly on: boolean
  /** The kernel hook or interface in use; empty when off. */
  readonly hook: string
  /** What prevents it (or a better hook); empty when nothing does. */
  readonly missing: string
  /** What to do about it; empty when nothing is missing. */
  readonly next: string
}

/** 1: system calls by eBPF; 2: packets; 3: inventory only. */
export type Tier = 1 | 2 | 3

export interface CaptureNote {
  readonly what: string
  readonly why: string
  readonly next: string
}

export interface ProcessView {
  readonly pid: number
  readonly parentPid: number
  readonly service: string
  readonly comm: string
  readonly commandLine: string
  readonly exe: string
  readonly user: string
  readonly containerId: string
  /** Microseconds since 1970. */
  readonly startUs: number
  readonly listening: ReadonlyArray<{ readonly ip: string; readonly port: number }>
  readonly capture: {
    readonly state: "captured" | "partly" | "not"
    readonly by: "socket data" | "packets" | "none"
    readonly protocols: ReadonlyArray<string>
    readonly requests: number
    readonly notes: ReadonlyArray<CaptureNote>
  }
}

export interface MachineAddress {
  readonly interface: string
  readonly ip: string
  /** "aa:bb:cc:dd:ee:ff"; empty: none. */
  readonly mac: string
}

/** The machine an agent runs on. */
export interface MachineView {
  /** Stable over reboots and renaming; empty: not known. */
  readonly machineId: string
  readonly host: string
  readonly kernel: string
  readonly os: string
  readonly addresses: ReadonlyArray<MachineAddress>
  /** The label of its region, where the agent is a guest of another; left out: that of the region it delivers to. */
  readonly region?: string
}

/** What the capture tells. */
export interface CaptureStatus {
  readonly tier: Tier
  readonly features: ReadonlyArray<Feature>
  /** By full metric name (`sonde_agent_...`). */
  readonly counters: Readonly<Record<string, number>>
  readonly processes: ReadonlyArray<ProcessView>
}

export interface AgentStatus extends CaptureStatus {
  readonly machine: MachineView
}
