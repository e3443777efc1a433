// The headers of a command: pairs of texts, each behind its length in four bytes. They name service, method and trace.

import type { L7Message } from "../../../model/L7Session.ts"
import { ByteReader } from "../framed/ByteReader.ts"
import { TraceRank } from "../traceContext.ts"
import { maxTraceValue, readTraceField } from "../traceField.ts"

const maxHeaders = 64
const maxName = 64

const reader = new ByteReader()

/** Calls `header` with each pair in bytes[start, end), of which the end may be cut off. */
export const eachHeader = (
  bytes: Uint8Array,
  start: number,
  end: number,
  header: (name: string, value: string) => void,
): void => {
  reader.reset(bytes, start, end)
  for (let i = 0; i < maxHeaders && reader.left > 0; i++) {
    const nameLength = reader.i32()
    if (nameLength < 0 || nameLength > maxName) return
    const name = reader.text(nameLength)
    const valueLength = reader.i32()
    if (reader.isShort) return
    // A null value has the length -1.
    if (valueLength < 0) continue
    // Of long ones the beginning: what applications add to a trace comes behind its ids.
    const value = reader.longText(Math.min(valueLength, maxTraceValue))
    reader.skip(valueLength - Math.min(valueLength, maxTraceValue))
    if (!reader.isShort) header(name, value)
  }
}

const tracePrefix = "rpc_trace_context."

/** What headers, or the properties in a SofaRequest, say of a call. */
export class CallFacts {
  service = ""
  method = ""
  targetApp = ""
  callerApp = ""
  isError = false
  private sofaTrace = ""
  private sofaSpan = ""
  private sofaParent = ""
  private rank: number = TraceRank.none
  private message: L7Message | null = null

  begin(message: L7Message): void {
    this.service = this.method = this.targetApp = this.callerApp = ""
    this.isError = false
    this.sofaTrace = this.sofaSpan = this.sofaParent = ""
    this.rank = TraceRank.none
    this.message = message
  }

  readonly take = (name: string, value: string): void => {
    switch (name) {
      case "sofa_head_target_service":
      case "targetServiceUniqueName":
      case "service":
        if (this.service === "") this.service = value
        return
      case "sofa_head_method_name":
      case "methodName":
        if (this.method === "") this.method = value
        return
      case "sofa_head_target_app":
      case "targetAppName":
        if (this.targetApp === "") this.targetApp = value
        return
      case "app":
      case `${tracePrefix}sofaCallerApp`:
        if (this.callerApp === "") this.callerApp = value
        return
      case "sofa_head_response_error":
        this.isError = value === "true"
        return
      case `${tracePrefix}sofaTraceId`:
        this.sofaTrace = value
        return
      case `${tracePrefix}sofaRpcId`:
        this.sofaSpan = value
        return
      case "new_rpc_trace_context":
        this.takeTracer(value)
        return
      default:
        if (this.message !== null) this.rank = readTraceField(name, value, this.message, this.rank)
    }
  }

  /** SOFA's own trace, where no tracing system that is read everywhere speaks. */
  endTrace(): void {
    const { message } = this
    if (message === null || this.rank !== TraceRank.none) return
    message.traceId = this.sofaTrace
    message.spanId = this.sofaSpan
    message.parentSpanId = this.sofaParent
  }

  /** SOFATracer's span context: `tcid=...&spid=...&pspid=...&sample=true&` and what the application adds. */
  private takeTracer(value: string): void {
    for (const field of value.split("&")) {
      const at = field.indexOf("=")
      const name = field.slice(0, Math.max(0, at))
      const text = field.slice(at + 1)
      if (name === "tcid") this.sofaTrace = text
      else if (name === "spid") this.sofaSpan = text
      else if (name === "pspid") this.sofaParent = text
    }
  }
}
