// The console's questions about traces as hooks.

import { keepPreviousData, useQuery } from "@tanstack/react-query"
import type { TimeScope } from "../app/useTimeScope.ts"
import { ask, type QueryParams } from "./client.ts"
import { every, useRanged } from "./queries.ts"
import type { DurationHeatmap, Trace, TraceEvents, TraceList } from "./traceContract.ts"

/** A trace is complete some seconds after its end; asked again while it may still grow. */
const growsMs = 15_000
const everyMs = 3_000

/** By the number of any of its requests or by a trace id. */
export const useTrace = (id: string, isFollowed = false) =>
  useQuery({
    queryKey: ["trace", id],
    queryFn: ({ signal }) => ask<Trace>(`/api/v1/traces/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: ({ state }) =>
      isFollowed && state.data !== undefined && Date.now() - state.data.endUs / 1_000 < growsMs
        ? everyMs
        : false,
    placeholderData: keepPreviousData,
  })

/** Its events may arrive a little after the trace itself: a young one's are asked for again. */
export const useTraceEvents = (id: string, isFollowed: boolean, isThere: boolean) =>
  useQuery({
    queryKey: ["trace events", id],
    enabled: isThere,
    queryFn: ({ signal }) => ask<TraceEvents>(`/api/v1/traces/${encodeURIComponent(id)}/events`, { signal }),
    refetchInterval: ({ state }) => (isFollowed && state.dataUpdateCount < 3 ? every.chart : false),
  })

export const useDurations = (scope: TimeScope, params: QueryParams) =>
  useRanged<DurationHeatmap>("/api/v1/traces/durations", scope, params, every.chart)

export const useSlowestTraces = (scope: TimeScope, params: QueryParams) =>
  useRanged<TraceList>("/api/v1/traces", scope, { ...params, order: "slowest" }, every.chart)
