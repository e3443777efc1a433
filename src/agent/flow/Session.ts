// A request and the response that answers it, as one observation point saw them, or one of the two alone and why.

import type { L7Message } from "../../model/L7Session.ts"
import type { Cause } from "../trace/Cause.ts"

/** How a session ended. */
export const SessionEnd = {
  paired: 0,
  /** A message that nobody answers. */
  oneWay: 1,
  /** No response came in time. */
  timeout: 2,
  /** The connection closed before the response. */
  closed: 3,
  /** Too many requests were outstanding. */
  overflow: 4,
  /** Messages were lost in capture, so that order does not say what belongs together. */
  lost: 5,
  /** A response to a request that was not seen. */
  unrequested: 6,
} as const
export type SessionEnd = (typeof SessionEnd)[keyof typeof SessionEnd]

/** At least one of the two messages is there. */
export interface Session {
  readonly request: L7Message | null
  response: L7Message | null
  end: SessionEnd
  /** Threads and goroutines that made the system calls, and numbers of these in their socket; 0 when unknown. */
  readonly requestThread: number
  readonly requestCoroutine: number
  readonly requestNumber: number
  responseThread: number
  responseCoroutine: number
  responseNumber: number
  /** What the request is to the observed process; null when that is not followed. */
  readonly cause: Cause | null
}
