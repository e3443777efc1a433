// What the codes of MQTT's acknowledgements mean: return codes of 3.x (CONNACK, SUBACK) and reason codes of 5.0.

import { ResponseStatus } from "../../../model/L7Session.ts"

const connectNames: ReadonlyArray<string> = [
  "",
  "Unacceptable protocol version",
  "Identifier rejected",
  "Server unavailable",
  "Bad user name or password",
  "Not authorized",
]

const reasonNames: Record<number, string> = {
  0x80: "Unspecified error",
  0x81: "Malformed packet",
  0x82: "Protocol error",
  0x83: "Implementation specific error",
  0x84: "Unsupported protocol version",
  0x85: "Client identifier not valid",
  0x86: "Bad user name or password",
  0x87: "Not authorized",
  0x88: "Server unavailable",
  0x89: "Server busy",
  0x8a: "Banned",
  0x8b: "Server shutting down",
  0x8c: "Bad authentication method",
  0x8d: "Keep alive timeout",
  0x8e: "Session taken over",
  0x8f: "Topic filter invalid",
  0x90: "Topic name invalid",
  0x91: "Packet identifier in use",
  0x92: "Packet identifier not found",
  0x93: "Receive maximum exceeded",
  0x94: "Topic alias invalid",
  0x95: "Packet too large",
  0x96: "Message rate too high",
  0x97: "Quota exceeded",
  0x98: "Administrative action",
  0x99: "Payload format invalid",
  0x9a: "Retain not supported",
  0x9b: "QoS not supported",
  0x9c: "Use another server",
  0x9d: "Server moved",
  0x9e: "Shared subscriptions not supported",
  0x9f: "Connection rate exceeded",
  0xa0: "Maximum connect time",
  0xa1: "Subscription identifiers not supported",
  0xa2: "Wildcard subscriptions not supported",
}

/** Reasons that lie with the server or its load. */
const serverReasons = new Set([0x80, 0x83, 0x88, 0x89, 0x8b, 0x97, 0x98, 0x9c, 0x9d, 0x9f])

/** Code 3 of a CONNACK of version 3.x: the server is there and its service is not. */
const serverUnavailable = 3
const firstFailure = 0x80

export const connectStatus = (code: number): ResponseStatus => {
  if (code === 0) return ResponseStatus.ok
  return code === serverUnavailable ? ResponseStatus.serverError : ResponseStatus.clientError
}

export const connectName = (code: number): string => connectNames[code] ?? `return code ${code}`

export const reasonStatus = (code: number): ResponseStatus => {
  if (code < firstFailure) return ResponseStatus.ok
  return serverReasons.has(code) ? ResponseStatus.serverError : ResponseStatus.clientError
}

export const reasonName = (code: number): string =>
  code < firstFailure ? "" : (reasonNames[code] ?? `reason code ${code}`)
