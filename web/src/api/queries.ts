// The console's questions as hooks: one a question, with how often it is asked again while the page is live.

import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { rangeParams } from "../app/timeRange.ts"
import type { TimeScope } from "../app/useTimeScope.ts"
import { ask, type QueryParams, withQuery } from "./client.ts"
import type {
  Demo,
  Health,
  Histogram,
  ProcessEvent,
  ProcessView,
  RequestDetail,
  RequestEvents,
  RequestPage,
  ServiceMap,
  ServiceMetrics,
  Status,
} from "./contract.ts"

/** Milliseconds between two askings. */
export const every = {
  map: 2_000,
  chart: 4_000,
  processes: 4_000,
  status: 4_000,
  health: 5_000,
  demo: 10_000,
}

/** A question about a time range: asked again while live, and the old answer stays on the page until the new one is here. */
export const useRanged = <Answer>(path: string, scope: TimeScope, params: QueryParams, everyMs: number) => {
  const url = withQuery(path, { ...rangeParams(scope.range), ...params })
  return useQuery({
    queryKey: [url],
    queryFn: ({ signal }) => ask<Answer>(url, { signal }),
    refetchInterval: scope.isLive ? everyMs : false,
    placeholderData: keepPreviousData,
  })
}

export const useServiceMap = (scope: TimeScope, params: QueryParams) =>
  useRanged<ServiceMap>("/api/v1/map", scope, params, every.map)

export const useHistogram = (scope: TimeScope, params: QueryParams) =>
  useRanged<Histogram>("/api/v1/requests/histogram", scope, params, every.chart)

export const useServiceMetrics = (scope: TimeScope, name: string) =>
  useRanged<ServiceMetrics>(`/api/v1/services/${encodeURIComponent(name)}/metrics`, scope, {}, every.chart)

/** A few requests, newest first: for panels. The request page's list has a hook of its own. */
export const useSomeRequests = (scope: TimeScope, params: QueryParams) =>
  useRanged<RequestPage>("/api/v1/requests", scope, params, every.chart)

export const useRequest = (id: string) =>
  useQuery({
    queryKey: ["request", id],
    queryFn: ({ signal }) => ask<RequestDetail>(`/api/v1/requests/${encodeURIComponent(id)}`, { signal }),
  })

/** Its events may arrive a little after the request itself: a young one's are asked for again. */
export const useRequestEvents = (id: string) =>
  useQuery({
    queryKey: ["request events", id],
    queryFn: ({ signal }) =>
      ask<RequestEvents>(`/api/v1/requests/${encodeURIComponent(id)}/events`, { signal }),
    refetchInterval: ({ state }) => (state.dataUpdateCount < 3 ? every.chart : false),
  })

export const useProcessEvents = (params: QueryParams) => {
  const url = withQuery("/api/v1/processes/events", { last: 3_600, limit: 200, ...params })
  return useQuery({
    queryKey: [url],
    queryFn: ({ signal }) => ask<{ readonly events: ReadonlyArray<ProcessEvent> }>(url, { signal }),
    refetchInterval: every.processes,
    placeholderData: keepPreviousData,
  })
}

export const useProcesses = () =>
  useQuery({
    queryKey: ["processes"],
    queryFn: ({ signal }) =>
      ask<{ readonly processes: ReadonlyArray<ProcessView> }>("/api/v1/processes", { signal }),
    refetchInterval: every.processes,
  })

export const useStatus = () =>
  useQuery({
    queryKey: ["status"],
    queryFn: ({ signal }) => ask<Status>("/api/v1/status", { signal }),
    refetchInterval: every.status,
  })

/** A server that is down says so with status 503 and the same body. */
export const useHealth = () =>
  useQuery({
    queryKey: ["health"],
    queryFn: ({ signal }) => ask<Health>("/healthz", { signal, alsoAnswers: [503] }),
    refetchInterval: every.health,
  })

export const useDemo = () => {
  const client = useQueryClient()
  const demo = useQuery({
    queryKey: ["demo"],
    queryFn: ({ signal }) => ask<Demo>("/api/v1/demo", { signal }),
    refetchInterval: every.demo,
  })
  const change = useMutation({
    mutationFn: (action: "start" | "stop") => ask<Demo>("/api/v1/demo", { method: "POST", body: { action } }),
    onSuccess: (view) => client.setQueryData(["demo"], view),
  })
  return { demo, change }
}
