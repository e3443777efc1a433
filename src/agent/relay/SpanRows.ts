// Writes spans of programs as rows. Owns which side of a row the program is and what of its own description names it.

import { clearBatch, type ColumnBatch, makeBatch, type RowColumns } from "../../model/ColumnBatch.ts"
import { ObservationPoint, SignalSource, SpanKind } from "../../model/observation.ts"
import { isMappedIpv4, parseIp } from "../../tags/ipAddress.ts"
import { toldCall } from "./conventions.ts"
import type { Attributes, ProgramSpan, SpanEvent } from "./ProgramSpan.ts"

/** A process of this host. */
export interface SenderProcess {
  readonly pid: number
  /** Its number where it runs, in a container of its own. */
  readonly ownPid: number
  /** Name as the kernel has it. */
  readonly name: string
  readonly service: string
  readonly containerId: string
}

/** Whose spans they are, as far as the connection says. */
export interface SpanOwner {
  /** 16 bytes. */
  readonly ip: Uint8Array
  readonly process: SenderProcess | undefined
}

/** Of either family: rows hold the addresses of both sides in the columns of one. */
const no4 = parseIp("0.0.0.0")!
const no6 = parseIp("::")!
const noAddressBeside = (ip: Uint8Array): Uint8Array => (isMappedIpv4(ip) ? no4 : no6)
const containerPattern = /^[0-9a-f]{64}$/

/** Addresses by which programs tell where they run, should others hand on what they tell. */
const ownAddresses = ["app.host.ip", "k8s.pod.ip", "host.ip", "net.host.ip"]

/** One address, or the first of a list in JSON that is no loopback. */
const addressOf = (text: string): Uint8Array | undefined => {
  if (!text.startsWith("[")) return parseIp(text)
  const found = text.match(/[0-9a-fA-F.:]{2,}/g) ?? []
  return found.flatMap((one) => parseIp(one) ?? []).find((ip) => ip[12] !== 127)
}

/** Of spans that somebody handed on: what the program says of itself. */
export const describedOwner = (resource: Attributes): SpanOwner => {
  for (const name of ownAddresses) {
    const ip = addressOf(resource.get(name) ?? "")
    if (ip !== undefined) return { ip, process: undefined }
  }
  return { ip: no4, process: undefined }
}

/** Characters of a row's events: beyond, they would be cut in the middle when they are stored. */
const eventsMost = 16_000

const eventsText = (events: ReadonlyArray<SpanEvent>): string => {
  const texts: Array<string> = []
  let length = 2
  for (const { attributes, name, timeUs } of events) {
    const text = JSON.stringify({ name, time_us: timeUs, attributes: Object.fromEntries(attributes) })
    length += text.length + 1
    if (length > eventsMost) break
    texts.push(text)
  }
  return texts.length === 0 ? "" : `[${texts.join(",")}]`
}

type Side = 0 | 1

const writeOwner = (
  columns: RowColumns<"span">,
  row: number,
  side: Side,
  { ip, process }: SpanOwner,
  containerId: string,
): void => {
  ;(side === 0 ? columns.ip_0 : columns.ip_1).set(ip, row * 16)
  columns[`process_id_${side}`][row] = process?.pid ?? 0
  columns[`process_kname_${side}`][row] = process?.name ?? ""
  columns[`gprocess_${side}`][row] = process?.service ?? ""
  columns[`container_${side}`][row] = process?.containerId || containerId
}

const points: Readonly<Record<SpanKind, number>> = {
  [SpanKind.internal]: ObservationPoint.application,
  [SpanKind.server]: ObservationPoint.serverApplication,
  [SpanKind.client]: ObservationPoint.clientApplication,
  [SpanKind.producer]: ObservationPoint.clientApplication,
  [SpanKind.consumer]: ObservationPoint.serverApplication,
}

/** Rows of a batch: as those of requests. */
const batchRows = 4_096

export class SpanRows {
  readonly #batch: ColumnBatch<"span"> = makeBatch("span", batchRows)
  readonly #emit: (batch: ColumnBatch<"span">) => void

  /** `emit`: the batch is filled anew after the call. */
  constructor(emit: (batch: ColumnBatch<"span">) => void) {
    this.#emit = emit
  }

  flush(): void {
    if (this.#batch.rows === 0) return
    this.#emit(this.#batch)
    // Texts of a busy moment are not held on to.
    clearBatch(this.#batch)
  }

  add(span: ProgramSpan, resource: Attributes, owner: SpanOwner): void {
    if (this.#batch.rows === batchRows) this.flush()
    const { columns } = this.#batch
    const row = this.#batch.rows++
    const call = toldCall(span)
    columns.start_time[row] = span.startUs
    columns.end_time[row] = span.endUs
    columns.observation_point[row] = points[span.kind]
    columns.signal_source[row] = SignalSource.openTelemetry
    columns.span_kind[row] = span.kind
    columns.l7_protocol[row] = call.l7Protocol
    columns.protocol[row] = call.transport
    this.#sides(row, span.kind, owner, resource.get("container.id") ?? "", call.peerIp)
    columns.server_port[row] = call.serverPort
    columns.version[row] = call.version
    columns.request_type[row] = call.requestType
    columns.request_domain[row] = call.requestDomain
    columns.request_resource[row] = call.requestResource
    columns.endpoint[row] = span.name
    columns.response_status[row] = call.status
    columns.response_code[row] = call.code
    columns.response_exception[row] = call.exception
    columns.request_length[row] = call.requestLength
    columns.response_length[row] = call.responseLength
    columns.trace_id[row] = span.traceId
    columns.span_id[row] = span.spanId
    columns.parent_span_id[row] = span.parentSpanId
    columns.app_service[row] = resource.get("service.name") ?? ""
    columns.app_instance[row] = resource.get("service.instance.id") ?? ""
    const names = [...span.attributes.keys()]
    const values = [...span.attributes.values()]
    // What the span says of itself counts before what it says of its program.
    for (const [name, value] of resource)
      if (!span.attributes.has(name)) {
        names.push(name)
        values.push(value)
      }
    columns.attribute_names[row] = names
    columns.attribute_values[row] = values
    columns.events[row] = eventsText(span.events)
  }

  /** The program is the client of the calls that it makes, the server of those that it answers, and both of what it does by itself. */
  #sides(
    row: number,
    kind: SpanKind,
    owner: SpanOwner,
    container: string,
    peerIp: Uint8Array | undefined,
  ): void {
    const { columns } = this.#batch
    const containerId = containerPattern.test(container) ? container : ""
    const point = points[kind]
    const own: ReadonlyArray<Side> =
      point === ObservationPoint.application ? [0, 1] : [point === ObservationPoint.clientApplication ? 0 : 1]
    const isSameFamily = peerIp !== undefined && isMappedIpv4(peerIp) === isMappedIpv4(owner.ip)
    const peer = { ip: isSameFamily ? peerIp : noAddressBeside(owner.ip), process: undefined }
    for (const side of [0, 1] as const)
      if (own.includes(side)) writeOwner(columns, row, side, owner, containerId)
      else writeOwner(columns, row, side, peer, "")
  }
}
