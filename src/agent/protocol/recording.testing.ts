// For parser tests: conversations of real programs from `recordings/*.jsonl`, and their messages in short.

import { Buffer } from "node:buffer"
import { readFileSync } from "node:fs"
import { type L7Message, RecordType } from "../../model/L7Session.ts"
import { responseStatusName } from "./neutral.ts"
import { Direction, type Protocol } from "./Protocol.ts"
import { play, type Run } from "./transcript.testing.ts"

export const readRecording = (file: URL): ReadonlyArray<Run> =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [side, bytes] = JSON.parse(line) as [number, string]
      return {
        direction: side === 0 ? Direction.toServer : Direction.toClient,
        bytes: Buffer.from(bytes, "base64"),
      }
    })

/** One line for each message: `TYPE resource` or `< status code exception {attributes}`. */
export const inShort = (message: L7Message): string => {
  const attributes: Array<string> = []
  for (let i = 0; i + 1 < message.attributes.length; i += 2)
    attributes.push(`${message.attributes[i]}=${message.attributes[i + 1]}`)
  const words =
    message.type === RecordType.request
      ? [message.requestType, message.requestResource]
      : [
          "<",
          responseStatusName(message.status),
          message.code > 0 ? `${message.code}` : "",
          message.exception,
          message.result,
        ]
  return [...words, ...attributes, message.isAsync ? "async" : ""].filter((word) => word !== "").join(" ")
}

export const shortly = (protocol: Protocol, runs: ReadonlyArray<Run>): ReadonlyArray<string> =>
  play(protocol, runs).messages.map(inShort)
