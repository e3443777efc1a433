// Reads what the labeler knew when it ran last: live resources whole, deleted ones by identity and number.

import * as Effect from "effect/Effect"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { isResourceKind, type ResourceKind } from "../../tags/ResourceKind.ts"
import { parseRecordRow } from "../../tags/recordRows.ts"
import type { StoredRecords } from "./Recorder.ts"

/** Rows in one answer, so that no answer is too large for memory. */
const pageRows = 20_000
const goneMost = 200_000

/** Process groups are in the table, too, but not the labeler's. */
const own = "kind != 'gprocess'"

const loadLive = Effect.gen(function* () {
  const clickhouse = yield* ClickHouse
  const live: Array<StoredRecords["live"][number]> = []
  let after = { kind: "", id: 0 }
  while (true) {
    const rows = yield* clickhouse.query(
      `SELECT * FROM flow_tag.record FINAL
       WHERE ${own} AND is_deleted = 0 AND (kind, id) > ({kind:String}, {id:UInt32})
       ORDER BY kind, id LIMIT ${pageRows}`,
      after,
    )
    for (const row of rows) {
      const record = parseRecordRow(row)
      if (record !== undefined) live.push(record)
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageRows) return live
    after = { kind: String(last["kind"]), id: Number(last["id"]) }
    yield* Effect.yieldNow
  }
})

export const loadRecords = Effect.gen(function* () {
  const clickhouse = yield* ClickHouse
  const live = yield* loadLive
  const goneRows = yield* clickhouse.query(
    `SELECT kind, id, domain, uid FROM flow_tag.record FINAL
     WHERE ${own} AND is_deleted = 1 ORDER BY revision DESC LIMIT ${goneMost}`,
  )
  const lastRows = yield* clickhouse.query(
    `SELECT kind, max(id) AS id, max(revision) AS revision FROM flow_tag.record GROUP BY kind`,
  )
  const lastIds = new Map<ResourceKind, number>()
  let revision = 0
  for (const row of lastRows) {
    const kind = String(row["kind"])
    if (isResourceKind(kind)) lastIds.set(kind, Number(row["id"]))
    revision = Math.max(revision, Number(row["revision"]))
  }
  const gone: Array<StoredRecords["gone"][number]> = []
  for (const row of goneRows.toReversed()) {
    const kind = String(row["kind"])
    if (!isResourceKind(kind)) continue
    gone.push({ kind, id: Number(row["id"]), domain: String(row["domain"]), uid: String(row["uid"]) })
  }
  const stored: StoredRecords = { live, gone, lastIds, revision }
  return stored
})
