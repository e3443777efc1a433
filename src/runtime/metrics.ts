// Own metrics of this process. Hot paths count in plain objects; they are read only when somebody asks (/metrics, status).
// Names: sonde_<component>_<noun>_<unit>[_total].

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import type * as Scope from "effect/Scope"

/** A component's counters by metric name without the prefix; names ending in `_total` only grow, others go up and down. */
export type Stats = Readonly<Record<string, number>>

interface Source {
  readonly component: string
  readonly read: () => Stats
}

export class StatsRegistry {
  readonly #sources = new Set<Source>()
  readonly #exported = new Map<string, number>()

  add(source: Source): void {
    this.#sources.add(source)
  }

  delete(source: Source): void {
    this.#sources.delete(source)
  }

  /** Everything as it stands, by full metric name. */
  snapshot(): Record<string, number> {
    const all: Record<string, number> = {}
    for (const { component, read } of this.#sources) {
      for (const [name, value] of Object.entries(read())) {
        const full = `sonde_${component}_${name}`
        all[full] = (all[full] ?? 0) + value
      }
    }
    return all
  }

  /** Prometheus text exposition of `snapshot` and of every other Effect metric. */
  text(): Effect.Effect<string> {
    return Effect.gen({ self: this }, function* () {
      for (const [name, value] of Object.entries(this.snapshot())) {
        if (name.endsWith("_total")) {
          // A source that started anew counts from zero: its whole value is new.
          const before = this.#exported.get(name) ?? 0
          yield* Metric.update(
            Metric.counter(name, { incremental: true }),
            value >= before ? value - before : value,
          )
          this.#exported.set(name, value)
        } else {
          yield* Metric.update(Metric.gauge(name), value)
        }
      }
      return yield* PrometheusMetrics.format()
    })
  }
}

export const StatsSources = Context.Reference<StatsRegistry>("sonde/runtime/StatsSources", {
  defaultValue: () => new StatsRegistry(),
})

/** Shows a component's counters for as long as the scope lives. */
export const exposeStats = (component: string, read: () => Stats): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const registry = yield* StatsSources
    const source = { component, read }
    yield* Effect.acquireRelease(
      Effect.sync(() => registry.add(source)),
      () => Effect.sync(() => registry.delete(source)),
    )
  })

/** Memory and CPU of this process, as the process_* metrics of the Prometheus convention. */
export const processStats = (): Stats => {
  const memory = process.memoryUsage()
  const cpu = process.cpuUsage()
  return {
    resident_bytes: memory.rss,
    heap_bytes: memory.heapUsed,
    cpu_seconds_total: (cpu.user + cpu.system) / 1e6,
  }
}
