// What people and their tools ask of a server about the whole region: `sonde admin` and the console's pages speak it.
// Every call names the least role that may make it (`role`); every change is written to the audit log by the server.

import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"

/** Each includes the ones before it. */
export const roles = ["viewer", "operator", "admin"] as const
export type Role = (typeof roles)[number]

/** The least role that may make a call. */
export const NeedsRole = Context.Reference<Role>("sonde/wire/NeedsRole", { defaultValue: () => "admin" })

const name = Schema.String
const values = Schema.Record(Schema.String, Schema.Unknown)

/** Why nothing was done; `next` says what to do about it, empty when there is nothing. */
export class AdminError extends Schema.TaggedError<AdminError>()("AdminError", {
  reason: Schema.Literals(["invalid", "not found", "conflict", "forbidden", "not leader", "unavailable"]),
  message: Schema.String,
  next: Schema.String,
}) {}

const releaseFields = {
  /** Packages that it has, the agent's own among them where it runs from one. */
  packages: Schema.Array(Schema.Struct({ name, version: name })),
  /** Why packages that it is to have are not in use; empty: they are. */
  packageProblem: name,
  /** Of Sonde: the version that the server wants of it (empty: none), and the one that it goes back to. */
  versionWanted: name,
  versionLastGood: name,
}

export const AgentView = Schema.Struct({
  id: name,
  host: name,
  machineId: name,
  version: name,
  group: name,
  region: name,
  zone: name,
  /** `lost`: no server has it; `pending`, `disabled`: it may not work. */
  state: Schema.Literals([
    "running",
    "degraded",
    "starting",
    "waiting",
    "stopping",
    "pending",
    "disabled",
    "lost",
  ]),
  /** The server that has it, empty: none; and the one it belongs to. */
  server: name,
  place: name,
  capabilities: Schema.Array(name),
  exceptions: Schema.Array(Schema.Struct({ code: name, message: name })),
  configVersion: Schema.Number,
  configWanted: Schema.Number,
  configProblem: name,
  ...releaseFields,
  /** Rows a second, smoothed. */
  load: Schema.Number,
  cpuMs: Schema.Number,
  memoryMiB: Schema.Number,
  clockOffsetUs: Schema.Number,
  firstSeenMs: Schema.Number,
  lastSeenMs: Schema.Number,
  /** The region where it is at home, of an agent that is a guest here. */
  guestOf: Schema.optionalKey(name),
})
export type AgentView = typeof AgentView.Type

/** What the server that has an agent knows of it. */
export const AttachedAgent = Schema.Struct({
  id: name,
  state: AgentView.fields.state,
  capabilities: AgentView.fields.capabilities,
  exceptions: AgentView.fields.exceptions,
  configVersion: Schema.Number,
  configWanted: Schema.Number,
  configProblem: name,
  ...releaseFields,
  cpuMs: Schema.Number,
  memoryMiB: Schema.Number,
  clockOffsetUs: Schema.Number,
  lastSeenMs: Schema.Number,
})
export type AttachedAgent = typeof AttachedAgent.Type

export const AgentMachine = Schema.Struct({
  agentId: name,
  machineId: name,
  host: name,
  kernel: name,
  os: name,
  isConnected: Schema.Boolean,
  addresses: Schema.Array(Schema.Struct({ interface: name, ip: name, mac: name })),
  /** Label of its region, of a guest. */
  region: Schema.optionalKey(name),
})
export type AgentMachine = typeof AgentMachine.Type

export const ServerView = Schema.Struct({
  id: name,
  control: name,
  ingest: name,
  http: name,
  roles: Schema.Array(name),
  region: name,
  zone: name,
  version: name,
  capacity: Schema.Number,
  startedMs: Schema.Number,
  isDraining: Schema.Boolean,
  isLeader: Schema.Boolean,
  agents: Schema.Number,
  /** Rows a second of its agents. */
  load: Schema.Number,
})
export type ServerView = typeof ServerView.Type

export const MoveView = Schema.Struct({
  agent: name,
  host: name,
  from: name,
  to: name,
  reason: name,
  load: Schema.Number,
})

export const PlanView = Schema.Struct({
  moves: Schema.Array(MoveView),
  servers: Schema.Array(
    Schema.Struct({
      id: name,
      loadBefore: Schema.Number,
      loadAfter: Schema.Number,
      agentsBefore: Schema.Number,
      agentsAfter: Schema.Number,
    }),
  ),
  /** Agents that nobody may take, and why. */
  unplaced: Schema.Array(Schema.Struct({ agent: name, reason: name })),
})
export type PlanView = typeof PlanView.Type

export const GroupView = Schema.Struct({
  name,
  description: Schema.String,
  /** The highest that fits decides. */
  priority: Schema.Number,
  agents: Schema.Array(name),
  hosts: Schema.Array(name),
  zones: Schema.Array(name),
  capabilities: Schema.Array(name),
  /** `key=pattern` over os, arch, kernel, version, region. */
  tags: Schema.Array(name),
  members: Schema.Number,
  /** All regions have it; left out: only this one. */
  isGlobal: Schema.optionalKey(Schema.Boolean),
})
export type GroupView = typeof GroupView.Type

/** `packages`: not settings, but which version of each package the agents of a group are to have. */
export const LayerRef = Schema.Struct({
  layer: Schema.Literals(["default", "region", "group", "agent", "packages"]),
  name,
})
export type LayerRef = typeof LayerRef.Type

export const ConfigVersionView = Schema.Struct({
  version: Schema.Number,
  values,
  author: name,
  comment: Schema.String,
  changedMs: Schema.Number,
})
export type ConfigVersionView = typeof ConfigVersionView.Type

export const RolloutView = Schema.Struct({
  layer: LayerRef,
  from: Schema.Number,
  to: Schema.Number,
  state: name,
  stage: Schema.Number,
  stages: Schema.Array(name),
  applied: Schema.Number,
  troubled: Schema.Number,
  wanted: Schema.Number,
  reason: Schema.String,
})
export type RolloutView = typeof RolloutView.Type

export const TokenView = Schema.Struct({
  id: name,
  role: name,
  note: Schema.String,
  createdMs: Schema.Number,
  /** 0: never. */
  expiresMs: Schema.Number,
  uses: Schema.Number,
  /** 0: any number. */
  usesMost: Schema.Number,
  isRevoked: Schema.Boolean,
})

export const RevocationView = Schema.Struct({
  agent: name,
  atMs: Schema.Number,
  /** It is kept until then: all certificates that it is about have ended. */
  untilMs: Schema.Number,
  by: name,
  reason: Schema.String,
})

export const AuditView = Schema.Struct({
  atMs: Schema.Number,
  who: name,
  what: name,
  on: name,
  detail: Schema.String,
  outcome: name,
})
export type AuditView = typeof AuditView.Type

export const PackageView = Schema.Struct({
  kind: Schema.Literals(["agent", "plugin"]),
  name,
  version: name,
  digest: name,
  bytes: Schema.Number,
  signer: name,
  addedMs: Schema.Number,
  addedBy: name,
  /** Groups that are to use it; empty: none yet. */
  groups: Schema.Array(name),
})

export type PackageView = typeof PackageView.Type

export const RegionView = Schema.Struct({
  name,
  isHere: Schema.Boolean,
  http: Schema.Array(name),
  /** `silent`: it shares, and has not told of itself for long. */
  state: Schema.Literals(["reachable", "unreachable", "silent"]),
  servers: Schema.Number,
  agents: Schema.Number,
  /** Agents of other regions among them. */
  guests: Schema.optionalKey(Schema.Number),
  /** When the region told of itself last; of this region, when the global store answered last. Left out: it does not share. */
  heardMs: Schema.optionalKey(Schema.Number),
  /** Its agents may go elsewhere, and others may come. */
  allowsSpill: Schema.optionalKey(Schema.Boolean),
  message: Schema.String,
})
export type RegionView = typeof RegionView.Type

const read = Context.make(NeedsRole, "viewer")
const operate = Context.make(NeedsRole, "operator")
const administer = Context.make(NeedsRole, "admin")

const call = <const Tag extends string, P extends Schema.Struct.Fields, S extends Schema.Top>(
  tag: Tag,
  needs: Context.Context<never>,
  payload: P,
  success: S,
) => Rpc.make(tag, { payload, success, error: AdminError }).annotateMerge(needs)

export const AdminRpc = RpcGroup.make(
  call("WhoAmI", read, {}, Schema.Struct({ name, role: name, server: name, region: name, version: name })),

  call("Agents", read, {}, Schema.Array(AgentView)),
  call(
    "Agent",
    read,
    { id: name },
    Schema.Struct({
      agent: AgentView,
      config: values,
      origins: values,
      /** The region that has the agent's name; empty: regions share nothing, or it was not told yet. */
      home: Schema.optionalKey(name),
      /** Others that go by this name. */
      conflicts: Schema.optionalKey(
        Schema.Array(Schema.Struct({ region: name, host: name, machineId: name, sinceMs: Schema.Number })),
      ),
    }),
  ),
  call(
    "AgentSet",
    operate,
    { id: name, state: Schema.Literals(["enabled", "disabled", "approved"]) },
    Schema.Void,
  ),
  call("AgentMove", operate, { id: name, server: name }, Schema.Void),
  call("AgentDelete", administer, { id: name }, Schema.Void),
  /** Certificates of an agent are taken no more; it needs a new token. */
  call("CertificateRevoke", administer, { id: name, reason: Schema.String }, Schema.Void),
  call("Revocations", read, {}, Schema.Array(RevocationView)),
  call("AgentSupport", operate, { id: name }, Schema.Uint8Array),
  /** What one server knows of the agents that it has; servers ask it of each other. */
  call("AgentsHere", read, {}, Schema.Array(AttachedAgent)),
  /** Machines whose agents deliver to one server. */
  call("MachinesHere", read, {}, Schema.Array(AgentMachine)),
  call("AgentSupportHere", operate, { id: name }, Schema.Uint8Array),

  call("Servers", read, {}, Schema.Array(ServerView)),
  call("ServerDrain", operate, { id: name, isDraining: Schema.Boolean }, Schema.Void),
  call("Leader", read, {}, Schema.Struct({ server: name, fence: Schema.Number })),
  call("Plan", read, {}, PlanView),
  call("Rebalance", operate, {}, PlanView),

  call("Groups", read, {}, Schema.Array(GroupView)),
  call("GroupSet", operate, { group: GroupView }, Schema.Void),
  call("GroupRemove", operate, { name }, Schema.Void),

  call("ConfigSchema", read, {}, values),
  call("ConfigGet", read, { layer: LayerRef, version: Schema.optionalKey(Schema.Number) }, ConfigVersionView),
  call(
    "ConfigSet",
    operate,
    {
      layer: LayerRef,
      /** Keys to set, by path; null takes a key out. */
      values,
      /** Version this change was made from; a later one in force is a conflict. Left out: whatever is in force. */
      expected: Schema.optionalKey(Schema.Number),
      comment: Schema.String,
      /** Shares of the agents, one after the other ("1", "10%", "100%"); empty: all at once. */
      stages: Schema.Array(Schema.String),
    },
    ConfigVersionView,
  ),
  call("ConfigHistory", read, { layer: LayerRef }, Schema.Array(ConfigVersionView)),
  call(
    "ConfigRollback",
    operate,
    { layer: LayerRef, version: Schema.Number, comment: Schema.String },
    ConfigVersionView,
  ),
  call("Rollouts", read, {}, Schema.Array(RolloutView)),
  call(
    "RolloutControl",
    operate,
    { layer: LayerRef, action: Schema.Literals(["pause", "resume", "abort"]) },
    Schema.Void,
  ),

  call("Regions", read, {}, Schema.Array(RegionView)),
  /** Of a region that is gone for good; gives how many names of agents are free again. */
  call("RegionForget", administer, { name }, Schema.Struct({ agents: Schema.Number })),

  call("Domains", read, {}, Schema.Array(values)),

  call("Packages", read, {}, Schema.Array(PackageView)),
  call(
    "PackageAdd",
    administer,
    {
      kind: Schema.Literals(["agent", "plugin"]),
      name,
      version: name,
      signature: Schema.String,
      signer: name,
      /** Parts are sent in order; the last one completes the package. */
      upload: name,
      part: Schema.Number,
      isLast: Schema.Boolean,
      bytes: Schema.Uint8Array,
    },
    Schema.NullOr(PackageView),
  ),
  call("PackageAssign", operate, { name, version: name, groups: Schema.Array(name) }, Schema.Void),
  call("PackageRemove", administer, { name, version: name }, Schema.Void),

  call("Tokens", administer, {}, Schema.Array(TokenView)),
  call(
    "TokenMake",
    administer,
    { role: name, note: Schema.String, hours: Schema.Number, usesMost: Schema.Number },
    Schema.Struct({ id: name, token: Schema.String }),
  ),
  call("TokenRevoke", administer, { id: name }, Schema.Void),

  call("Audit", read, { last: Schema.Number }, Schema.Array(AuditView)),
  /** Own metrics of any component: a server's process, or an agent as it told them last. */
  call("Metrics", read, { of: name }, Schema.Record(Schema.String, Schema.Number)),
)
