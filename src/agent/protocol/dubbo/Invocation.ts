// What a request says of its call (DecodeableRpcInvocation), and a response of its result, whatever they are serialized with.

import type { L7Message } from "../../../model/L7Session.ts"
import { readTraceField } from "../traceField.ts"

/** Bytes of a name of service or method; longer ones are cut. */
export const maxName = 256

export class Invocation {
  protocolVersion = ""
  service = ""
  serviceVersion = ""
  method = ""
  group = ""
  application = ""
  /** Of a call without the interface's classes (`$invoke`, by gateways) the method that is meant: its first argument. */
  genericMethod = ""
  private rank = 0
  private message: L7Message | null = null

  /** Begins a new call, whose trace context goes to `message`. */
  begin(message: L7Message): void {
    this.protocolVersion = this.service = this.serviceVersion = this.method = ""
    this.group = this.application = this.genericMethod = ""
    this.rank = 0
    this.message = message
  }

  get isGeneric(): boolean {
    return this.method === "$invoke" || this.method === "$invokeAsync"
  }

  readonly attachment = (name: string, value: string): void => {
    if (name === "group") this.group = value
    else if (name === "remote.application") this.application = value
    else if (this.message !== null) this.rank = readTraceField(name, value, this.message, this.rank)
  }
}

/** The first value in the body of a response whose status is fine. */
const ResultKind = {
  exception: 0,
  value: 1,
  null: 2,
  exceptionWithAttachments: 3,
  valueWithAttachments: 4,
  nullWithAttachments: 5,
} as const

export const isException = (kind: number): boolean =>
  kind === ResultKind.exception || kind === ResultKind.exceptionWithAttachments

/** How one way of serialization is read: bytes[start, end) are a body, of which the end may be cut off. */
export interface BodyReader {
  readInvocation(bytes: Uint8Array, start: number, end: number, into: Invocation, isWhole: boolean): void
  /** Text of the exception that the body of a fine response holds, as far as it is readable; null for a value. */
  readException(bytes: Uint8Array, start: number, end: number): string | null
  /** The text that is the body of a failed response, or of an event. */
  readText(bytes: Uint8Array, start: number, end: number): string
}

/** Characters of an error's text that are shown. */
const maxErrorText = 256

/** The first line of an error's text: a stack may follow. */
export const errorText = (text: string): string => {
  const end = text.search(/[\r\n]/)
  return text.slice(0, Math.min(maxErrorText, end < 0 ? text.length : end))
}

/** `class: text`, or what there is of it. */
export const exceptionText = (className: string, text: string): string =>
  errorText([className, text].filter((part) => part !== "").join(": "))

/** Number of parameters that a descriptor (`ILjava/lang/String;[J`) lists. */
export const parameterCount = (descriptor: string): number => {
  let count = 0
  for (let at = 0; at < descriptor.length; at++) {
    const c = descriptor[at]
    if (c === "[") continue
    if (c === "L") {
      at = descriptor.indexOf(";", at)
      if (at < 0) return count + 1
    }
    count++
  }
  return count
}
