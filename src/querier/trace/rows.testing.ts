// For tests: rows as observation points would tell them, and a trace as lines that are easily read.

import { type Assembled, assembleTrace } from "./assemble/assembleTrace.ts"
import type { SpanRow } from "./SpanRow.ts"

let nextId = 1

/** An answered HTTP request from process 1 to process 2 of agent 1; what is not named is unknown. */
export const spanRowOf = (row: Partial<SpanRow>): SpanRow => ({
  id: String(nextId++),
  second: 0,
  agent: 1,
  point: "c-p",
  type: 2,
  l7Protocol: 20,
  transport: 6,
  startUs: 0,
  endUs: 100,
  flowId: "",
  clientIp: "10.0.0.1",
  serverIp: "10.0.0.2",
  clientPort: 40_000,
  serverPort: 80,
  clientPid: 1,
  serverPid: 2,
  requestTcpSeq: 0,
  responseTcpSeq: 0,
  requestId: "",
  causalRequest: "",
  causalResponse: "",
  xRequestId0: "",
  xRequestId1: "",
  traceId: "",
  spanId: "",
  parentSpanId: "",
  programKind: 0,
  appService: "",
  requestType: "GET",
  endpoint: "/",
  ...row,
})

/** Both ends of a call with the same sequence numbers; the server sees it `lateUs` later and as much earlier done. */
export const bothEnds = (
  call: Partial<SpanRow>,
  {
    client = {},
    lateUs = 10,
    server = {},
  }: {
    readonly client?: Partial<SpanRow>
    readonly server?: Partial<SpanRow>
    readonly lateUs?: number
  } = {},
): readonly [client: SpanRow, server: SpanRow] => {
  const whole = spanRowOf({ requestTcpSeq: 1_000, responseTcpSeq: 2_000, ...call })
  return [
    { ...whole, id: String(nextId++), point: "c-p", ...client },
    {
      ...whole,
      id: String(nextId++),
      point: "s-p",
      startUs: whole.startUs + lateUs,
      endUs: whole.endUs - lateUs,
      ...server,
    },
  ]
}

/** "c-p /a", "  s-p /a <tcp_seq", ...: depth as indentation, then the reason of the link. */
export const drawn = ({ spans }: Assembled): ReadonlyArray<string> =>
  spans.map(
    ({ depth, link, row }) =>
      `${"  ".repeat(depth)}${row.point} ${row.endpoint}${link === null ? "" : ` <${link.reason}`}`,
  )

/** The trace of the first of these rows. */
export const from = (asked: SpanRow, ...rows: ReadonlyArray<SpanRow>): Assembled =>
  assembleTrace([...new Set([asked, ...rows])], { rowId: asked.id })
