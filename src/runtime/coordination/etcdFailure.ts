// What etcd's errors mean. gRPC's status codes are too few (a full store and a busy one have the same), so its texts count as well:
// they are part of etcd's interface (api/v3rpc/rpctypes/error.go) and the same in 3.4, 3.5 and 3.6.

import type { CoordinationError } from "./Coordination.ts"

export interface EtcdFailure {
  readonly reason: CoordinationError["reason"]
  readonly details: string
  /** Certainly nobody has carried it out. */
  readonly isUnheard: boolean
  readonly isTokenOld: boolean
  readonly isCompacted: boolean
  readonly cause: unknown
}

/** gRPC status codes that a later or another try may not meet. */
const cancelled = 1
const unknown = 2
const deadlineExceeded = 4
const resourceExhausted = 8
const aborted = 10
const internal = 13
const unavailable = 14
const passing = new Set([
  cancelled,
  unknown,
  deadlineExceeded,
  resourceExhausted,
  aborted,
  internal,
  unavailable,
])

const full = /database space exceeded/
const large = /request is too large|larger than max|too many operations/
const tokenOld = /invalid auth token|user name is empty|revision of auth store is old/
const compacted = /required revision has been compacted/
const unheard = /No connection established|Name resolution failed|no leader|too many requests/

export const failureOf = (cause: unknown): EtcdFailure => {
  const { code, details, message } = cause as { code?: unknown; details?: unknown; message?: unknown }
  const text = String(typeof details === "string" && details !== "" ? details : (message ?? cause))
  const isTokenOld = tokenOld.test(text)
  const reason = full.test(text)
    ? "full"
    : large.test(text)
      ? "too large"
      : !isTokenOld && (typeof code !== "number" || passing.has(code))
        ? "unavailable"
        : "refused"
  return {
    reason,
    details: text,
    isUnheard: unheard.test(text),
    isTokenOld,
    isCompacted: compacted.test(text),
    cause,
  }
}
