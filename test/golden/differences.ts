// Where Sonde deliberately prints something else than DeepFlow's expectation, each with its reason. Anything else is a failure;
// an entry that is not needed any more is one too.

import { databaseDifferences } from "./differencesDatabases.ts"
import { queueDifferences } from "./differencesQueues.ts"
import { rpcDifferences } from "./differencesRpc.ts"

export interface Difference {
  readonly file: string
  /** Number `i` of the expected lines. */
  readonly lines: ReadonlyArray<number>
  /** The key that differs and our value, or nothing when the whole line is not printed. */
  readonly key?: string
  readonly ours?: unknown
  readonly reason: string
}

export const differences: ReadonlyArray<Difference> = [
  ...databaseDifferences,
  ...queueDifferences,
  ...rpcDifferences,
  {
    file: "redis/redis",
    lines: [20, 21, 22, 23, 24, 25, 26, 27],
    reason:
      "Segments 2 to 9 of one bulk string of 490,493 bytes: we reassemble, so they belong to the response of line 19 and " +
      "are no responses of their own.",
  },
  {
    file: "http/grpc-service-name",
    lines: [0, 1, 2, 3, 4, 7, 8, 10, 11, 13, 14, 15, 16, 17, 19, 20],
    reason: "Preface, settings, pings, window updates and an empty frame: they carry no message.",
  },
  {
    file: "http/grpc-service-name",
    lines: [6, 9, 12],
    reason:
      "Data frames of the request: they belong to the message of line 5, which counts them (request_messages).",
  },
  {
    file: "http/grpc-service-name",
    lines: [18],
    key: "request_type",
    ours: undefined,
    reason: "A response has no request type; the request's is in its session.",
  },
  {
    file: "http/grpc-unknown",
    lines: [1],
    key: "msg",
    ours: "response",
    reason:
      "The headers of the response, not a session: data and trailers of line 2 belong to the same message.",
  },
  {
    file: "http/grpc-unknown",
    lines: [1],
    key: "request_type",
    ours: undefined,
    reason: "A response has no request type.",
  },
  {
    file: "http/grpc-unknown",
    lines: [1],
    key: "response_code",
    ours: undefined,
    reason:
      "The status of gRPC is in the trailers, which refer to header table entries from before the capture: it is not known, and " +
      "HTTP's 200 says nothing of it.",
  },
  {
    file: "http/grpc-unknown",
    lines: [1],
    key: "response_status",
    ours: "unknown",
    reason: "For the same reason.",
  },
  { file: "http/grpc-unknown", lines: [2], reason: "The trailers of the response of line 1." },
  {
    file: "http/http2-multi",
    lines: [2, 3],
    key: "request_type",
    ours: undefined,
    reason: "A response has no request type.",
  },
  {
    file: "dns/nxdomain",
    lines: [5],
    key: "response_status",
    ours: "client_error",
    reason:
      "The expectation was made with a list of suffixes of which NXDOMAIN is no error; ours (`dnsSearchSuffixes`) is empty by default.",
  },
  {
    file: "some_ip/some_ip",
    lines: [0, 1],
    key: "request_id",
    ours: 65_707,
    reason:
      "The Request ID of SOME/IP is client id and session id, not the session id alone, which clients share.",
  },
  {
    file: "some_ip/some_ip",
    lines: [0],
    key: "response_status",
    ours: "unknown",
    reason: "A request says nothing of its response.",
  },
  {
    file: "some_ip/some_ip",
    lines: [1],
    key: "response_exception",
    ours: undefined,
    reason: "Success is no exception.",
  },
]

/** Cases that are not run, with the reason. */
export const notYet: Record<string, string> = {}
