// How agents fare with what they were told, known to every server: `report/ID` in the store, written when something of it changes, in
// batches. Roll-outs are decided by it, whoever leads.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { exposeStats } from "../../runtime/metrics.ts"
import { Coordination, type CoordinationError, writesMost } from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import { supervise } from "../../runtime/supervise.ts"

export const AgentReport = Schema.Struct({
  /** Version and digest of the configuration it runs with; 0 and empty: its own file. */
  version: Schema.Number,
  digest: Schema.String,
  /** Why the newest is not in use; empty: it is. */
  problem: Schema.String,
  /** Codes of what is wrong with the agent. */
  exceptions: Schema.Array(Schema.String),
  /** Digests of the packages that it has, by name, and why not those that it is to have. */
  packages: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  packageProblem: Schema.optionalKey(Schema.String),
})
export type AgentReport = typeof AgentReport.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(AgentReport))

const flushMs = 1_000
const problemCharsMost = 500
const exceptionsMost = 16
/** Agents whose report waits to be written; more than any server has. */
const waitingMost = 100_000

export class AgentReports extends Context.Service<
  AgentReports,
  {
    /** Never waits; to be called with each report of an agent of this server. */
    readonly reported: (agent: string, report: AgentReport) => void
    readonly get: (agent: string) => AgentReport | undefined
    readonly forget: (agent: string) => Effect.Effect<void, CoordinationError>
  }
>()("sonde/controller/AgentReports") {
  /** `prefix` of all keys: `/sonde/REGION/`. */
  static readonly layer = (prefix: string): Layer.Layer<AgentReports, CoordinationError, Coordination> =>
    Layer.effect(AgentReports, make(`${prefix}report/`))
}

const make = (
  prefix: string,
): Effect.Effect<AgentReports["Service"], CoordinationError, Coordination | Scope.Scope> =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    const mirror = yield* makeMirror(prefix)
    const waiting = new Map<string, string>()
    const counters = { written: 0, dropped: 0, failed: 0 }
    const decoded = new Map<string, { readonly modified: number; readonly report: AgentReport | undefined }>()

    const flush = Effect.gen(function* () {
      while (waiting.size > 0) {
        const batch = [...waiting].slice(0, writesMost)
        yield* coordination.commit({
          writes: batch.map(([agent, value]) => ({ put: prefix + agent, value })),
        })
        counters.written += batch.length
        // What came meanwhile is written next time.
        for (const [agent, value] of batch) if (waiting.get(agent) === value) waiting.delete(agent)
      }
    }).pipe(Effect.catchTag("CoordinationError", () => Effect.sync(() => void counters.failed++)))

    yield* Effect.forkScoped(
      supervise("controller/reports")(
        Effect.gen(function* () {
          while (true) {
            yield* Effect.sleep(flushMs)
            yield* flush
          }
        }),
      ),
    )
    yield* exposeStats("controller_reports", () => ({
      waiting: waiting.size,
      written_total: counters.written,
      dropped_total: counters.dropped,
      failed_total: counters.failed,
    }))

    return {
      reported: (agent, report) => {
        const value = JSON.stringify({
          version: report.version,
          digest: report.digest,
          problem: report.problem.slice(0, problemCharsMost),
          exceptions: report.exceptions.slice(0, exceptionsMost).toSorted(),
          packages: report.packages ?? {},
          packageProblem: (report.packageProblem ?? "").slice(0, problemCharsMost),
        } satisfies AgentReport)
        if ((waiting.get(agent) ?? mirror.get(prefix + agent)?.value) === value) return
        if (waiting.size >= waitingMost && !waiting.has(agent)) counters.dropped++
        else waiting.set(agent, value)
      },
      get: (agent) => {
        const entry = mirror.get(prefix + agent)
        if (entry === undefined) {
          decoded.delete(agent)
          return undefined
        }
        const known = decoded.get(agent)
        if (known?.modified === entry.modified) return known.report
        const report = Option.getOrUndefined(decode(entry.value))
        decoded.set(agent, { modified: entry.modified, report })
        return report
      },
      forget: (agent) =>
        Effect.suspend(() => {
          waiting.delete(agent)
          return Effect.asVoid(coordination.commit({ writes: [{ remove: prefix + agent }] }))
        }),
    }
  })
