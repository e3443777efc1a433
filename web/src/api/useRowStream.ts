// The rows of a list as they come: the first page, then, while live, whatever has a higher id, and older pages when the reader
// gets there.

import { useCallback, useEffect, useRef, useState } from "react"
import { rangeParams } from "../app/timeRange.ts"
import type { TimeScope } from "../app/useTimeScope.ts"
import { ask, type QueryParams, withQuery } from "./client.ts"
import {
  firstRows,
  maxRows,
  newestId,
  noRows,
  type RowPage,
  type RowStore,
  shown,
  type StreamedRow,
  withNewer,
  withOlder,
} from "./rowStore.ts"

/** Milliseconds between two askings; after a failure, and in a tab that nobody sees. */
const pause = { live: 600, failed: 3_000, hidden: 5_000 }
const pageRows = 200
const newerRows = 1_000

/** A list of the API: takes `limit`, `before` and `after`. */
export interface RowSource<Row extends StreamedRow> {
  readonly path: string
  readonly pageOf: (answer: unknown) => RowPage<Row>
}

interface StreamState<Row extends StreamedRow> {
  readonly url: string
  readonly store: RowStore<Row>
  readonly error: Error | null
  readonly isLoading: boolean
}

export interface RowStream<Row extends StreamedRow> extends StreamState<Row> {
  readonly isLoadingOlder: boolean
  readonly hold: (isHeld: boolean) => void
  readonly showWaiting: () => void
  readonly loadOlder: () => void
}

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = window.setTimeout(resolve, ms)
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer)
      resolve()
    })
  })

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/** Everything after an id, page by page; not whole when there is more than the table holds. */
const newerThan = async <Row extends StreamedRow>(
  askPage: (params: QueryParams) => Promise<RowPage<Row>>,
  after: string,
): Promise<{ readonly rows: ReadonlyArray<Row>; readonly isWhole: boolean }> => {
  const rows: Array<Row> = []
  let before: string | undefined
  do {
    const page = await askPage({ after, before, limit: newerRows })
    rows.push(...page.rows)
    before = page.next ?? undefined
  } while (before !== undefined && rows.length < maxRows)
  return { rows, isWhole: before === undefined }
}

/** `source` stays one object while the list is the same. */
export const useRowStream = <Row extends StreamedRow>(
  source: RowSource<Row>,
  scope: TimeScope,
  filters: QueryParams,
): RowStream<Row> => {
  const params = { ...rangeParams(scope.range), ...filters }
  const url = withQuery(source.path, params)
  const [state, setState] = useState<StreamState<Row>>({ url, store: noRows, error: null, isLoading: true })
  const [isLoadingOlder, setLoadingOlder] = useState(false)
  const latest = useRef(state)
  const isHeld = useRef(false)

  const update = useCallback((patch: Partial<StreamState<Row>>) => {
    latest.current = { ...latest.current, ...patch }
    setState(latest.current)
  }, [])

  useEffect(() => {
    const abort = new AbortController()
    const { signal } = abort
    const askPage = (more: QueryParams) =>
      ask(withQuery(source.path, { ...params, ...more }), { signal }).then(source.pageOf)

    /** Once: the first page if there is nothing yet, else what is newer. */
    const refresh = async (): Promise<void> => {
      const after = newestId(latest.current.store)
      if (after === undefined) {
        const page = await askPage({ limit: pageRows })
        if (!signal.aborted) update({ store: firstRows(page), error: null, isLoading: false })
        return
      }
      const { rows, isWhole } = await newerThan(askPage, after)
      if (signal.aborted) return
      const store = withNewer(latest.current.store, rows, isWhole, isHeld.current)
      if (store !== latest.current.store || latest.current.error !== null || latest.current.isLoading) {
        update({ store, error: null, isLoading: false })
      }
    }

    const run = async (): Promise<void> => {
      let isAnswered = latest.current.url === url && !latest.current.isLoading
      if (!isAnswered) update({ url, store: noRows, error: null, isLoading: true })
      while (!signal.aborted && (scope.isLive || !isAnswered)) {
        let waitMs = document.hidden ? pause.hidden : pause.live
        try {
          await refresh()
          isAnswered = true
        } catch (error) {
          if (signal.aborted) return
          update({ error: asError(error), isLoading: false })
          waitMs = pause.failed
        }
        await sleep(waitMs, signal)
      }
    }

    void run()
    return () => abort.abort()
    // oxlint-disable-next-line react/exhaustive-deps -- the address says all of the parameters
  }, [source, url, scope.isLive, update])

  const showWaiting = useCallback(() => update({ store: shown(latest.current.store) }), [update])

  const hold = useCallback(
    (next: boolean) => {
      if (isHeld.current === next) return
      isHeld.current = next
      if (!next && latest.current.store.waiting.length > 0) showWaiting()
    },
    [showWaiting],
  )

  const loadOlder = useCallback(() => {
    const before = latest.current.store.rows.at(-1)?.id
    if (before === undefined || !latest.current.store.hasOlder) return
    setLoadingOlder(true)
    ask(withQuery(source.path, { ...params, before, limit: pageRows }))
      .then(source.pageOf)
      .then(
        (page) => {
          if (latest.current.url === url && latest.current.store.rows.at(-1)?.id === before) {
            update({ store: withOlder(latest.current.store, page) })
          }
        },
        (error: unknown) => update({ error: asError(error) }),
      )
      .finally(() => setLoadingOlder(false))
    // oxlint-disable-next-line react/exhaustive-deps -- the address says all of the parameters
  }, [source, url, update])

  return { ...state, isLoadingOlder, hold, showWaiting, loadOlder }
}
