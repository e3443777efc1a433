// Calls about agents: the whole region's, whoever has them. What only the server that has an agent knows is asked of that server.

import * as Effect from "effect/Effect"
import type { AgentView, AttachedAgent } from "../../wire/control/AdminRpc.ts"
import type { AgentRecord } from "../agents/AgentRecord.ts"
import type { AgentSession } from "../agents/AgentSession.ts"
import type { Revocation } from "../enrol/Revocations.ts"
import { isIdentityName } from "../../runtime/tls/identity.ts"
import type { CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { type AdminHandlers, adminError } from "./AdminCalls.ts"

export interface AgentCallsSources {
  readonly records: () => ReadonlyArray<AgentRecord>
  /** What the servers that have them know of agents; servers that do not answer are left out. */
  readonly attached: Effect.Effect<ReadonlyArray<AttachedAgent>>
  readonly attachedHere: () => ReadonlyArray<AttachedAgent>
  /** Server that has the agent; empty: none. */
  readonly serverOf: (agent: string) => string
  readonly groupOf: (record: AgentRecord) => string
  /** Server the agent belongs to; empty: none. */
  readonly placeOf: (agent: string) => string
  readonly loadOf: (agent: string) => number
  readonly configOf: (record: AgentRecord) => {
    readonly values: Readonly<Record<string, unknown>>
    readonly origins: Readonly<Record<string, unknown>>
  }
  readonly identityOf: (agent: string) => Effect.Effect<{
    readonly home: string
    readonly conflicts: ReadonlyArray<{
      readonly region: string
      readonly host: string
      readonly machineId: string
      readonly sinceMs: number
    }>
  }>
  readonly permit: (
    agent: string,
    permission: AgentRecord["permission"],
  ) => Effect.Effect<boolean, CoordinationError>
  readonly forget: (agent: string, by: string) => Effect.Effect<boolean, CoordinationError>
  readonly revoke: (agent: string, by: string, reason: string) => Effect.Effect<unknown, CoordinationError>
  readonly revocations: () => ReadonlyArray<Revocation>
  /** Undefined: done; else why not. */
  readonly move: (agent: string, server: string) => Effect.Effect<string | undefined, CoordinationError>
  readonly support: (agent: string) => Effect.Effect<Uint8Array, { readonly message: string }>
  readonly supportHere: (agent: string) => Effect.Effect<Uint8Array, { readonly message: string }>
}

/** What this server tells of an agent that it has. */
export const attachedAgent = (session: AgentSession): AttachedAgent => {
  const { hello, permission, report } = session
  return {
    id: hello.agent,
    // What it told while it might not work is of the past.
    state:
      permission !== "allowed"
        ? permission
        : report === undefined || report.state === "waiting"
          ? "starting"
          : report.state,
    capabilities: report?.capabilities ?? hello.capabilities,
    exceptions: report?.exceptions ?? [],
    configVersion: report?.configVersion ?? hello.configVersion,
    // What it runs with may be right although its version is older: only what differs is told.
    configWanted:
      (report?.configDigest ?? hello.configDigest) === session.wanted.digest
        ? (report?.configVersion ?? hello.configVersion)
        : session.wanted.version,
    configProblem: report?.configProblem ?? "",
    packages: (report?.packages ?? []).map(({ name, version }) => ({ name, version })),
    packageProblem: report?.packageProblem ?? "",
    versionWanted: report?.release?.wanted ?? "",
    versionLastGood: report?.release?.lastGood ?? "",
    cpuMs: report?.cpuMs ?? 0,
    memoryMiB: report?.memoryMiB ?? 0,
    clockOffsetUs: report?.clockOffsetUs ?? 0,
    lastSeenMs: Math.max(session.attachedMs, session.reportedMs),
  }
}

const away = ({ message }: { readonly message: string }) =>
  adminError("unavailable", message, "try again in a moment")

const noAgent = (id: string) =>
  adminError("not found", `there is no agent ${id}`, "`sonde admin agents list` shows all")

export const agentCalls = (
  sources: AgentCallsSources,
): Pick<
  AdminHandlers,
  | "Agents"
  | "Agent"
  | "AgentSet"
  | "AgentMove"
  | "AgentDelete"
  | "CertificateRevoke"
  | "Revocations"
  | "AgentSupport"
  | "AgentsHere"
  | "AgentSupportHere"
> => {
  const viewOf = (record: AgentRecord, attached: AttachedAgent | undefined): AgentView => ({
    id: record.id,
    host: record.host,
    machineId: record.machineId,
    version: record.version,
    group: sources.groupOf(record),
    region: record.region,
    zone: record.zone,
    server: sources.serverOf(record.id),
    place: sources.placeOf(record.id),
    load: sources.loadOf(record.id),
    firstSeenMs: record.firstSeenMs,
    ...(record.guestOf === undefined ? {} : { guestOf: record.guestOf }),
    ...(attached ?? {
      state:
        record.permission !== "allowed"
          ? record.permission
          : sources.serverOf(record.id) === ""
            ? "lost"
            : "running",
      capabilities: record.capabilities,
      exceptions: [],
      configVersion: 0,
      configWanted: 0,
      configProblem: "",
      packages: [],
      packageProblem: "",
      versionWanted: "",
      versionLastGood: "",
      cpuMs: 0,
      memoryMiB: 0,
      clockOffsetUs: 0,
      lastSeenMs: record.lastSeenMs,
    }),
  })

  const views = Effect.map(sources.attached, (attached) => {
    const byId = new Map(attached.map((one) => [one.id, one]))
    return sources.records().map((record) => viewOf(record, byId.get(record.id)))
  })

  const recordOf = (id: string) => {
    const record = sources.records().find((one) => one.id === id)
    return record === undefined ? Effect.fail(noAgent(id)) : Effect.succeed(record)
  }

  return {
    Agents: () => views,
    Agent: ({ id }) =>
      Effect.gen(function* () {
        const record = yield* recordOf(id)
        const agent = (yield* views).find((one) => one.id === id)
        if (agent === undefined) return yield* noAgent(id)
        const { origins, values } = sources.configOf(record)
        const { conflicts, home } = yield* sources.identityOf(id)
        return { agent, config: { ...values }, origins: { ...origins }, home, conflicts }
      }),
    AgentSet: ({ id, state }) =>
      Effect.gen(function* () {
        const record = yield* recordOf(id)
        if (state === "approved" && record.permission !== "pending")
          return yield* adminError("conflict", `agent ${id} does not wait for approval`)
        const isDone = yield* Effect.mapError(
          sources.permit(id, state === "disabled" ? "disabled" : "allowed"),
          away,
        )
        if (!isDone) return yield* noAgent(id)
      }),
    AgentMove: ({ id, server }) =>
      Effect.gen(function* () {
        yield* recordOf(id)
        const problem = yield* Effect.mapError(sources.move(id, server), away)
        if (problem !== undefined) return yield* adminError("invalid", problem)
      }),
    AgentDelete: ({ id }, caller) =>
      Effect.gen(function* () {
        if (!(yield* Effect.mapError(sources.forget(id, caller.name), away))) return yield* noAgent(id)
      }),
    // Also of an agent that is not known any more: its certificate may be about.
    CertificateRevoke: ({ id, reason }, caller) =>
      isIdentityName(id)
        ? Effect.asVoid(Effect.mapError(sources.revoke(id, caller.name, reason), away))
        : noAgent(id),
    Revocations: () =>
      Effect.sync(() =>
        sources
          .revocations()
          .map(({ agent, atMs, by, reason, untilMs }) => ({ agent, atMs, untilMs, by, reason })),
      ),
    AgentSupport: ({ id }) => Effect.andThen(recordOf(id), Effect.mapError(sources.support(id), away)),
    AgentsHere: () => Effect.sync(sources.attachedHere),
    AgentSupportHere: ({ id }) => Effect.mapError(sources.supportHere(id), away),
  }
}
