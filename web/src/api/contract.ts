// What the query API answers, as the querier declares it: types only, nothing of it is loaded.

export type { BudgetView as Budget, HookCost } from "../../../src/model/AgentStatus.ts"
export type {
  AgentView,
  CaptureNote,
  CaptureState,
  DemoView as Demo,
  FeatureView as Feature,
  ProcessView,
  StatusView as Status,
} from "../../../src/querier/ConsoleSources.ts"
export type { ProcessEvent } from "../../../src/querier/events/processEvents.ts"
export type { FileCall, RequestEvents } from "../../../src/querier/events/requestEvents.ts"
export type { MapEdge, MapNode, Rates, ServiceMap } from "../../../src/querier/map/serviceMap.ts"
export type { RequestDetail, StoredRequest } from "../../../src/querier/requests/requestDetail.ts"
export type {
  RequestBucket as HistogramBucket,
  RequestHistogram as Histogram,
} from "../../../src/querier/requests/requestHistogram.ts"
export type { RequestList as RequestPage } from "../../../src/querier/requests/requestList.ts"
export type { RequestRow } from "../../../src/querier/requests/requestRow.ts"
export type { StatusName } from "../../../src/querier/requests/status.ts"
export type {
  ServiceEndpoint,
  ServiceMetrics,
  ServicePoint,
} from "../../../src/querier/services/serviceMetrics.ts"
export type { HealthOverview as Health, HealthView as HealthPart } from "../../../src/runtime/Health.ts"
