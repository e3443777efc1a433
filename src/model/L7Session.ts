// One request and its response as an observation point saw them: the noun that parsers make, tables store and pages show.
// Absent numbers are `absentLength` and `absentCode`, absent texts are empty: the same as DeepFlow's records.

export const ResponseStatus = {
  ok: 0,
  timeout: 2,
  serverError: 3,
  clientError: 4,
  /** Not known: no response was seen, or it says nothing of success. */
  unknown: 5,
  parseFailed: 6,
} as const

export type ResponseStatus = (typeof ResponseStatus)[keyof typeof ResponseStatus]

/** Which halves a record holds. */
export const RecordType = { request: 0, response: 1, session: 2 } as const
export type RecordType = (typeof RecordType)[keyof typeof RecordType]

export const absentLength = -1
export const absentCode = -32768

/** What a parser read from one message. A request fills the request part, a response the response part. */
export interface L7Message {
  readonly type: typeof RecordType.request | typeof RecordType.response
  readonly protocol: number
  /** Time of the system call or packet that carried the message's first byte, microseconds since 1970. */
  startUs: number
  /** The same for the last byte known to belong to it. */
  endUs: number
  /** TCP sequence number of the first byte, 0 when unknown. */
  tcpSeq: number
  version: string
  /** Pairs request and response where the protocol has an id on the wire; -1 when it has none: then order pairs them. */
  requestId: number
  /** Bytes of the message body as the protocol declares or as counted; `absentLength` when not known. */
  length: number
  /** Bytes of this message (head and body) that the capture delivered. */
  capturedBytes: number
  /** A message that nobody answers (pub/sub pushes, one-way commands). */
  isAsync: boolean

  requestType: string
  requestDomain: string
  requestResource: string
  endpoint: string
  proxyClient: string
  userAgent: string
  referer: string

  status: ResponseStatus
  code: number
  exception: string
  result: string

  xRequestId: string
  traceId: string
  spanId: string
  parentSpanId: string
  /** Further fields by name, flat: name, value, name, value... Empty for most messages. */
  attributes: ReadonlyArray<string>
}

const noAttributes: ReadonlyArray<string> = []

/** An L7Message of which nothing is known yet; every message comes from here, so that all share one hidden class. */
export const emptyMessage = (
  type: L7Message["type"],
  protocol: number,
  startUs: number,
  tcpSeq: number,
): L7Message => ({
  type,
  protocol,
  startUs,
  endUs: startUs,
  tcpSeq,
  version: "",
  requestId: -1,
  length: absentLength,
  capturedBytes: 0,
  isAsync: false,
  requestType: "",
  requestDomain: "",
  requestResource: "",
  endpoint: "",
  proxyClient: "",
  userAgent: "",
  referer: "",
  status: ResponseStatus.unknown,
  code: absentCode,
  exception: "",
  result: "",
  xRequestId: "",
  traceId: "",
  spanId: "",
  parentSpanId: "",
  attributes: noAttributes,
})
