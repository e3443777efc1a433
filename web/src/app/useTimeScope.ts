// The time range that every page asks about, and whether pages ask again by themselves.

import { useMemo } from "react"
import { type Place, setParams, usePlace } from "./location.ts"
import { rangeInUrl, rangeParams, readRange, type TimeRange } from "./timeRange.ts"

export interface TimeScope {
  readonly range: TimeRange
  /** Only a range that ends now can be live. */
  readonly isLive: boolean
}

const scopeOf = ({ params }: Place): TimeScope => {
  const range = readRange(params)
  return { range, isLive: range.kind === "last" && params.get("live") !== "0" }
}

export const useTimeScope = (): TimeScope => {
  const { params } = usePlace()
  const scope = scopeOf({ path: "", params })
  const key = `${Object.values(rangeParams(scope.range)).join()} ${scope.isLive}`
  // oxlint-disable-next-line react/exhaustive-deps -- the key says all of it; one object while nothing changes
  return useMemo(() => scope, [key])
}

export const setRange = (range: TimeRange): void => setParams({ ...rangeInUrl(range), live: "" })

/** Going live from a fixed range goes back to the default range that ends now. */
export const setLive = (scope: TimeScope, isLive: boolean): void => {
  if (!isLive) return setParams({ live: "0" }, { replace: true })
  if (scope.range.kind === "absolute") setParams({ from: "", to: "", live: "" })
  else setParams({ live: "" }, { replace: true })
}
