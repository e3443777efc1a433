// The header fields that are read, by number: all others are passed over. And the static table of HPACK by these numbers.

import { latin1Text } from "../latin1.ts"

export const Field = {
  /** A field of the dynamic table that was inserted before this connection was seen, or while bytes were lost. */
  unknown: -1,
  ignored: 0,
  method: 1,
  authority: 2,
  path: 3,
  status: 4,
  protocol: 5,
  host: 6,
  contentType: 7,
  contentLength: 8,
  userAgent: 9,
  referer: 10,
  xRequestId: 11,
  xForwardedFor: 12,
  traceparent: 13,
  sw8: 14,
  b3: 15,
  b3TraceId: 16,
  b3SpanId: 17,
  b3ParentSpanId: 18,
  uberTraceId: 19,
  grpcStatus: 20,
  grpcMessage: 21,
  grpcTimeout: 22,
  tripleVersion: 23,
  /** Any other header of Dubbo's Triple. */
  triple: 24,
} as const
export type Field = (typeof Field)[keyof typeof Field]

const byName = new Map<string, Field>([
  [":method", Field.method],
  [":authority", Field.authority],
  [":path", Field.path],
  [":status", Field.status],
  [":protocol", Field.protocol],
  ["host", Field.host],
  ["content-type", Field.contentType],
  ["content-length", Field.contentLength],
  ["user-agent", Field.userAgent],
  ["referer", Field.referer],
  ["x-request-id", Field.xRequestId],
  ["x-forwarded-for", Field.xForwardedFor],
  ["traceparent", Field.traceparent],
  ["sw8", Field.sw8],
  ["b3", Field.b3],
  ["x-b3-traceid", Field.b3TraceId],
  ["x-b3-spanid", Field.b3SpanId],
  ["x-b3-parentspanid", Field.b3ParentSpanId],
  ["uber-trace-id", Field.uberTraceId],
  ["grpc-status", Field.grpcStatus],
  ["grpc-message", Field.grpcMessage],
  ["grpc-timeout", Field.grpcTimeout],
  ["tri-service-version", Field.tripleVersion],
])
const longestName = 24

export const fieldNamed = (name: string): Field =>
  byName.get(name) ?? (name.startsWith("tri-") ? Field.triple : Field.ignored)

/** The field with the name bytes[start, end). */
export const fieldOf = (bytes: Uint8Array, start: number, end: number): Field =>
  end - start > longestName ? Field.ignored : fieldNamed(latin1Text(bytes, start, end))

/** RFC 7541 appendix A: names, with values where they have one. */
const staticEntries: ReadonlyArray<string> = [
  ":authority", ":method GET", ":method POST", ":path /", ":path /index.html", ":scheme http", ":scheme https",
  ":status 200", ":status 204", ":status 206", ":status 304", ":status 400", ":status 404", ":status 500",
  "accept-charset", "accept-encoding gzip, deflate", "accept-language", "accept-ranges", "accept",
  "access-control-allow-origin", "age", "allow", "authorization", "cache-control", "content-disposition",
  "content-encoding", "content-language", "content-length", "content-location", "content-range", "content-type", "cookie",
  "date", "etag", "expect", "expires", "from", "host", "if-match", "if-modified-since", "if-none-match", "if-range",
  "if-unmodified-since", "last-modified", "link", "location", "max-forwards", "proxy-authenticate", "proxy-authorization",
  "range", "referer", "refresh", "retry-after", "server", "set-cookie", "strict-transport-security", "transfer-encoding",
  "user-agent", "vary", "via", "www-authenticate",
] // prettier-ignore

/** Entries of the static table; index 1 is its first. */
export const staticCount = staticEntries.length
const nameEnd = (entry: string): number => (entry.includes(" ") ? entry.indexOf(" ") : entry.length)
const staticNames = ["", ...staticEntries.map((entry) => entry.slice(0, nameEnd(entry)))]

/** All three by index, of which 0 is none. */
export const staticFields = Int8Array.from(staticNames, fieldNamed)
export const staticNameLengths = Uint8Array.from(staticNames, (name) => name.length)
export const staticValues: ReadonlyArray<string> = [
  "",
  ...staticEntries.map((entry) => entry.slice(nameEnd(entry) + 1)),
]
