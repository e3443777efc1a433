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
  /** What of it was given up to stay within the agent's budget, since when and why; left out: nothing. */
  readonly shed?: string
}

/** What one kernel program costs, counted for a moment now and then. */
export interface HookCost {
  readonly program: string
  /** In the last moment of counting. */
  readonly runsPerSecond: number
  /** Of one run; 0 when it did not run. */
  readonly nsPerRun: number
  /** Sums of all moments of counting. */
  readonly runs: number
  readonly ns: number
  /** Runs left out because another of the program was under way on the same processor. */
  readonly missed: number
}

/** One thing that was given up to stay within the budget. */
export interface ShedStep {
  /** Of a small set: "payload" */
  readonly step: string
  /** What is left: "payload 256 B". */
  readonly what: string
  /** Milliseconds since 1970. */
  readonly sinceMs: number
  /** "CPU 34 % of 30 %" */
  readonly why: string
}

/** What the agent may take of its machine, and takes. CPU as shares of one processor. */
export interface BudgetView {
  readonly cpu: {
    /** All threads and the kernel programs. */
    readonly share: number
    readonly limit: number
    readonly main: number
    readonly worker: number
    /** Of the kernel programs, estimated between moments of counting; null: not known. */
    readonly kernel: number | null
    /** Why it is not known; empty when it is. */
    readonly kernelMissing: string
  }
  readonly memory: {
    readonly residentBytes: number
    readonly limitBytes: number
    /** Of the capture worker's JavaScript heap. */
    readonly heapBytes: number
    readonly heapLimitBytes: number
  }
  readonly ring: { readonly peakBytes: number; readonly bytes: number; readonly lost: number }
  /** Events that processes were refused beyond their share. */
  readonly refused: number
  /** In the order in which they were given up. */
  readonly shed: ReadonlyArray<ShedStep>
  /** What the agent cannot help; empty: nothing. */
  readonly problem: string
  readonly hooks: ReadonlyArray<HookCost>
  /** Seconds for which runs were counted, in all. */
  readonly countedSeconds: number
  /** Capture was started anew: the last few times. */
  readonly restarts: ReadonlyArray<{ readonly atMs: number; readonly why: string }>
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
  /** Left out by agents of older versions. */
  readonly budget?: BudgetView
}
