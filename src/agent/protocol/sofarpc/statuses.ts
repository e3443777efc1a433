// Codecs by name, and what the status of a response means (com.alipay.remoting.ResponseStatus).

import { ResponseStatus } from "../../../model/L7Session.ts"

const names: Record<number, string> = {
  1: "ERROR",
  2: "SERVER_EXCEPTION",
  3: "UNKNOWN",
  4: "SERVER_THREADPOOL_BUSY",
  5: "ERROR_COMM",
  6: "NO_PROCESSOR",
  7: "TIMEOUT",
  8: "CLIENT_SEND_ERROR",
  9: "CODEC_EXCEPTION",
  16: "CONNECTION_CLOSED",
  17: "SERVER_SERIAL_EXCEPTION",
  18: "SERVER_DESERIAL_EXCEPTION",
}

const clientSendError = 8

export const statusName = (status: number): string => names[status] ?? ""

export const statusOf = (status: number): ResponseStatus => {
  if (status === 0) return ResponseStatus.ok
  return status === clientSendError ? ResponseStatus.clientError : ResponseStatus.serverError
}

export const Codec = { hessian: 1, protobuf: 11 } as const

const codecs: Record<number, string> = {
  [Codec.hessian]: "hessian",
  2: "java",
  4: "hessian2",
  [Codec.protobuf]: "protobuf",
  12: "json",
  13: "msgpack",
  22: "fury",
}

export const codecName = (codec: number): string => codecs[codec] ?? `${codec}`
