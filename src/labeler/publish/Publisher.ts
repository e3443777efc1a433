// Brings what sources tell into flow_tag.record and the dictionaries over it: applies updates, plans, inserts what changed, reloads
// dictionaries, hands events on. Updates that come close together are published together. While ClickHouse is away only the
// newest state of each record is kept; numbers given out stay given.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { ClickHouse, type ClickHouseError } from "../../runtime/clickhouse/ClickHouse.ts"
import { encodeNative } from "../../runtime/clickhouse/native.ts"
import { Health } from "../../runtime/Health.ts"
import { type Dictionary, reloadDictionary } from "../../tables/Dictionary.ts"
import { qualifiedName } from "../../tables/Table.ts"
import { recordTable } from "../../tables/tagTables.ts"
import { ofKind } from "../../tables/recordDictionaries.ts"
import { type ResourceKind, resourceKinds } from "../../tags/ResourceKind.ts"
import type { ResourceRecord } from "../../tags/ResourceRecord.ts"
import { recordColumns } from "../../tags/recordRows.ts"
import { runGently } from "../record/inSteps.ts"
import type { Recorder } from "../record/Recorder.ts"
import { type ResourceEvent, resourceEvents } from "../record/resourceEvents.ts"
import type { SourceUpdate } from "../source/ResourceSource.ts"
import { EventSink } from "./EventSink.ts"

/** Kinds of records that a dictionary shows. */
const kindsOf = ({ where = "" }: Dictionary): ReadonlyArray<ResourceKind> => {
  const named = resourceKinds.filter((kind) => where.startsWith(ofKind(kind)))
  return named.length === 0 ? resourceKinds : named
}

export interface DomainUpdate {
  readonly domain: string
  readonly update: Exclude<SourceUpdate, { type: "problem" }>
}

/** Grow only, save `lagMs` and `revision`. */
export interface PublishStats {
  plans: number
  created: number
  changed: number
  deleted: number
  published: number
  failures: number
  events: number
  eventsDropped: number
  /** From an update to the moment it could be read, of the last one. */
  lagMs: number
  revision: number
}

export const emptyPublishStats = (): PublishStats => ({
  plans: 0,
  created: 0,
  changed: 0,
  deleted: 0,
  published: 0,
  failures: 0,
  events: 0,
  eventsDropped: 0,
  lagMs: 0,
  revision: 0,
})

export interface PublisherOptions {
  readonly recorder: Recorder
  readonly updates: Queue.Queue<DomainUpdate>
  readonly dictionaries: ReadonlyArray<Dictionary>
  readonly stats: PublishStats
  /** Domains whose resources were known before: only their newcomers are news. */
  readonly knownDomains: Set<string>
  /** How long updates are gathered. */
  readonly gatherMs: number
  readonly healthPath: string
}

const insertRows = 10_000
const firstRetryMs = 100
const longestRetryMs = 5_000
const logEveryMs = 60_000
const mostEvents = 10_000
/** Planning, which keeps this process busy, takes at most this part of the time, however large the inventory is. */
const planShare = 0.2
const longestPauseMs = 2_000
/** How long events of what is stored may hold up the end. */
const lastEventsMs = 2_000

export const runPublisher = Effect.fnUntraced(function* (options: PublisherOptions) {
  const clickhouse = yield* ClickHouse
  const events = yield* EventSink
  const health = yield* Health
  const { recorder, stats, updates, knownDomains, healthPath } = options
  const startedMs = yield* Clock.currentTimeMillis
  const staleDictionaries = new Set<Dictionary>()
  let pendingEvents: Array<ResourceEvent> = []
  let eventBatch: { readonly events: ReadonlyArray<ResourceEvent>; readonly token: string } | undefined
  let eventBatches = 0
  let oldestUpdateMs = startedMs
  let planMs = 0
  let loggedMs = Number.NEGATIVE_INFINITY

  const plan = Effect.gen(function* () {
    const nowMs = yield* Clock.currentTimeMillis
    const result = yield* runGently(recorder.plan(nowMs))
    planMs = (yield* Clock.currentTimeMillis) - nowMs
    stats.plans++
    for (const { before, after } of result.changes) {
      if (before === undefined) stats.created++
      else if (after.isDeleted) stats.deleted++
      else stats.changed++
    }
    const news = resourceEvents(
      result,
      (domain) => knownDomains.has(domain),
      (kind, id) => recorder.nameOf(kind, id),
      nowMs,
    )
    for (const event of news) pendingEvents.push(event)
    if (pendingEvents.length > mostEvents) {
      stats.eventsDropped += pendingEvents.length - mostEvents
      pendingEvents = pendingEvents.slice(-mostEvents)
    }
  })

  const insert = Effect.fnUntraced(function* (records: ReadonlyArray<ResourceRecord>) {
    const columns = recordColumns(records)
    yield* clickhouse.insertNative(
      qualifiedName(recordTable),
      columns.map(({ name }) => name),
      encodeNative(records.length, columns),
    )
    recorder.published(records)
    stats.published += records.length
    stats.revision = records.at(-1)!.revision
    const kinds = new Set(records.map(({ kind }) => kind))
    for (const dictionary of options.dictionaries) {
      if (kindsOf(dictionary).some((kind) => kinds.has(kind))) staleDictionaries.add(dictionary)
    }
  })

  const writeEvents = Effect.gen(function* () {
    while (eventBatch !== undefined || pendingEvents.length > 0) {
      if (eventBatch === undefined) {
        eventBatch = {
          events: pendingEvents.splice(0, insertRows),
          token: `labeler:${startedMs}:${eventBatches++}`,
        }
      }
      yield* events.write(eventBatch.events, eventBatch.token)
      stats.events += eventBatch.events.length
      eventBatch = undefined
    }
  })

  /** One that cannot be reloaded does not keep the others from it. In the order given: later ones may be made from earlier ones. */
  const reloadDictionaries = Effect.gen(function* () {
    let failure: ClickHouseError | undefined
    for (const dictionary of options.dictionaries) {
      if (!staleDictionaries.has(dictionary)) continue
      const outcome = yield* Effect.result(clickhouse.command(reloadDictionary(dictionary)))
      if (outcome._tag === "Success") staleDictionaries.delete(dictionary)
      else failure ??= outcome.failure
    }
    return failure
  })

  const publish = Effect.gen(function* () {
    while (recorder.pending.size > 0) yield* insert(recorder.take(insertRows))
    const failure = yield* reloadDictionaries
    if (failure === undefined) stats.lagMs = (yield* Clock.currentTimeMillis) - oldestUpdateMs
    yield* writeEvents
    if (failure !== undefined) return yield* failure
  })

  const tellOfFailure = Effect.fnUntraced(function* (message: string) {
    stats.failures++
    health.set(healthPath, "degraded", `not published: ${message}`)
    const nowMs = yield* Clock.currentTimeMillis
    if (nowMs - loggedMs < logEveryMs) return
    loggedMs = nowMs
    yield* Effect.logWarning(
      `changes of resources cannot be stored now, trying on (${recorder.pending.size} wait): ${message}`,
    )
  })

  /** Undefined: published; else how long to wait before the next try. */
  const round = Effect.fnUntraced(function* (first: ReadonlyArray<DomainUpdate>, failures: number) {
    if (first.length > 0) yield* Effect.sleep(options.gatherMs)
    const gathered = [...first, ...(yield* Queue.clear(updates))]
    for (const { domain, update } of gathered) yield* runGently(recorder.apply(domain, update))
    yield* plan
    for (const { domain } of gathered) knownDomains.add(domain)
    const outcome = yield* Effect.result(publish)
    if (outcome._tag === "Success") {
      if (failures > 0) health.set(healthPath, "running")
      return undefined
    }
    yield* tellOfFailure(outcome.failure.message)
    return Math.min(firstRetryMs * 2 ** Math.min(failures, 10), longestRetryMs)
  })

  const rounds = Effect.gen(function* () {
    // The first round also takes out what belongs to domains that are no longer configured.
    let retryMs: number | undefined = 0
    let failures = 0
    while (true) {
      const waiting: Option.Option<DomainUpdate> =
        retryMs === undefined
          ? Option.some(yield* Queue.take(updates))
          : yield* Queue.take(updates).pipe(Effect.timeoutOption(retryMs))
      if (failures === 0) oldestUpdateMs = yield* Clock.currentTimeMillis
      retryMs = yield* round(Option.toArray(waiting), failures)
      failures = retryMs === undefined ? 0 : failures + 1
      if (retryMs === undefined) yield* Effect.sleep(Math.min(planMs / planShare, longestPauseMs))
    }
  })

  // Who publishes next sees no change in rows that are stored, so what they are news of is told now or never. Of others it will tell.
  const tellTheRest = Effect.suspend(() => (recorder.pending.size > 0 ? Effect.void : writeEvents)).pipe(
    Effect.timeoutOption(lastEventsMs),
    Effect.ignore,
  )
  return yield* Effect.onInterrupt(rounds, () => tellTheRest)
})
