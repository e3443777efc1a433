// What the console shows beyond the database, put together from the components of this process.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentDirectory } from "../ingester/receive/AgentDirectory.ts"
import { budgetTrouble } from "../model/budgetText.ts"
import { ConsoleSources } from "../querier/ConsoleSources.ts"
import { ClickHouse } from "../runtime/clickhouse/ClickHouse.ts"
import type { SondeConfig } from "../runtime/configSchema.ts"
import { Health } from "../runtime/Health.ts"
import { StatsSources } from "../runtime/metrics.ts"
import { agentMetricLines } from "./agentMetrics.ts"
import { makeDemoControl } from "./demo/demoChild.ts"
import { version } from "./version.ts"

/** An agent that was silent for longer is shown as away. */
const silentUs = 30_000_000

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
      const demo = yield* makeDemoControl
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
            budget: agent.status?.budget ?? null,
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
        const agentParts = agents.list().map((agent) => {
          const message = away.includes(agent) ? "not connected" : budgetTrouble(agent.status?.budget)
          return {
            name: `agent on ${agent.host}`,
            state: message === "" ? ("running" as const) : ("degraded" as const),
            restarts: agent.status?.counters["sonde_agent_capture_restarts_total"] ?? 0,
            ...(message === "" ? {} : { message }),
          }
        })
        const isDegraded = view.status === "ok" && agentParts.some(({ state }) => state === "degraded")
        return { status: isDegraded ? "degraded" : view.status, parts: [...view.parts, ...agentParts] }
      })

      /** This process' metrics, then those that agents told, with the agent's host as label. */
      const metricsText = Effect.gen(function* () {
        const lines = [yield* stats.text()]
        for (const agent of agents.list()) lines.push(...agentMetricLines(agent))
        return `${lines.join("\n")}\n`
      })

      return {
        processes: Effect.sync(() => agents.list().flatMap((agent) => agent.status?.processes ?? [])),
        status,
        demo: demo.state,
        startDemo: demo.start,
        stopDemo: demo.stop,
        health: healthView,
        metricsText,
      }
    }),
  )
