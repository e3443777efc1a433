// What an agent and a server say to each other about the agent itself (docs/specs/control.md, An agent's life): who it is, which
// server it belongs to, what it is to do, how it fares. Data goes another way (docs/specs/wire.md).
// Every text and list is bounded: both sides come from outside for each other.

import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"

/** Grows when an older peer could misunderstand; both sides take any number and say which they speak. */
export const controlProtocol = 2

export const reportSeconds = 10

const name = Schema.String.check(Schema.isMaxLength(256))
const text = Schema.String.check(Schema.isMaxLength(4_096))
const count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
const names = (most: number) => Schema.Array(name).check(Schema.isMaxLength(most))
const agentId = Schema.String.check(Schema.isPattern(/^[0-9a-zA-Z._-]{1,64}$/))

/** One server as agents reach it; addresses are `host:port`. */
export const ServerAddress = Schema.Struct({ id: name, control: name, ingest: name })
export type ServerAddress = typeof ServerAddress.Type

const pem = Schema.String.check(Schema.isMaxLength(16_384))

/** Regions that an agent is told of. */
export const elsewhereMost = 16

/** Where an agent may be a guest when no server at home takes it. */
export const Elsewhere = Schema.Struct({
  /** The agent's region, and how the machines there are labelled. */
  home: name,
  label: name,
  /** So long it looks for a server at home first. */
  afterSeconds: count,
  regions: Schema.Array(
    Schema.Struct({
      name,
      /** PEM, whom to believe there; empty: it speaks plain. */
      authority: pem,
      control: names(16),
    }),
  ).check(Schema.isMaxLength(elsewhereMost)),
})
export type Elsewhere = typeof Elsewhere.Type

export const AgentHello = Schema.Struct({
  agent: agentId,
  /** Names the agent's present life. */
  instance: name,
  protocol: count,
  /** Sonde's version, for people. */
  version: name,
  host: name,
  /** Stable over reboots and renaming; empty: not known. */
  machineId: name,
  os: name,
  kernel: name,
  arch: name,
  cpuCount: count,
  memoryMiB: count,
  /** Region and zone as the agent was told; empty: not known. */
  region: name,
  zone: name,
  /** Servers that the agent was sent to and cannot reach. */
  cannotReach: names(16),
  /** What works here: names of features that are on. */
  capabilities: names(256),
  /** Version and digest of the configuration it runs with; 0 and empty: its own file. */
  configVersion: count,
  configDigest: name,
  /** The region where it is at home, of an agent that comes to another as a guest. */
  guestOf: Schema.optionalKey(name),
})
export type AgentHello = typeof AgentHello.Type

/** What the server wants of the agent; the first is Assigned, Move or Wait. */
export const Directive = Schema.Union([
  /** The agent belongs here. `servers`: where to try when this one is gone. */
  Schema.TaggedStruct("Assigned", {
    server: ServerAddress,
    servers: Schema.Array(ServerAddress).check(Schema.isMaxLength(256)),
    group: name,
    /** Left out: it may be nowhere else. */
    elsewhere: Schema.optionalKey(Elsewhere),
  }),
  /** The agent belongs to another server now: attach there, then leave here. */
  Schema.TaggedStruct("Move", { server: ServerAddress, reason: name }),
  /** Known, but not to work (yet): waits for approval, or is disabled. */
  Schema.TaggedStruct("Wait", { state: Schema.Literals(["pending", "disabled"]), reason: text }),
  /**
   * Settings of the section `agent`. `base` 0: all that the server sets; else what changed since that version, where null takes a
   * key back to what the agent's own file says.
   */
  Schema.TaggedStruct("Config", {
    version: count,
    digest: name,
    base: count,
    values: Schema.Record(Schema.String, Schema.Unknown),
  }),
  /** A package is to be fetched, verified and used. */
  Schema.TaggedStruct("Package", {
    kind: Schema.Literals(["agent", "plugin"]),
    name,
    version: name,
    digest: name,
    bytes: count,
    /** Ed25519 over the digest, base64. */
    signature: name,
    /** Names the wish for it: what did not work is tried again when that is another. */
    order: Schema.optionalKey(count),
  }),
  /** Only packages of these names are wanted: what else the agent has it gives up. Since protocol 2. */
  Schema.TaggedStruct("Packages", { names: names(64) }),
  /** Somebody asks for a bundle of what helps support; answered by `Answer`. */
  Schema.TaggedStruct("Ask", { id: name, what: Schema.Literals(["support"]) }),
])
export type Directive = typeof Directive.Type

export const AgentState = Schema.Literals(["starting", "running", "degraded", "waiting", "stopping"])
export type AgentState = typeof AgentState.Type

export const Report = Schema.Struct({
  state: AgentState,
  /** What is wrong, from a closed list of codes with a word for people. */
  exceptions: Schema.Array(Schema.Struct({ code: name, message: text })).check(Schema.isMaxLength(64)),
  capabilities: names(256),
  configVersion: count,
  configDigest: name,
  /** Why the newest configuration is not in use; empty: it is. */
  configProblem: text,
  /** Packages that it verified and uses. This and the next two since protocol 2. */
  packages: Schema.optionalKey(
    Schema.Array(Schema.Struct({ name, version: name, digest: name })).check(Schema.isMaxLength(128)),
  ),
  /** Why packages that it is to use are not in use; empty: they are. */
  packageProblem: Schema.optionalKey(text),
  /** Sonde's version besides the one that runs: wanted by the server (empty: none), and to go back to. */
  release: Schema.optionalKey(
    Schema.Struct({
      /** It runs from what was installed on the machine, not from a package. */
      isOwn: Schema.Boolean,
      wanted: name,
      lastGood: name,
    }),
  ),
  /** Rows handed to the server since the agent's start. */
  rows: count,
  bytes: count,
  droppedRows: count,
  /** CPU milliseconds since the start, and resident MiB. */
  cpuMs: count,
  memoryMiB: count,
  /** Server's clock minus the agent's, microseconds; and half the way there and back, which bounds the error. */
  clockOffsetUs: Schema.Int,
  clockErrorUs: count,
})
export type Report = typeof Report.Type

/** The server does not want this agent, or not in this way. */
export class AgentRefused extends Schema.TaggedError<AgentRefused>()("AgentRefused", {
  reason: Schema.Literals([
    "identity",
    "revoked",
    "cloned",
    "token",
    "protocol",
    "flood",
    "unavailable",
    "not attached",
    "not found",
    "superseded",
  ]),
  message: text,
  /** When to try again; 0: it will not help. */
  retryAfterMs: count,
}) {}

export const AgentRpc = RpcGroup.make(
  /** A certificate for a token, or for a guest's from its own region; also renews one, without a token, over a connection that has one. */
  Rpc.make("Enrol", {
    payload: {
      token: text,
      csr: Schema.String.check(Schema.isMaxLength(16_384)),
      agent: agentId,
      host: name,
      machineId: name,
      /** Of a guest: its region, and its certificate from there, whose key the request is made with. */
      guest: Schema.optionalKey(Schema.Struct({ region: name, certificate: pem })),
    },
    success: Schema.Struct({
      state: Schema.Literals(["issued", "waiting"]),
      agent: agentId,
      certificate: Schema.String,
      authority: Schema.String,
    }),
    error: AgentRefused,
  }),
  /** The agent's session: lasts as long as the stream. */
  Rpc.make("Attach", { payload: AgentHello, success: Directive, error: AgentRefused, stream: true }),
  Rpc.make("Report", { payload: Report, error: AgentRefused }),
  /** The server's clock, microseconds since 1970, when the question came. */
  Rpc.make("Time", { success: count }),
  Rpc.make("Fetch", {
    payload: { digest: name, offset: count },
    success: Schema.Uint8Array,
    error: AgentRefused,
    stream: true,
  }),
  /** A part of the answer to `Ask`. */
  Rpc.make("Answer", {
    payload: { id: name, part: count, isLast: Schema.Boolean, bytes: Schema.Uint8Array },
    error: AgentRefused,
  }),
)
