// The labeler as a service: runs the sources under supervision, one fiber each, and the publisher. One labeler of a cluster runs at a
// time; it reads what is stored when its turn comes.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type { ClickHouse } from "../runtime/clickhouse/ClickHouse.ts"
import { Health } from "../runtime/Health.ts"
import { exposeStats, type Stats } from "../runtime/metrics.ts"
import { supervise } from "../runtime/supervise.ts"
import type { Dictionary } from "../tables/Dictionary.ts"
import { resourceKinds } from "../tags/ResourceKind.ts"
import type { EventSink } from "./publish/EventSink.ts"
import { type DomainUpdate, emptyPublishStats, runPublisher } from "./publish/Publisher.ts"
import { defaultLimits, type RecordLimits } from "./record/cleanRecord.ts"
import { Recorder } from "./record/Recorder.ts"
import { loadRecords } from "./record/RecordStore.ts"
import type { ResourceSource, SourceUpdate } from "./source/ResourceSource.ts"

/** Runs work only while this server leads, interrupts it when it no longer does. */
export type LeaderGate = <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

export interface LabelerOptions {
  readonly sources: ReadonlyArray<ResourceSource>
  /** Over flow_tag.record; those that show kinds that changed are reloaded. */
  readonly dictionaries?: ReadonlyArray<Dictionary>
  readonly limits?: RecordLimits
  /** Updates within this time are published together. Default: 100. */
  readonly gatherMs?: number
  /** Default: always. */
  readonly whenLeader?: LeaderGate
}

export interface SourceStatus {
  readonly domain: string
  readonly records: number
  /** Empty: none. */
  readonly problem: string
  /** Milliseconds since 1970; 0: never yet. */
  readonly lastSuccessMs: number
  readonly problems: number
}

export class Labeler extends Context.Service<
  Labeler,
  {
    readonly sources: () => ReadonlyArray<SourceStatus>
    /** Newest revision that is stored. */
    readonly revision: () => number
    readonly stats: () => Stats
  }
>()("sonde/labeler/Labeler") {
  static readonly layer = (options: LabelerOptions): Layer.Layer<Labeler, never, ClickHouse | EventSink> =>
    Layer.effect(Labeler, make(options))
}

const healthRoot = "server/labeler"
/** Updates that wait to be applied; sources wait beyond. */
const waitingUpdates = 256
/**
 * How long the first plan waits for all sources to speak: what one source adds to the resources of another would else be taken
 * away and come again at each start.
 */
const settleTime = "2 seconds"

type MutableStatus = { -readonly [Key in keyof SourceStatus]: SourceStatus[Key] }

const make = Effect.fnUntraced(function* (options: LabelerOptions) {
  const health = yield* Health
  const limits = options.limits ?? defaultLimits
  const publishStats = emptyPublishStats()
  const statuses = new Map<string, MutableStatus>(
    options.sources.map(({ domain }) => [
      domain,
      { domain, records: 0, problem: "", lastSuccessMs: 0, problems: 0 },
    ]),
  )
  let recorder: Recorder | undefined

  const silent = new Set(statuses.keys())
  const allSpoke = yield* Latch.make(silent.size === 0)

  const told = Effect.fnUntraced(function* (domain: string, update: SourceUpdate) {
    const status = statuses.get(domain)!
    silent.delete(domain)
    if (silent.size === 0) yield* allSpoke.open
    if (update.type === "problem") {
      status.problems++
      const isNew = status.problem !== update.message
      status.problem = update.message
      health.set(`${healthRoot}/${domain}`, "degraded", update.message)
      if (isNew) yield* Effect.logWarning(`${update.message}; what was read last stays in force`)
      return
    }
    if (status.problem !== "") {
      status.problem = ""
      health.set(`${healthRoot}/${domain}`, "running")
    }
    status.lastSuccessMs = yield* Clock.currentTimeMillis
  })

  const runSource = ({ domain, run }: ResourceSource, updates: Queue.Queue<DomainUpdate>) =>
    run((update) =>
      Effect.gen(function* () {
        if (update.type !== "problem") yield* Queue.offer(updates, { domain, update })
        yield* told(domain, update)
      }),
    )

  const work = Effect.gen(function* () {
    for (const domain of statuses.keys()) silent.add(domain)
    if (silent.size > 0) yield* allSpoke.close
    const stored = yield* loadRecords
    const domains = options.sources.map(({ domain }) => domain)
    recorder = new Recorder(stored, domains, limits)
    publishStats.revision = stored.revision
    const updates = yield* Queue.bounded<DomainUpdate>(waitingUpdates)
    for (const source of options.sources) {
      yield* Effect.forkScoped(supervise(`${healthRoot}/${source.domain}`)(runSource(source, updates)))
    }
    yield* allSpoke.await.pipe(Effect.timeoutOption(settleTime))
    return yield* runPublisher({
      recorder,
      updates,
      dictionaries: options.dictionaries ?? [],
      stats: publishStats,
      knownDomains: new Set([...stored.live, ...stored.gone].map(({ domain }) => domain)),
      gatherMs: options.gatherMs ?? 100,
      healthPath: `${healthRoot}/publisher`,
    })
  }).pipe(Effect.scoped)

  const stats = (): Stats => ({
    ...recordCounts(recorder),
    plans_total: publishStats.plans,
    created_records_total: publishStats.created,
    changed_records_total: publishStats.changed,
    deleted_records_total: publishStats.deleted,
    published_records_total: publishStats.published,
    publish_failures_total: publishStats.failures,
    publish_lag_seconds: publishStats.lagMs / 1_000,
    events_total: publishStats.events,
    dropped_events_total: publishStats.eventsDropped,
    source_problems_total: [...statuses.values()].reduce((sum, { problems }) => sum + problems, 0),
    sources_with_problem: [...statuses.values()].filter(({ problem }) => problem !== "").length,
    oldest_success_timestamp_seconds: Math.min(
      ...[...statuses.values()].map((one) => one.lastSuccessMs / 1_000),
      Number.MAX_SAFE_INTEGER,
    ),
    revision: publishStats.revision,
  })
  yield* exposeStats("labeler", stats)
  const whenLeader: LeaderGate = options.whenLeader ?? ((effect) => effect)
  yield* Effect.forkScoped(supervise(`${healthRoot}/publisher`)(whenLeader(work)))

  return Labeler.of({
    sources: () =>
      [...statuses.values()].map((status) => ({
        ...status,
        records: recorder?.recordsOf(status.domain) ?? 0,
      })),
    revision: () => publishStats.revision,
    stats,
  })
})

const recordCounts = (recorder: Recorder | undefined): Stats => {
  const counts = new Map<string, number>(resourceKinds.map((kind) => [kind, 0]))
  for (const { kind } of recorder?.live.values() ?? []) counts.set(kind, counts.get(kind)! + 1)
  const clips = recorder?.clips
  return {
    ...Object.fromEntries([...counts].map(([kind, count]) => [`${kind}_records`, count])),
    unresolved_references: recorder?.unresolved ?? 0,
    left_out_records: recorder?.leftOut ?? 0,
    refused_records_total: clips?.records ?? 0,
    clipped_names_total: clips?.names ?? 0,
    clipped_values_total: clips?.values ?? 0,
    dropped_tags_total: clips?.tags ?? 0,
    dropped_list_items_total: clips?.listItems ?? 0,
    invalid_parts_total: clips?.invalid ?? 0,
  }
}
