// What a span's attributes say of the call that it is, by OpenTelemetry's semantic conventions: the stable names, and the older ones
// that many programs still use. Attributes stay attributes; these are read beside.

import { absentCode, absentLength, ResponseStatus } from "../../model/L7Session.ts"
import { SpanKind } from "../../model/observation.ts"
import { IpProtocol, L7Protocol } from "../../model/protocol.ts"
import { parseIp } from "../../tags/ipAddress.ts"
import type { Attributes, ProgramSpan } from "./ProgramSpan.ts"

export interface ToldCall {
  readonly l7Protocol: number
  readonly version: string
  readonly requestType: string
  readonly requestDomain: string
  readonly requestResource: string
  readonly status: number
  readonly code: number
  readonly exception: string
  readonly requestLength: number
  readonly responseLength: number
  /** Transport (IANA); 0: not told. */
  readonly transport: number
  /** Address of the other end of the call, 16 bytes; undefined: not told, or a name. */
  readonly peerIp: Uint8Array | undefined
  /** Port that the server of the call listens on; 0: not told. */
  readonly serverPort: number
}

type Named = Pick<
  ToldCall,
  "l7Protocol" | "version" | "requestType" | "requestDomain" | "requestResource"
> & { readonly code: number }

const first = (attributes: Attributes, ...names: ReadonlyArray<string>): string => {
  for (const name of names) {
    const value = attributes.get(name)
    if (value !== undefined && value !== "") return value
  }
  return ""
}

const whole = (text: string, absent: number): number => {
  const value = Number(text)
  return text !== "" && Number.isSafeInteger(value) ? value : absent
}

const code = (text: string): number => {
  const value = whole(text, absentCode)
  return value > -32_768 && value < 2 ** 31 ? value : absentCode
}

interface UrlParts {
  readonly host: string
  readonly target: string
}

const urlParts = (url: string): UrlParts => {
  const found = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#]*)([^#]*)/i.exec(url)
  if (found === null) return { host: "", target: url }
  return { host: found[1]!, target: found[2] === "" ? "/" : found[2]! }
}

const withPort = (host: string, port: string): string =>
  host === "" || port === "" || port === "80" || port === "443" ? host : `${host}:${port}`

const http = (attributes: Attributes): Named | undefined => {
  const method = first(attributes, "http.request.method", "http.method")
  const url = first(attributes, "url.full", "http.url")
  if (method === "" && url === "" && first(attributes, "http.route", "http.target") === "") return undefined
  const parts = urlParts(url)
  const path = first(attributes, "url.path")
  const query = first(attributes, "url.query")
  const target = path === "" ? first(attributes, "http.target") : query === "" ? path : `${path}?${query}`
  const version = first(attributes, "network.protocol.version", "http.flavor")
  const host = first(attributes, "server.address", "http.host", "net.peer.name", "net.host.name")
  const port = first(attributes, "server.port", "net.peer.port", "net.host.port")
  return {
    l7Protocol: version.startsWith("2") ? L7Protocol.http2 : L7Protocol.http1,
    version,
    requestType: method,
    requestDomain: host === "" ? parts.host : host.includes(":") ? host : withPort(host, port),
    requestResource: target === "" ? parts.target : target,
    code: code(first(attributes, "http.response.status_code", "http.status_code")),
  }
}

const databases: ReadonlyMap<string, number> = new Map([
  ["mysql", L7Protocol.mysql],
  ["mariadb", L7Protocol.mysql],
  ["postgresql", L7Protocol.postgresql],
  ["cockroachdb", L7Protocol.postgresql],
  ["oracle", L7Protocol.oracle],
  ["oracle.db", L7Protocol.oracle],
  ["clickhouse", L7Protocol.clickHouse],
  ["cassandra", L7Protocol.cassandra],
  ["redis", L7Protocol.redis],
  ["mongodb", L7Protocol.mongodb],
  ["memcached", L7Protocol.memcached],
])

const database = (attributes: Attributes): Named | undefined => {
  const system = first(attributes, "db.system.name", "db.system")
  if (system === "") return undefined
  const statement = first(attributes, "db.query.text", "db.statement")
  const operation = first(attributes, "db.operation.name", "db.operation")
  const collection = first(attributes, "db.collection.name", "db.sql.table", "db.mongodb.collection")
  return {
    l7Protocol: databases.get(system) ?? L7Protocol.unknown,
    version: "",
    requestType: operation === "" ? (/^\s*([A-Za-z]+)/.exec(statement)?.[1]?.toUpperCase() ?? "") : operation,
    requestDomain: first(attributes, "db.namespace", "db.name"),
    requestResource: statement === "" ? collection : statement,
    code: code(first(attributes, "db.response.status_code")),
  }
}

const rpcSystems: ReadonlyMap<string, number> = new Map([
  ["grpc", L7Protocol.grpc],
  ["apache_dubbo", L7Protocol.dubbo],
  ["dubbo", L7Protocol.dubbo],
])

const rpc = (attributes: Attributes): Named | undefined => {
  const system = first(attributes, "rpc.system.name", "rpc.system")
  if (system === "") return undefined
  // Newer programs tell the method with its service.
  const told = first(attributes, "rpc.method")
  const at = told.lastIndexOf("/")
  const method = told.slice(at + 1)
  const service = first(attributes, "rpc.service") || told.slice(0, Math.max(0, at))
  return {
    l7Protocol: rpcSystems.get(system) ?? L7Protocol.unknown,
    version: "",
    requestType: method,
    requestDomain: first(attributes, "server.address", "net.peer.name"),
    requestResource: service === "" ? method : `/${service}/${method}`,
    code: code(first(attributes, "rpc.response.status_code", "rpc.grpc.status_code")),
  }
}

const brokers: ReadonlyMap<string, number> = new Map([
  ["kafka", L7Protocol.kafka],
  ["rabbitmq", L7Protocol.amqp],
  ["rocketmq", L7Protocol.rocketMq],
  ["activemq", L7Protocol.openWire],
  ["nats", L7Protocol.nats],
  ["pulsar", L7Protocol.pulsar],
  ["mqtt", L7Protocol.mqtt],
])

const messaging = (attributes: Attributes): Named | undefined => {
  const system = first(attributes, "messaging.system")
  if (system === "") return undefined
  return {
    l7Protocol: brokers.get(system) ?? L7Protocol.unknown,
    version: "",
    requestType: first(
      attributes,
      "messaging.operation.name",
      "messaging.operation.type",
      "messaging.operation",
    ),
    requestDomain: first(attributes, "server.address", "net.peer.name"),
    requestResource: first(attributes, "messaging.destination.name", "messaging.destination"),
    code: absentCode,
  }
}

const nothing: Named = {
  l7Protocol: L7Protocol.unknown,
  version: "",
  requestType: "",
  requestDomain: "",
  requestResource: "",
  code: absentCode,
}

const isHttp = (protocol: number): boolean => protocol === L7Protocol.http1 || protocol === L7Protocol.http2

/** What the answer's code says of HTTP is more exact than that there was an error. */
const statusOf = ({ isError }: ProgramSpan, named: Named): number => {
  if (isHttp(named.l7Protocol) && named.code >= 400)
    return named.code >= 500 ? ResponseStatus.serverError : ResponseStatus.clientError
  return isError ? ResponseStatus.serverError : ResponseStatus.ok
}

const exceptionOf = ({ attributes, events, isError, statusText }: ProgramSpan): string => {
  if (statusText !== "") return statusText
  const thrown = events.findLast(({ name }) => name === "exception")?.attributes
  const told =
    thrown === undefined
      ? ""
      : [first(thrown, "exception.type"), first(thrown, "exception.message")]
          .filter((part) => part !== "")
          .join(": ")
  return told === "" && isError ? first(attributes, "error.type") : told
}

const isAsking = (kind: SpanKind): boolean => kind === SpanKind.client || kind === SpanKind.producer

const transports: ReadonlyMap<string, number> = new Map([
  ["tcp", IpProtocol.tcp],
  ["ip_tcp", IpProtocol.tcp],
  ["udp", IpProtocol.udp],
  ["ip_udp", IpProtocol.udp],
])

/** The end of the call that the program is not, as an address. */
const peerOf = (attributes: Attributes, kind: SpanKind): Uint8Array | undefined =>
  parseIp(
    first(attributes, "network.peer.address", "net.sock.peer.addr", "net.peer.ip") ||
      first(attributes, isAsking(kind) ? "server.address" : "client.address"),
  )

const serverPortOf = (attributes: Attributes, kind: SpanKind): number => {
  const port = whole(
    isAsking(kind)
      ? first(attributes, "server.port", "network.peer.port", "net.peer.port", "net.sock.peer.port")
      : first(attributes, "server.port", "net.host.port"),
    0,
  )
  return port > 0 && port < 65_536 ? port : 0
}

export const toldCall = (span: ProgramSpan): ToldCall => {
  const { attributes, kind } = span
  // The most particular first: what goes over HTTP may be a call by gRPC or a query.
  const named =
    messaging(attributes) ?? rpc(attributes) ?? database(attributes) ?? http(attributes) ?? nothing
  const length = (...names: ReadonlyArray<string>): number => {
    const bytes = whole(first(attributes, ...names), absentLength)
    return bytes < 0 ? absentLength : bytes
  }
  return {
    ...named,
    status: statusOf(span, named),
    exception: exceptionOf(span),
    requestLength: length("http.request.body.size", "http.request_content_length"),
    responseLength: length("http.response.body.size", "http.response_content_length"),
    transport: transports.get(first(attributes, "network.transport", "net.transport")) ?? 0,
    peerIp: peerOf(attributes, kind),
    serverPort: serverPortOf(attributes, kind),
  }
}
