// For tests: a made trace, from rows as the store would give them.

import { assembleTrace } from "./assemble/assembleTrace.ts"
import { makeTrace } from "./makeTrace.ts"
import { bothEnds } from "./rows.testing.ts"
import type { SpanDetails } from "./SpanDetails.ts"
import type { SpanRow } from "./SpanRow.ts"
import type { Trace } from "./Trace.ts"
import type { FoundTrace } from "./traceOf.ts"

export const spanDetailsOf = (row: SpanRow, more: Partial<SpanDetails> = {}): SpanDetails => ({
  id: row.id,
  clientService: `service-${row.clientPid}`,
  serverService: `service-${row.serverPid}`,
  clientProcess: `program-${row.clientPid}`,
  serverProcess: `program-${row.serverPid}`,
  clientHost: "left",
  serverHost: "right",
  isTls: false,
  domain: "shop.example:80",
  resource: `${row.endpoint}?q=1`,
  status: "ok",
  code: 200,
  exception: "",
  requestLength: null,
  responseLength: 5,
  clientTags: { pod: "a" },
  serverTags: { pod: "b" },
  attributes: { "user_agent.original": "curl" },
  ...more,
})

export const foundTraceOf = (
  rows: ReadonlyArray<SpanRow>,
  more: (row: SpanRow) => Partial<SpanDetails> = () => ({}),
): FoundTrace => {
  const details = new Map(rows.map((row) => [row.id, spanDetailsOf(row, more(row))]))
  const names = new Map(rows.map((row) => [row.id, "program"]))
  return {
    assembled: assembleTrace(rows, { rowId: rows[0]!.id }, names),
    details,
    found: { rows, limits: [], search: { rounds: 1, questions: 2, rows: 3, milliseconds: 4 } },
  }
}

export const traceFrom = (
  rows: ReadonlyArray<SpanRow>,
  more: (row: SpanRow) => Partial<SpanDetails> = () => ({}),
): Trace => {
  const { assembled, details, found } = foundTraceOf(rows, more)
  return makeTrace(assembled, details, found)
}

const beginUs = 1_790_000_000_000_000

/** curl (1) asks the gateway (2), which asks the shop (3), which fails, on another host whose clock is 1 s ahead. */
export const shopRows = (): ReadonlyArray<SpanRow> => {
  const [asks, gateway] = bothEnds({
    startUs: beginUs,
    endUs: beginUs + 10_000,
    endpoint: "/cart",
    clientPid: 1,
    serverPid: 2,
    requestTcpSeq: 1,
  })
  const [calls, shop] = bothEnds(
    {
      startUs: beginUs + 1_000,
      endUs: beginUs + 8_000,
      endpoint: "/items",
      clientPid: 2,
      serverPid: 3,
      requestTcpSeq: 2,
    },
    { server: { agent: 2 }, lateUs: 500 },
  )
  return [
    { ...asks, id: "100" },
    { ...gateway, causalRequest: "7" },
    { ...calls, causalRequest: "7" },
    { ...shop, startUs: shop.startUs + 1_000_000, endUs: shop.endUs + 1_000_000 },
  ]
}

export const shopTrace = (): Trace =>
  traceFrom(shopRows(), ({ endpoint }) =>
    endpoint === "/items" ? { status: "server_error", code: 500, exception: "out of stock" } : {},
  )
