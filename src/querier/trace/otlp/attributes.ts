// Names of OpenTelemetry's semantic conventions for what is known of a span.

import type { TraceSpan } from "../Trace.ts"
import type { Attributes, AttributeValue } from "./otlpTrace.ts"

const resourceNames: ReadonlyArray<readonly [tag: string, attribute: string]> = [
  ["pod", "k8s.pod.name"],
  ["pod_ns", "k8s.namespace.name"],
  ["pod_node", "k8s.node.name"],
  ["pod_cluster", "k8s.cluster.name"],
  ["region", "cloud.region"],
  ["az", "cloud.availability_zone"],
]

const databases: Readonly<Record<string, string>> = {
  MySQL: "mysql",
  PostgreSQL: "postgresql",
  Oracle: "oracle.db",
  ClickHouse: "clickhouse",
  Cassandra: "cassandra",
  Redis: "redis",
  MongoDB: "mongodb",
  Memcached: "memcached",
}

const messaging: Readonly<Record<string, string>> = {
  Kafka: "kafka",
  MQTT: "mqtt",
  AMQP: "rabbitmq",
  OpenWire: "activemq",
  NATS: "nats",
  Pulsar: "pulsar",
  RocketMQ: "rocketmq",
}

const calls: Readonly<Record<string, string>> = {
  gRPC: "grpc",
  Dubbo: "apache_dubbo",
  Triple: "grpc",
  bRPC: "brpc",
  Thrift: "thrift",
  SofaRPC: "sofa_rpc",
}

const web: ReadonlySet<string> = new Set(["HTTP", "HTTP2"])

/** Without what is not known. */
const known = (
  pairs: ReadonlyArray<readonly [name: string, value: AttributeValue | null | undefined]>,
): Attributes =>
  Object.fromEntries(
    pairs.filter(
      (pair): pair is readonly [string, AttributeValue] =>
        pair[1] !== null && pair[1] !== undefined && pair[1] !== "" && pair[1] !== 0,
    ),
  )

const observed = (span: TraceSpan) => (span.role === "client" ? span.client : span.server)

export const resourceAttributes = (span: TraceSpan): Attributes => {
  const side = span.kind === "process" ? observed(span) : undefined
  return known([
    ["service.name", span.service === "" ? "unknown_service" : span.service],
    ["host.name", span.host],
    ["process.pid", side?.pid],
    ["process.executable.name", side?.process],
    ...resourceNames.map(([tag, name]) => [name, span.tags[tag]] as const),
  ])
}

const protocolAttributes = (span: TraceSpan): Attributes => {
  const { code, domain, endpoint, protocol, resource, type } = span
  if (web.has(protocol))
    return known([
      ["http.request.method", type],
      ["url.path", resource.split("?", 1)[0]],
      ["url.query", resource.includes("?") ? resource.slice(resource.indexOf("?") + 1) : ""],
      ["http.route", span.role === "server" ? endpoint : ""],
      ["http.response.status_code", code],
      ["http.request.body.size", span.requestLength],
      ["http.response.body.size", span.responseLength],
    ])
  const database = databases[protocol]
  if (database !== undefined)
    return known([
      ["db.system.name", database],
      ["db.operation.name", type],
      ["db.query.text", resource],
      ["db.response.status_code", code === null ? "" : String(code)],
    ])
  const system = messaging[protocol]
  if (system !== undefined)
    return known([
      ["messaging.system", system],
      ["messaging.operation.name", type],
      ["messaging.destination.name", endpoint],
    ])
  const rpc = calls[protocol]
  if (rpc !== undefined)
    return known([
      ["rpc.system.name", rpc],
      ["rpc.method", endpoint],
      ["rpc.service", domain],
      ["rpc.response.status_code", code === null ? "" : String(code)],
    ])
  if (protocol === "DNS") return known([["dns.question.name", resource]])
  return known([
    ["sonde.request.type", type],
    ["sonde.request.resource", resource],
    ["sonde.response.code", code],
  ])
}

export const spanAttributes = (span: TraceSpan): Attributes => {
  const tags = Object.entries(span.tags).filter(([name]) => !resourceNames.some(([tag]) => tag === name))
  return {
    ...Object.fromEntries(tags),
    ...protocolAttributes(span),
    ...known([
      ["server.address", span.domain === "" ? span.server.ip : span.domain.replace(/:\d+$/, "")],
      ["server.port", span.server.port],
      ["client.address", span.client.ip],
      ["client.port", span.client.port],
      ["network.protocol.name", span.protocol.toLowerCase()],
      ["error.type", span.status === "server_error" || span.status === "timeout" ? span.status : ""],
      ["sonde.client.service", span.client.service],
      ["sonde.server.service", span.server.service],
      ["sonde.observation_point", span.point],
      ["sonde.row_id", span.id],
      ["sonde.trace_id", span.traceId],
      ["sonde.span_id", span.spanId],
      ["sonde.link.reason", span.link?.reason],
      ["sonde.link.confidence", span.link?.confidence],
      ["sonde.link.text", span.link?.text],
    ]),
    ...(span.isTls ? { "tls.protocol.name": "tls" } : {}),
    ...(span.isAnswered ? {} : { "sonde.unanswered": true }),
  }
}
