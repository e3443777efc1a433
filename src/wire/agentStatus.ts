// The shape of AgentStatus as a server believes it: what an agent sends is checked before pages show it.

import * as Schema from "effect/Schema"
import type { AgentStatus } from "../model/AgentStatus.ts"

const Feature = Schema.Struct({
  name: Schema.String,
  on: Schema.Boolean,
  hook: Schema.String,
  missing: Schema.String,
  next: Schema.String,
  shed: Schema.optionalKey(Schema.String),
})

const Budget = Schema.Struct({
  cpu: Schema.Struct({
    share: Schema.Finite,
    limit: Schema.Finite,
    main: Schema.Finite,
    worker: Schema.Finite,
    kernel: Schema.NullOr(Schema.Finite),
    kernelMissing: Schema.String,
  }),
  memory: Schema.Struct({
    residentBytes: Schema.Finite,
    limitBytes: Schema.Finite,
    heapBytes: Schema.Finite,
    heapLimitBytes: Schema.Finite,
  }),
  ring: Schema.Struct({ peakBytes: Schema.Finite, bytes: Schema.Finite, lost: Schema.Finite }),
  refused: Schema.Finite,
  shed: Schema.Array(
    Schema.Struct({
      step: Schema.String.check(Schema.isPattern(/^\w{1,64}$/)),
      what: Schema.String,
      sinceMs: Schema.Finite,
      why: Schema.String,
    }),
  ).check(Schema.isMaxLength(64)),
  problem: Schema.String,
  hooks: Schema.Array(
    Schema.Struct({
      program: Schema.String.check(Schema.isPattern(/^\w{1,64}$/)),
      runsPerSecond: Schema.Finite,
      nsPerRun: Schema.Finite,
      runs: Schema.Finite,
      ns: Schema.Finite,
      missed: Schema.Finite,
    }),
  ).check(Schema.isMaxLength(256)),
  countedSeconds: Schema.Finite,
  restarts: Schema.Array(Schema.Struct({ atMs: Schema.Finite, why: Schema.String })),
})

const CaptureNote = Schema.Struct({ what: Schema.String, why: Schema.String, next: Schema.String })

const ProcessView = Schema.Struct({
  pid: Schema.Int,
  parentPid: Schema.Int,
  service: Schema.String,
  comm: Schema.String,
  commandLine: Schema.String,
  exe: Schema.String,
  user: Schema.String,
  containerId: Schema.String,
  startUs: Schema.Finite,
  listening: Schema.Array(Schema.Struct({ ip: Schema.String, port: Schema.Int })),
  capture: Schema.Struct({
    state: Schema.Literals(["captured", "partly", "not"]),
    by: Schema.Literals(["socket data", "packets", "none"]),
    protocols: Schema.Array(Schema.String),
    requests: Schema.Finite,
    notes: Schema.Array(CaptureNote),
  }),
})

const Machine = Schema.Struct({
  machineId: Schema.String,
  host: Schema.String,
  kernel: Schema.String,
  os: Schema.String,
  addresses: Schema.Array(Schema.Struct({ interface: Schema.String, ip: Schema.String, mac: Schema.String })),
  region: Schema.optionalKey(Schema.String),
})

export const AgentStatusSchema: Schema.Codec<AgentStatus, unknown> = Schema.Struct({
  tier: Schema.Literals([1, 2, 3]),
  features: Schema.Array(Feature),
  counters: Schema.Record(Schema.String, Schema.Finite),
  processes: Schema.Array(ProcessView),
  machine: Machine,
  budget: Schema.optionalKey(Budget),
})
