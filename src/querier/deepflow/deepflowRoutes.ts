// Paths of DeepFlow's tracing service.

import { l7FlowTracing, tracingCompletion, tracingParameters } from "./tracingRoute.ts"

const base = "/v1/stats/querier"

export const deepflowRoutes = [
  ["POST", `${base}/L7FlowTracing`, l7FlowTracing],
  ["POST", `${base}/tracing-completion-by-external-app-spans`, tracingCompletion],
  ["GET", `${base}/TracingAlgoParams`, tracingParameters],
] as const
