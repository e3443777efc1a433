// What NATS says of failure: protocol errors, statuses in headers, and errors of JetStream's API.

import { type L7Message, ResponseStatus } from "../../../model/L7Session.ts"
import { latin1Text } from "../latin1.ts"

/** Errors that lie with the server. Everything else a client did wrong or was not allowed to do. */
const serverErrors = ["maximum connections", "server shutdown", "lame duck", "internal"]

/** The text of `-ERR 'text'`. */
export const describeError = (message: L7Message, rest: string): void => {
  const text = rest.replace(/^'|'\s*$/g, "")
  message.exception = text
  const lower = text.toLowerCase()
  message.status = serverErrors.some((error) => lower.includes(error))
    ? ResponseStatus.serverError
    : ResponseStatus.clientError
}

/** 100 is a heartbeat or flow control, 404 and 408 end a pull that found nothing more. */
const isNoFailure = (code: number): boolean => code < 400 || code === 404 || code === 408

const statusOf = (code: number): ResponseStatus =>
  code >= 500 ? ResponseStatus.serverError : ResponseStatus.clientError

/** A status in the headers' first line, as the server sends it. */
export const describeStatus = (message: L7Message, code: number, text: string): void => {
  message.code = code
  if (isNoFailure(code)) {
    message.status = ResponseStatus.ok
    message.result = text
    return
  }
  message.status = statusOf(code)
  message.exception = text || (code === 503 ? "No Responders" : "")
}

/** An error in the headers of a service's answer: any code is one. */
export const describeServiceError = (message: L7Message, code: number, text: string): void => {
  message.code = code
  message.status = statusOf(code)
  message.exception = text
}

/** Bytes of an answer in which an error would stand. */
const maxErrorBytes = 512
const errorText = /"error":\{"code":(\d{3}),(?:"err_code":\d+,)?"description":"([^"]{0,200})/

/** JetStream answers in JSON, with an error where it failed. */
export const describeJetStream = (
  message: L7Message,
  bytes: Uint8Array,
  start: number,
  end: number,
): void => {
  const text = latin1Text(bytes, start, Math.min(end, start + maxErrorBytes))
  const error = errorText.exec(text)
  message.status = ResponseStatus.ok
  if (error === null) return
  const code = Number(error[1])
  message.code = code
  message.status = statusOf(code)
  message.exception = error[2]
}
