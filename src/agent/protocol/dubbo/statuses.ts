// What the status of a response means, and what its body begins with.

import { ResponseStatus } from "../../../model/L7Session.ts"
import { Status } from "./header.ts"

const clientErrors: ReadonlySet<number> = new Set([
  Status.clientTimeout,
  Status.badRequest,
  Status.clientError,
])

export const statusOf = (status: number): ResponseStatus => {
  if (status === Status.ok) return ResponseStatus.ok
  return clientErrors.has(status) ? ResponseStatus.clientError : ResponseStatus.serverError
}

const names: Record<number, string> = {
  [Status.clientTimeout]: "CLIENT_TIMEOUT",
  [Status.serverTimeout]: "SERVER_TIMEOUT",
  [Status.channelInactive]: "CHANNEL_INACTIVE",
  [Status.badRequest]: "BAD_REQUEST",
  [Status.badResponse]: "BAD_RESPONSE",
  [Status.serviceNotFound]: "SERVICE_NOT_FOUND",
  [Status.serviceError]: "SERVICE_ERROR",
  [Status.serverError]: "SERVER_ERROR",
  [Status.clientError]: "CLIENT_ERROR",
  [Status.exhausted]: "SERVER_THREADPOOL_EXHAUSTED_ERROR",
}

export const statusName = (status: number): string => names[status] ?? ""
