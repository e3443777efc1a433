// Tags for the rows of batches: resolves each side, and stores what is new before any row may carry its id. Follows the labeler's
// records in the database twice a second.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import type { AnyBatch } from "../../model/ColumnBatch.ts"
import { ClickHouse, type ClickHouseError } from "../../runtime/clickhouse/ClickHouse.ts"
import { exposeStats } from "../../runtime/metrics.ts"
import { supervise } from "../../runtime/supervise.ts"
import { type Dictionary, reloadDictionary } from "../../tables/Dictionary.ts"
import { customTagDictionary, resourceDictionary } from "../../tables/tagTables.ts"
import { qualifiedName } from "../../tables/Table.ts"
import { IdAllocator } from "../../tags/IdAllocator.ts"
import type { ResourceRecord } from "../../tags/ResourceRecord.ts"
import { parseRecordRow } from "../../tags/recordRows.ts"
import { Patience } from "../write/Patience.ts"
import type { TableBlock } from "../write/tableBlocks.ts"
import { BatchTagger, type BatchTags } from "./BatchTagger.ts"
import { ResourceIndex } from "./ResourceIndex.ts"
import {
  changedRecordsSql,
  processGroupBlock,
  renewalsSql,
  resourceBlock,
  storedId,
  storedProcessGroupsSql,
  storedResourcesSql,
  storedTagSetsSql,
  tagSetBlock,
} from "./storedTags.ts"
import { type NewResource, TagInterner } from "./TagInterner.ts"

const pollTime = "500 millis"
const touchTime = "60 seconds"
const daySeconds = 86_400

export interface EnricherOptions {
  /** Days that rows are kept at most: tags that were not used for so long may be gone. Default: 30. */
  readonly keepDays?: number
}

const defaultKeepDays = 30

export class Enricher extends Context.Service<
  Enricher,
  {
    /** Resource ids of every row; each has its meaning stored when this succeeds. */
    readonly tag: (batch: AnyBatch, agentId: string) => Effect.Effect<BatchTags>
    /** Resource ids of resources themselves, for rows that tell of them. */
    readonly idsOf: (records: ReadonlyArray<ResourceRecord>) => Effect.Effect<ReadonlyArray<number>>
  }
>()("sonde/ingester/Enricher") {
  static readonly layer = (
    options: EnricherOptions = {},
  ): Layer.Layer<Enricher, ClickHouseError, ClickHouse | IdAllocator | Patience> =>
    Layer.effect(Enricher, make(options))
}

const make = Effect.fnUntraced(function* ({ keepDays = defaultKeepDays }: EnricherOptions) {
  const clickhouse = yield* ClickHouse
  const ids = yield* IdAllocator
  const patience = yield* Patience
  const index = new ResourceIndex()
  const interner = new TagInterner()
  const tagger = new BatchTagger(index, interner)
  const storing = yield* Semaphore.make(1)
  const stats = { resourcesStored: 0, untagged: 0, recordsRead: 0, unreadableRecords: 0 }

  for (const row of yield* clickhouse.query(storedResourcesSql))
    interner.loadResource(String(row["hash"]), storedId(row), Number(row["named"]) === 1, Number(row["day"]))
  for (const row of yield* clickhouse.query(storedTagSetsSql))
    interner.loadTagSet(String(row["hash"]), storedId(row))
  for (const row of yield* clickhouse.query(storedProcessGroupsSql))
    interner.loadProcessGroup(String(row["uid"]), storedId(row), String(row["name"]))

  const readRecords = Effect.gen(function* () {
    while (true) {
      const rows = yield* clickhouse.query(changedRecordsSql, { revision: index.revision })
      const records = rows.map(parseRecordRow).filter((record) => record !== undefined)
      stats.recordsRead += records.length
      stats.unreadableRecords += rows.length - records.length
      index.apply(records)
      if (rows.length === 0 || records.length === 0) return
    }
  })
  yield* readRecords
  yield* Effect.forkScoped(
    readRecords.pipe(
      Effect.andThen(Effect.sleep(pollTime)),
      Effect.forever,
      supervise("server/ingester/records"),
    ),
  )

  const insert = ({ block, columns, table }: TableBlock) =>
    clickhouse.insertNative(qualifiedName(table), columns, block)

  const reload = (dictionary: Dictionary) => clickhouse.command(reloadDictionary(dictionary))

  /** Gives ids and stores what they mean: parts first, so that nothing refers to what is not there. */
  const store = Effect.fnUntraced(function* (resources: ReadonlyArray<NewResource>) {
    const nowMs = yield* Clock.currentTimeMillis
    const nowSecond = Math.floor(nowMs / 1_000)
    const unnumbered = <Entry extends { id: number }>(entries: ReadonlyArray<Entry | undefined>) =>
      [...new Set(entries)].filter((entry): entry is Entry => entry !== undefined && entry.id === 0)
    const groups = unnumbered(resources.map(({ processGroup }) => processGroup))
    const sets = unnumbered(resources.map(({ tagSet }) => tagSet))
    if (groups.length > 0) {
      const first = yield* ids.take("gprocess", groups.length)
      const numbered = groups.map((group, at) => ({ ...group, id: first + at }))
      yield* insert(processGroupBlock(numbered, nowMs))
      groups.forEach((group, at) => (group.id = first + at))
    }
    if (sets.length > 0) {
      const first = yield* ids.take("tag_set", sets.length)
      yield* insert(
        tagSetBlock(
          sets.map((set, at) => ({ ...set, id: first + at })),
          nowSecond,
        ),
      )
      sets.forEach((set, at) => (set.id = first + at))
      yield* reload(customTagDictionary)
    }
    const first = yield* ids.take("resource", resources.length)
    const numbered = resources.map((resource, at) => ({
      ...resource,
      entry: { ...resource.entry, id: first + at },
    }))
    yield* insert(resourceBlock(numbered, nowSecond))
    yield* reload(resourceDictionary)
    resources.forEach(({ entry }, at) => {
      entry.id = first + at
      entry.usedDay = Math.floor(nowSecond / daySeconds)
    })
    stats.resourcesStored += resources.length
  })

  /** When the database refuses them for what they are, their rows go without tags rather than not at all. */
  const giveUp = (resources: ReadonlyArray<NewResource>, error: ClickHouseError) =>
    Effect.suspend(() => {
      stats.untagged += resources.length
      return Effect.logError(
        `ClickHouse refused the tags of ${resources.length} resources; their rows carry none: ${error.message}`,
      )
    })

  const storeNew = storing.withPermit(
    Effect.suspend(() => {
      const resources = interner.takeNew()
      if (resources.length === 0) return Effect.void
      return patience.untilTaken(store(resources)).pipe(
        Effect.flatMap((refused) => (refused === undefined ? Effect.void : giveUp(resources, refused))),
        Effect.onInterrupt(() => Effect.sync(() => interner.giveBack(resources))),
      )
    }),
  )

  /** Keeps the meaning of ids that are in use from expiring, and lets go of those that are not. */
  const touch = Effect.gen(function* () {
    const day = Math.floor((yield* Clock.currentTimeMillis) / 1_000 / daySeconds)
    const used = tagger.takeUsed()
    tagger.forget(day - keepDays)
    if (used.length === 0) return
    for (const sql of renewalsSql) {
      const refused = yield* patience.untilTaken(clickhouse.command(sql, { ids: used }))
      if (refused !== undefined)
        yield* Effect.logError(`tags in use could not be renewed and may expire: ${refused.message}`)
    }
  })
  yield* Effect.forkScoped(
    Effect.sleep(touchTime).pipe(
      Effect.andThen(touch),
      Effect.forever,
      supervise("server/ingester/tags in use"),
    ),
  )

  yield* exposeStats("ingester", () => ({
    resources: interner.size,
    resources_stored_total: stats.resourcesStored,
    resources_untagged_total: stats.untagged + interner.refused.resources,
    process_groups_refused_total: interner.refused.groups,
    labeler_records: index.size,
    labeler_records_read_total: stats.recordsRead,
    labeler_records_unreadable_total: stats.unreadableRecords,
    ...tagger.stats(),
  }))

  const tag = Effect.fnUntraced(function* (batch: AnyBatch, agentId: string) {
    const day = Math.floor((yield* Clock.currentTimeMillis) / 1_000 / daySeconds)
    const tags = tagger.tag(batch, agentId, day)
    if (!tags.isComplete()) {
      yield* storeNew
      tags.complete()
    }
    return tags
  })

  const idsOf = Effect.fnUntraced(function* (records: ReadonlyArray<ResourceRecord>) {
    const entries = records.map((record) => interner.internRecord(index, record))
    if (entries.some(({ id }) => id === 0)) yield* storeNew
    return entries.map(({ id }) => id)
  })

  return Enricher.of({ tag, idsOf })
})
