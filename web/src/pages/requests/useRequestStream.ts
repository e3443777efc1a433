// The rows of the request list as they come: the first page, then, while live, whatever has a higher id, and older pages when
// the reader gets there.

import { useCallback, useEffect, useRef, useState } from "react"
import { ask, type QueryParams, withQuery } from "../../api/client.ts"
import type { RequestPage, RequestRow } from "../../api/contract.ts"
import { rangeParams } from "../../app/timeRange.ts"
import type { TimeScope } from "../../app/useTimeScope.ts"
import {
  firstRows,
  maxRows,
  newestId,
  noRows,
  type RowStore,
  shown,
  withNewer,
  withOlder,
} from "./rowStore.ts"

/** Milliseconds between two askings; after a failure, and in a tab that nobody sees. */
const pause = { live: 600, failed: 3_000, hidden: 5_000 }
const pageRows = 200
const newerRows = 1_000

interface StreamState {
  readonly url: string
  readonly store: RowStore
  readonly error: Error | null
  readonly isLoading: boolean
}

export interface RequestStream extends StreamState {
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
const newerThan = async (
  url: (params: QueryParams) => string,
  after: string,
  signal: AbortSignal,
): Promise<{ readonly rows: ReadonlyArray<RequestRow>; readonly isWhole: boolean }> => {
  const rows: Array<RequestRow> = []
  let before: string | undefined
  do {
    const page = await ask<RequestPage>(url({ after, before, limit: newerRows }), { signal })
    rows.push(...page.rows)
    before = page.next ?? undefined
  } while (before !== undefined && rows.length < maxRows)
  return { rows, isWhole: before === undefined }
}

export const useRequestStream = (scope: TimeScope, filters: QueryParams): RequestStream => {
  const params = { ...rangeParams(scope.range), ...filters }
  const url = withQuery("/api/v1/requests", params)
  const [state, setState] = useState<StreamState>({ url, store: noRows, error: null, isLoading: true })
  const [isLoadingOlder, setLoadingOlder] = useState(false)
  const latest = useRef(state)
  const isHeld = useRef(false)

  const update = useCallback((patch: Partial<StreamState>) => {
    latest.current = { ...latest.current, ...patch }
    setState(latest.current)
  }, [])

  useEffect(() => {
    const abort = new AbortController()
    const { signal } = abort
    const urlWith = (more: QueryParams) => withQuery("/api/v1/requests", { ...params, ...more })

    /** Once: the first page if there is nothing yet, else what is newer. */
    const refresh = async (): Promise<void> => {
      const after = newestId(latest.current.store)
      if (after === undefined) {
        const page = await ask<RequestPage>(urlWith({ limit: pageRows }), { signal })
        if (!signal.aborted) update({ store: firstRows(page), error: null, isLoading: false })
        return
      }
      const { rows, isWhole } = await newerThan(urlWith, after, signal)
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
  }, [url, scope.isLive, update])

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
    ask<RequestPage>(withQuery("/api/v1/requests", { ...params, before, limit: pageRows }))
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
  }, [url, update])

  return { ...state, isLoadingOlder, hold, showWaiting, loadOlder }
}
