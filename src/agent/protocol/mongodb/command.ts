// What a command document says of a request, and a reply document of its outcome.

import type { L7Message } from "../../../model/L7Session.ts"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { utf8Text } from "../latin1.ts"
import { readCommentTrace } from "../sql/commentTrace.ts"
import { BsonReader, BsonType, f64, i32, i64 } from "./BsonReader.ts"
import { documentText } from "./documentText.ts"

const maxName = 128
const maxMessage = 512

/** Codes that accuse the server, its state or its surroundings (error_codes.yml); the others accuse the request. */
const serverCodes = new Set([
  1, 6, 7, 8, 24, 43, 46, 50, 63, 64, 74, 75, 79, 84, 89, 91, 92, 96, 100, 112, 125, 133, 134, 136, 146, 175,
  188, 189, 197, 202, 225, 226, 234, 251, 262, 279, 292, 317, 318, 325, 331, 340, 384, 9001, 10107, 11600,
  11602, 13388, 13435, 13436, 14031, 17280,
])

export const statusOfCode = (code: number): ResponseStatus =>
  serverCodes.has(code) ? ResponseStatus.serverError : ResponseStatus.clientError

const textOf = (reader: BsonReader, bytes: Uint8Array, most: number): string =>
  reader.type === BsonType.text
    ? utf8Text(bytes, reader.valueAt + 4, Math.min(reader.valueEnd - 1, reader.valueAt + 4 + most))
    : ""

const numberOf = (reader: BsonReader, bytes: Uint8Array): number => {
  switch (reader.type) {
    case BsonType.double:
      return f64(bytes, reader.valueAt)
    case BsonType.int32:
      return i32(bytes, reader.valueAt)
    case BsonType.int64:
      return i64(bytes, reader.valueAt)
    case BsonType.boolean:
      return bytes[reader.valueAt]
    default:
      return 0
  }
}

/** Database, endpoint (`find users`), text and trace identity of the command at bytes[start, end). */
export const readCommand = (
  message: L7Message,
  bytes: Uint8Array,
  start: number,
  end: number,
  masks: boolean,
): void => {
  const reader = new BsonReader(bytes, start, end)
  let command = ""
  let collection = ""
  while (reader.next()) {
    if (command === "") {
      command = reader.name
      collection = textOf(reader, bytes, maxName)
      continue
    }
    switch (reader.name) {
      case "$db": {
        message.requestDomain = textOf(reader, bytes, maxName)
        break
      }
      case "collection": {
        if (collection === "") collection = textOf(reader, bytes, maxName)
        break
      }
      case "comment": {
        readCommentTrace(textOf(reader, bytes, maxMessage), message, 0)
        break
      }
      default:
    }
  }
  message.endpoint = collection === "" ? command : `${command} ${collection}`
  message.requestResource = documentText(bytes, start, end, masks, true)
}

interface Failure {
  code: number
  codeName: string
  text: string
}

const readFailure = (bytes: Uint8Array, start: number, end: number, failure: Failure): void => {
  const reader = new BsonReader(bytes, start, end)
  while (reader.next()) {
    const { name } = reader
    if (name === "code") failure.code = numberOf(reader, bytes)
    else if (name === "codeName") failure.codeName = textOf(reader, bytes, maxName)
    else if (name === "errmsg" || name === "$err") failure.text = textOf(reader, bytes, maxMessage)
  }
}

/** Errors of a unique index show the key that was there already. */
const withoutValues = (text: string): string => text.replace(/dup key: .*$/s, "dup key: ?")

/** Outcome of the reply document at bytes[start, end). */
export const readReply = (
  message: L7Message,
  bytes: Uint8Array,
  start: number,
  end: number,
  masks: boolean,
): void => {
  const reader = new BsonReader(bytes, start, end)
  const failure: Failure = { code: 0, codeName: "", text: "" }
  let ok = -1
  let hasCursor = false
  while (reader.next()) {
    switch (reader.name) {
      case "ok": {
        ok = numberOf(reader, bytes)
        break
      }
      case "cursor": {
        hasCursor = true
        break
      }
      case "writeErrors": {
        const first = new BsonReader(bytes, reader.valueAt, reader.valueEnd)
        if (first.next() && first.type === BsonType.document)
          readFailure(bytes, first.valueAt, first.valueEnd, failure)
        break
      }
      case "writeConcernError": {
        if (reader.type === BsonType.document && failure.code === 0)
          readFailure(bytes, reader.valueAt, reader.valueEnd, failure)
        break
      }
      default:
    }
  }
  if (ok === 0) readFailure(bytes, start, end, failure)
  if (ok === 0 || failure.code !== 0 || failure.text !== "") {
    message.status = failure.code === 0 ? ResponseStatus.serverError : statusOfCode(failure.code)
    if (Math.abs(failure.code) < 2 ** 31) message.code = Math.trunc(failure.code)
    message.exception = masks ? withoutValues(failure.text) : failure.text
    message.result = failure.codeName
  } else if (ok > 0 || hasCursor) {
    // Of a large reply the end with `ok` is not at hand: a cursor comes only with success.
    message.status = ResponseStatus.ok
    message.code = 0
    if (!masks) message.result = documentText(bytes, start, end, false, false)
  }
}
