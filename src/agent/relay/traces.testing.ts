// For tests: what a program tells, as the bytes and the JSON of an OTLP request.

import { ProtobufWriter } from "../../wire/ProtobufWriter.ts"

export type ToldValue =
  | string
  | number
  | boolean
  | ReadonlyArray<ToldValue>
  | { readonly [key: string]: ToldValue }

export type ToldAttributes = Readonly<Record<string, ToldValue>>

export interface ToldSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startNs: bigint
  readonly endNs: bigint
  readonly attributes?: ToldAttributes
  readonly events?: ReadonlyArray<{
    readonly name: string
    readonly timeNs: bigint
    readonly attributes: ToldAttributes
  }>
  readonly status?: { readonly code: number; readonly message: string }
}

export interface Told {
  readonly resource: ToldAttributes
  readonly spans: ReadonlyArray<ToldSpan>
}

const isInt64 = (value: ToldValue): value is string => typeof value === "string" && /^-?\d{16,}$/.test(value)

const writeValue = (writer: ProtobufWriter, value: ToldValue): void => {
  if (isInt64(value)) writer.chosenInteger(3, BigInt(value))
  else if (typeof value === "string") writer.chosenText(1, value)
  else if (typeof value === "boolean") writer.chosenInteger(2, value ? 1 : 0)
  else if (typeof value === "number")
    if (Number.isInteger(value)) writer.chosenInteger(3, value)
    else writer.chosenDouble(4, value)
  else if (Array.isArray(value))
    writer.message(5, (list) => {
      for (const one of value as ReadonlyArray<ToldValue>) list.message(1, (any) => writeValue(any, one))
    })
  else writer.message(6, (map) => writeAttributes(map, 1, value as ToldAttributes))
}

const writeAttributes = (writer: ProtobufWriter, field: number, attributes: ToldAttributes): void => {
  for (const [key, value] of Object.entries(attributes))
    writer.message(field, (pair) => {
      pair.text(1, key).message(2, (any) => writeValue(any, value))
    })
}

const hex = (digits: string | undefined): Uint8Array => Buffer.from(digits ?? "", "hex")

export const tracesRequest = (...programs: ReadonlyArray<Told>): Uint8Array => {
  const writer = new ProtobufWriter()
  for (const { resource, spans } of programs)
    writer.message(1, (resourceSpans) => {
      resourceSpans.message(1, (one) => writeAttributes(one, 1, resource))
      resourceSpans.message(2, (scope) => {
        for (const span of spans)
          scope.message(2, (one) => {
            one
              .bytes(1, hex(span.traceId))
              .bytes(2, hex(span.spanId))
              .bytes(4, hex(span.parentSpanId))
              .text(5, span.name)
              .integer(6, span.kind)
              .fixed64(7, span.startNs)
              .fixed64(8, span.endNs)
            writeAttributes(one, 9, span.attributes ?? {})
            for (const { attributes, name, timeNs } of span.events ?? [])
              one.message(11, (event) => {
                event.fixed64(1, timeNs).text(2, name)
                writeAttributes(event, 3, attributes)
              })
            const { status } = span
            if (status !== undefined)
              one.message(15, (written) => written.text(2, status.message).integer(3, status.code))
          })
      })
    })
  return Uint8Array.from(writer.finish())
}

const jsonValue = (value: ToldValue): object => {
  if (isInt64(value)) return { intValue: value }
  if (typeof value === "string") return { stringValue: value }
  if (typeof value === "boolean") return { boolValue: value }
  if (typeof value === "number")
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  if (Array.isArray(value))
    return { arrayValue: { values: (value as ReadonlyArray<ToldValue>).map(jsonValue) } }
  return { kvlistValue: { values: jsonAttributes(value as ToldAttributes) } }
}

const jsonAttributes = (attributes: ToldAttributes): ReadonlyArray<object> =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: jsonValue(value) }))

export const jsonRequest = (...programs: ReadonlyArray<Told>): string =>
  JSON.stringify({
    resourceSpans: programs.map(({ resource, spans }) => ({
      resource: { attributes: jsonAttributes(resource) },
      scopeSpans: [
        {
          spans: spans.map(({ attributes, endNs, events, startNs, ...span }) => ({
            ...span,
            startTimeUnixNano: String(startNs),
            endTimeUnixNano: String(endNs),
            attributes: jsonAttributes(attributes ?? {}),
            events: (events ?? []).map((event) => ({
              name: event.name,
              timeUnixNano: String(event.timeNs),
              attributes: jsonAttributes(event.attributes),
            })),
          })),
        },
      ],
    })),
  })
