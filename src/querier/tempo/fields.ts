// What fields of TraceQL are called, and how durations are written.

import { L7Protocol, l7ProtocolName } from "../../model/protocol.ts"

const units: Readonly<Record<string, number>> = {
  ns: 1e-3,
  us: 1,
  µs: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  h: 3_600e6,
}

/** Microseconds of "100ms", "1.5s", "2m30s"; undefined: no duration. */
export const goDurationUs = (text: string): number | undefined => {
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined
  let sum = 0
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    sum += Number(number) * units[unit!]!
  return Math.round(sum)
}

export const durationFields: ReadonlySet<string> = new Set([
  "duration",
  "span:duration",
  "traceDuration",
  "trace:duration",
])
export const nameFields: ReadonlySet<string> = new Set(["name", "span:name", "rootName", "trace:rootName"])
export const serviceFields: ReadonlySet<string> = new Set([
  "service.name",
  "resource.service.name",
  "rootServiceName",
  "trace:rootService",
  "root.service.name",
])
export const statusFields: ReadonlySet<string> = new Set(["status", "span:status"])

export const protocols = new Map(
  Object.values(L7Protocol).map((number) => [l7ProtocolName(number).toLowerCase(), number]),
)

/** OpenTelemetry's names for tags of Sonde's. */
export const tagNames: Readonly<Record<string, string>> = {
  "k8s.pod.name": "pod",
  "k8s.namespace.name": "pod_ns",
  "k8s.node.name": "pod_node",
  "k8s.cluster.name": "pod_cluster",
  "host.name": "chost",
}

export const kindFields: ReadonlySet<string> = new Set(["kind", "span:kind"])
export const routeFields: ReadonlySet<string> = new Set(["http.route", "endpoint"])
export const codeFields: ReadonlySet<string> = new Set(["http.response.status_code", "http.status_code"])
export const methodFields: ReadonlySet<string> = new Set(["http.request.method", "http.method"])

/** Without its scope. */
export const plainField = (field: string): string => field.replace(/^(?:\.|span\.|resource\.)/, "")
