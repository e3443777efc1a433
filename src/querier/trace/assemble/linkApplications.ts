// Spans that programs tell of themselves: among each other by the ids they carry, and with the calls that carry their ids. A call
// stands between the span that made it and the span that answers it.

import { SpanKind } from "../../../model/observation.ts"
import { type SpanRow, spanKindOf } from "../SpanRow.ts"
import type { Call } from "./calls.ts"
import { isDelivery, receivingEnd } from "./deliveries.ts"
import type { Forest } from "./Forest.ts"

const isAnswering = ({ point, programKind }: SpanRow): boolean =>
  programKind === SpanKind.server || programKind === SpanKind.consumer || point === "s-app"

const isAsking = ({ point, programKind }: SpanRow): boolean =>
  programKind === SpanKind.client || programKind === SpanKind.producer || point === "c-app"

/** The process that told of a span; 0: not known. */
const programPid = (row: SpanRow): number => (row.point === "c-app" ? row.clientPid : row.serverPid)

/** Undefined: not known. */
const isSameProcess = (program: SpanRow, row: SpanRow, pid: number): boolean | undefined =>
  program.agent !== row.agent || programPid(program) === 0 || pid === 0
    ? undefined
    : programPid(program) === pid

const key = (traceId: string, spanId: string): string => `${traceId} ${spanId}`

const spanIdOf = (rows: ReadonlyArray<SpanRow>, call: Call): SpanRow | undefined =>
  call.rows.map((row) => rows[row]!).find((row) => row.spanId !== "" && row.traceId !== "")

const listed = <Value>(map: Map<string, Array<Value>>, name: string, value: Value): void => {
  const known = map.get(name)
  if (known === undefined) map.set(name, [value])
  else known.push(value)
}

/** Clocks of other hosts may differ this much before a call does not fit a span that it is said to have caused. */
const clockUs = 10e6

/** A proxy hands ids on as they are: of several calls that carry them, the one to the process whose span it is; else the nearest. */
const answered = (
  rows: ReadonlyArray<SpanRow>,
  calls: ReadonlyArray<Call>,
  child: SpanRow,
): Call | undefined => {
  const end = (call: Call): SpanRow => rows[receivingEnd(rows, call.rows)]!
  const apart = (call: Call): number => Math.abs(end(call).startUs - child.startUs)
  const isTo = (call: Call): boolean | undefined => {
    const { clientPid, serverPid } = end(call)
    return isSameProcess(child, end(call), isDelivery(rows, call.rows) ? clientPid : serverPid)
  }
  const near = calls.filter((call) => apart(call) <= clockUs && isTo(call) !== false)
  const known = near.filter((call) => isTo(call) === true)
  return (known.length > 0 ? known : near).toSorted((a, b) => apart(a) - apart(b)).at(0)
}

/** The calls that the span's own process made, of those that carry its id: those of proxies behind it carry it as well. */
const madeBy = (
  rows: ReadonlyArray<SpanRow>,
  calls: ReadonlyArray<Call>,
  maker: SpanRow,
): ReadonlyArray<Call> => {
  const head = (call: Call): SpanRow => rows[call.rows[0]!]!
  const isBy = (call: Call): boolean | undefined => isSameProcess(maker, head(call), head(call).clientPid)
  const known = calls.filter((call) => isBy(call) === true && !isDelivery(rows, call.rows))
  if (known.length > 0) return known
  const possible = calls.filter((call) => isBy(call) === undefined && !isDelivery(rows, call.rows))
  const [first] = possible.toSorted((a, b) => head(a).startUs - head(b).startUs)
  if (first === undefined) return []
  return possible.filter(
    (call) =>
      head(call).agent === head(first).agent &&
      head(call).clientIp === head(first).clientIp &&
      head(call).clientPid === head(first).clientPid,
  )
}

export const linkApplications = (
  rows: ReadonlyArray<SpanRow>,
  calls: ReadonlyArray<Call>,
  forest: Forest,
): void => {
  const programs = new Map<string, Array<number>>()
  rows.forEach((row, at) => {
    if (spanKindOf(row) === "application" && row.traceId !== "" && row.spanId !== "")
      listed(programs, key(row.traceId, row.spanId), at)
  })
  if (programs.size === 0) return
  const carrying = new Map<string, Array<Call>>()
  for (const call of calls) {
    const row = spanIdOf(rows, call)
    if (row !== undefined) listed(carrying, key(row.traceId, row.spanId), call)
  }

  rows.forEach((row, at) => {
    if (spanKindOf(row) !== "application") return
    const text = `same trace id, and parent span id ${row.parentSpanId}`
    if (isAnswering(row)) {
      // Some tracers give both ends of a call one span id; most name the client's as the parent.
      const call =
        answered(rows, carrying.get(key(row.traceId, row.parentSpanId)) ?? [], row) ??
        answered(rows, carrying.get(key(row.traceId, row.spanId)) ?? [], row)
      const carried = call === undefined ? undefined : receivingEnd(rows, call.rows)
      if (carried !== undefined) {
        const isParent = rows[carried]!.spanId === row.parentSpanId
        forest.link(at, carried, {
          reason: isParent ? "parent_span_id" : "span_id",
          confidence: "certain",
          text: isParent
            ? `${text} in the request`
            : `same trace id and span id ${row.spanId} in the request`,
        })
        return
      }
    }
    const parent = (programs.get(key(row.traceId, row.parentSpanId)) ?? []).find((each) => each !== at)
    if (row.parentSpanId !== "" && parent !== undefined)
      forest.link(at, parent, { reason: "parent_span_id", confidence: "certain", text })
  })

  for (const [id, carriers] of carrying) {
    const same = programs.get(id) ?? []
    // The answering span with this id is below the call, not above it.
    const maker = same.find((each) => isAsking(rows[each]!)) ?? same.find((each) => !isAnswering(rows[each]!))
    const made =
      maker === undefined
        ? carriers.filter((call) => !isDelivery(rows, call.rows))
        : madeBy(rows, carriers, rows[maker]!)
    for (const call of made) {
      const owner = maker ?? same.find((each) => forest.parentOf(each) !== call.rows.at(-1))
      if (owner === undefined) continue
      forest.link(call.rows[0]!, owner, {
        reason: "span_id",
        confidence: "certain",
        text: `same trace id and span id ${rows[owner]!.spanId}`,
      })
    }
  }
}
