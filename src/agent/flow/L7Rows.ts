// Writes sessions as rows of `flow_log.l7_flow_log` into a batch, whose rows are empty before. Owns the mapping from messages to
// columns.

import type { ColumnBatch, RowColumns } from "../../model/ColumnBatch.ts"
import {
  absentCode,
  absentLength,
  type L7Message,
  RecordType,
  ResponseStatus,
} from "../../model/L7Session.ts"
import { ObservationPoint } from "../../model/observation.ts"
import { causalId } from "../trace/Cause.ts"
import { type Connection, Side } from "./Connection.ts"
import { writeEnds } from "./endColumns.ts"
import { type Session, SessionEnd } from "./Session.ts"

const none: ReadonlyArray<string> = []

/** Where the session was seen: at the process of a side, or where the packets were. */
export const observationPointOf = (connection: Connection): number => {
  if (connection.observed === Side.unknown) return connection.account.observationPoint
  return connection.observed === connection.client
    ? ObservationPoint.clientProcess
    : ObservationPoint.serverProcess
}

/** Status of the answer; a request that was never answered in time has one too. */
export const statusOf = (session: Session): number => {
  if (session.response !== null) return session.response.status
  return session.end === SessionEnd.timeout ? ResponseStatus.timeout : ResponseStatus.unknown
}

/** Microseconds from the request's first byte to the response's first byte; 0 without both. */
export const responseDurationUs = (session: Session): number =>
  session.request === null || session.response === null
    ? 0
    : Math.max(0, session.response.startUs - session.request.startUs)

/** An attribute that has a column of its own. */
const affectedRows = "sql_affected_rows"

const writeAttributes = (columns: RowColumns<"l7">, row: number, session: Session): void => {
  const request = session.request?.attributes ?? none
  const response = session.response?.attributes ?? none
  columns.sql_affected_rows[row] = -1
  if (request.length === 0 && response.length === 0) return
  const names: Array<string> = []
  const values: Array<string> = []
  for (const attributes of [request, response]) {
    for (let i = 0; i + 1 < attributes.length; i += 2) {
      if (attributes[i] === affectedRows) {
        columns.sql_affected_rows[row] = Number(attributes[i + 1])
        continue
      }
      names.push(attributes[i])
      values.push(attributes[i + 1])
    }
  }
  columns.attribute_names[row] = names
  columns.attribute_values[row] = values
}

const writeRequest = (columns: RowColumns<"l7">, row: number, session: Session, request: L7Message): void => {
  if (session.requestCoroutine !== 0) columns.syscall_coroutine_0[row] = session.requestCoroutine
  if (session.requestNumber !== 0) columns.syscall_cap_seq_0[row] = session.requestNumber
  columns.req_tcp_seq[row] = request.tcpSeq
  if (request.xRequestId !== "") columns.x_request_id_0[row] = request.xRequestId
  columns.request_length[row] = request.length
  columns.captured_request_byte[row] = request.capturedBytes
}

const writeResponse = (
  columns: RowColumns<"l7">,
  row: number,
  session: Session,
  response: L7Message,
): void => {
  if (session.responseCoroutine !== 0) columns.syscall_coroutine_1[row] = session.responseCoroutine
  if (session.responseNumber !== 0) columns.syscall_cap_seq_1[row] = session.responseNumber
  columns.resp_tcp_seq[row] = response.tcpSeq
  columns.response_code[row] = response.code
  if (response.exception !== "") columns.response_exception[row] = response.exception
  if (response.result !== "") columns.response_result[row] = response.result
  if (response.xRequestId !== "") columns.x_request_id_1[row] = response.xRequestId
  columns.response_length[row] = response.length
  columns.captured_response_byte[row] = response.capturedBytes
}

/** Appends one row; false when the batch is full (then nothing was written). */
export const appendL7Row = (batch: ColumnBatch<"l7">, session: Session, connection: Connection): boolean => {
  const { columns } = batch
  const row = batch.rows
  if (row >= columns.type.length) return false
  const { request, response } = session
  const first = (request ?? response) as L7Message
  const last = response ?? first
  columns.start_time[row] = first.startUs
  columns.end_time[row] = Math.max(last.endUs, first.endUs)
  columns.response_duration[row] = responseDurationUs(session)
  columns.type[row] = request !== null && response !== null ? RecordType.session : first.type
  columns.l7_protocol[row] = first.protocol
  columns.observation_point[row] = observationPointOf(connection)
  columns.signal_source[row] = connection.signalSource
  columns.protocol[row] = connection.transport
  if (connection.isTls) columns.is_tls[row] = 1
  if (first.isAsync || last.isAsync) columns.is_async[row] = 1
  columns.direction_score[row] = connection.directionScore
  columns.flow_id[row] = connection.flowId
  // The observed process made the calls of both halves, maybe in different threads: the one of the first half counts.
  const threadId = request === null ? session.responseThread : session.requestThread
  const { clientEnd, serverEnd } = connection
  writeEnds(columns, row, clientEnd, serverEnd)
  columns.client_port[row] = clientEnd.port
  if (threadId !== 0) {
    if (connection.observed === connection.client) columns.syscall_thread_0[row] = threadId
    else columns.syscall_thread_1[row] = threadId
  }
  if (session.cause !== null) {
    const causal = causalId(session.cause)
    if (request !== null) columns.syscall_trace_id_request[row] = causal
    if (response !== null) columns.syscall_trace_id_response[row] = causal
  }
  columns.version[row] = first.version
  columns.request_type[row] = first.requestType
  columns.request_domain[row] = first.requestDomain
  columns.request_resource[row] = first.requestResource
  columns.endpoint[row] = first.endpoint
  columns.request_id[row] = first.requestId
  columns.response_status[row] = statusOf(session)
  if (first.proxyClient !== "") columns.http_proxy_client[row] = first.proxyClient
  const traced = first.traceId !== "" || first.spanId !== "" ? first : last
  if (traced.traceId !== "") columns.trace_id[row] = traced.traceId
  if (traced.spanId !== "") columns.span_id[row] = traced.spanId
  if (traced.parentSpanId !== "") columns.parent_span_id[row] = traced.parentSpanId
  if (request !== null) writeRequest(columns, row, session, request)
  else columns.request_length[row] = absentLength
  if (response !== null) writeResponse(columns, row, session, response)
  else {
    columns.response_code[row] = absentCode
    columns.response_length[row] = absentLength
  }
  writeAttributes(columns, row, session)
  batch.rows = row + 1
  return true
}
