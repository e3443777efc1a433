// What gRPC's status codes mean for a response, and the names of services and methods in its paths.

import { type L7Message, ResponseStatus } from "../../../model/L7Session.ts"
import { asUtf8 } from "../latin1.ts"

const names = [
  "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
  "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
] // prettier-ignore

/** Codes that are 5xx in the mapping to HTTP of google/rpc/code.proto; all others but OK are 4xx. */
const serverErrors = new Set([2, 4, 12, 13, 14, 15])
const maxMessage = 256

/** The text of a `grpc-message`: UTF-8, percent-encoded where it is not printable. */
const decodeMessage = (text: string): string => {
  const cut = text.slice(0, maxMessage)
  if (!cut.includes("%")) return asUtf8(cut)
  try {
    return decodeURIComponent(cut)
  } catch {
    return cut
  }
}

export const writeGrpcStatus = (message: L7Message, code: number, text: string): void => {
  message.code = code
  if (code === 0) {
    message.status = ResponseStatus.ok
    return
  }
  message.status =
    serverErrors.has(code) || code >= names.length ? ResponseStatus.serverError : ResponseStatus.clientError
  message.exception = text === "" ? (names[code] ?? "") : decodeMessage(text)
}

/** `package.Service` of `/package.Service/Method`. */
export const serviceOf = (path: string): string => {
  const methodAt = path.lastIndexOf("/")
  return methodAt <= 0 ? "" : path.slice(1, methodAt)
}

const timeout = /^(\d{1,8})([HMSmun])$/
const unitUs: Record<string, number> = {
  H: 3_600_000_000,
  M: 60_000_000,
  S: 1_000_000,
  m: 1_000,
  u: 1,
  n: 0.001,
}

/** The value of a `grpc-timeout`, 0 when it is none. */
export const grpcTimeoutUs = (text: string): number => {
  const parts = timeout.exec(text)
  return parts === null ? 0 : Number(parts[1]) * unitUs[parts[2]]
}
