// What the console shows beyond the database, put together from the components of this process.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { AgentDirectory } from "../ingester/receive/AgentDirectory.ts"
import { ConsoleSources } from "../querier/ConsoleSources.ts"
import { ClickHouse } from "../runtime/clickhouse/ClickHouse.ts"
import type { SondeConfig } from "../runtime/configSchema.ts"
import { Health } from "../runtime/Health.ts"
import { StatsSources } from "../runtime/metrics.ts"
import { demoPrograms, driveDemo, startDemo } from "./demo/DemoApp.ts"
import { version } from "./version.ts"

/** Requests a second that the console's demo makes. */
const demoRate = 20

/** An agent that was silent for longer is shown as away. */
const silentUs = 30_000_000

/** The demo application on behalf of the console: at most one, ended with the server. */
const makeDemo = Effect.gen(function* () {
  const parent = yield* Effect.scope
  let running: Scope.Closeable | undefined
  let reason = ""
  const view = Effect.sync(() => {
    const { missing } = demoPrograms()
    const why = missing.length > 0 ? `not installed: ${missing.join(", ")}` : reason
    return {
      available: missing.length === 0,
      running: running !== undefined,
      reason: running === undefined ? why : "",
    }
  })
  const start = Effect.gen(function* () {
    if (running !== undefined) return yield* view
    const scope = yield* Scope.fork(parent)
    running = scope
    const started = yield* Effect.exit(
      Effect.gen(function* () {
        const app = yield* startDemo
        yield* Effect.forkScoped(driveDemo(app, demoRate, () => undefined))
      }).pipe(Scope.provide(scope)),
    )
    if (Exit.isFailure(started)) {
      running = undefined
      reason = "the demo application did not start; see the log"
      yield* Effect.logWarning("the demo application did not start", started.cause)
      yield* Scope.close(scope, Exit.void)
    }
    return yield* view
  })
  const stop = Effect.gen(function* () {
    const scope = running
    running = undefined
    if (scope !== undefined) yield* Scope.close(scope, Exit.void)
    return yield* view
  })
  return { view, start, stop }
})

/** Rows and bytes of Sonde's own tables, as the database counts them. */
const storageSize = Effect.gen(function* () {
  const clickhouse = yield* ClickHouse
  const rows = yield* clickhouse.query(
    "SELECT sum(total_rows) AS rows, sum(total_bytes) AS bytes, version() AS version FROM system.tables WHERE database IN ('flow_log', 'flow_metrics')",
  )
  const row = rows[0] ?? {}
  return {
    rows: Number(row["rows"] ?? 0),
    bytes: Number(row["bytes"] ?? 0),
    version: String(row["version"] ?? ""),
  }
})

export const consoleSources = (config: SondeConfig) =>
  Layer.effect(
    ConsoleSources,
    Effect.gen(function* () {
      const agents = yield* AgentDirectory
      const clickhouse = yield* ClickHouse
      const health = yield* Health
      const stats = yield* StatsSources
      const demo = yield* makeDemo
      const startedMs = yield* Clock.currentTimeMillis

      const status = Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        const size = yield* storageSize.pipe(
          Effect.provideService(ClickHouse, clickhouse),
          Effect.catch((error) =>
            Effect.succeed({ rows: 0, bytes: 0, version: `not answering: ${error.message}` }),
          ),
        )
        return {
          version,
          uptimeSeconds: Math.round((nowMs - startedMs) / 1_000),
          agents: agents.list().map((agent) => ({
            id: agent.id,
            host: agent.host,
            tier: agent.status?.tier ?? 3,
            lastSeenUs: agent.lastSeenUs,
            features: agent.status?.features ?? [],
            counters: agent.status?.counters ?? {},
          })),
          storage: { mode: config.storage.mode, ...size },
        }
      })

      const healthView = Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        const view = health.view()
        const away = agents
          .list()
          .filter((agent) => !agent.connected || nowMs * 1_000 - agent.lastSeenUs > silentUs)
        const parts = [
          ...view.parts,
          ...agents.list().map((agent) => ({
            name: `agent on ${agent.host}`,
            state: away.includes(agent) ? ("degraded" as const) : ("running" as const),
            restarts: 0,
            ...(away.includes(agent) ? { message: "not connected" } : {}),
          })),
        ]
        return { status: view.status === "ok" && away.length > 0 ? "degraded" : view.status, parts }
      })

      /** This process' metrics, then those that agents told, with the agent's host as label. */
      const metricsText = Effect.gen(function* () {
        const lines = [yield* stats.text()]
        for (const agent of agents.list()) {
          for (const [name, value] of Object.entries(agent.status?.counters ?? {})) {
            lines.push(
              `${name}{agent="${agent.id}",host="${agent.host.replaceAll(/["\\\n]/g, "_")}"} ${value}`,
            )
          }
        }
        return `${lines.join("\n")}\n`
      })

      return {
        processes: Effect.sync(() => agents.list().flatMap((agent) => agent.status?.processes ?? [])),
        status,
        demo: demo.view,
        startDemo: demo.start,
        stopDemo: demo.stop,
        health: healthView,
        metricsText,
      }
    }),
  )
