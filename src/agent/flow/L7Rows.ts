// Writes sessions as rows of `flow_log.l7_flow_log` into a batch. Owns the mapping from messages to columns.

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
import type { Endpoint } from "./Endpoint.ts"
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

const writeEnd0 = (columns: RowColumns<"l7">, row: number, end: Endpoint, threadId: number): void => {
  for (let i = 0; i < 16; i++) columns.ip_0[row * 16 + i] = end.ip[i]
  columns.client_port[row] = end.port
  columns.process_id_0[row] = end.processId
  columns.process_kname_0[row] = end.processName
  columns.gprocess_0[row] = end.service
  columns.container_0[row] = end.containerId
  columns.syscall_thread_0[row] = threadId
}

const writeEnd1 = (columns: RowColumns<"l7">, row: number, end: Endpoint, threadId: number): void => {
  for (let i = 0; i < 16; i++) columns.ip_1[row * 16 + i] = end.ip[i]
  columns.server_port[row] = end.port
  columns.process_id_1[row] = end.processId
  columns.process_kname_1[row] = end.processName
  columns.gprocess_1[row] = end.service
  columns.container_1[row] = end.containerId
  columns.syscall_thread_1[row] = threadId
}

/** An attribute that has a column of its own. */
const affectedRows = "sql_affected_rows"

const writeAttributes = (columns: RowColumns<"l7">, row: number, session: Session): void => {
  const request = session.request?.attributes ?? none
  const response = session.response?.attributes ?? none
  columns.sql_affected_rows[row] = -1
  if (request.length === 0 && response.length === 0) {
    columns.attribute_names[row] = none
    columns.attribute_values[row] = none
    return
  }
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
  columns.is_tls[row] = connection.isTls ? 1 : 0
  columns.is_async[row] = first.isAsync || last.isAsync ? 1 : 0
  columns.direction_score[row] = connection.directionScore
  columns.flow_id[row] = connection.flowId
  // The observed process made the calls of both halves, maybe in different threads: the one of the first half counts.
  const threadId = request === null ? session.responseThread : session.requestThread
  const isClientObserved = connection.observed === connection.client
  writeEnd0(columns, row, connection.clientEnd, isClientObserved ? threadId : 0)
  writeEnd1(columns, row, connection.serverEnd, isClientObserved ? 0 : threadId)
  const causal = causalId(session.cause)
  columns.syscall_trace_id_request[row] = request === null ? 0 : causal
  columns.syscall_trace_id_response[row] = response === null ? 0 : causal
  columns.syscall_coroutine_0[row] = session.requestCoroutine
  columns.syscall_coroutine_1[row] = session.responseCoroutine
  columns.syscall_cap_seq_0[row] = session.requestNumber
  columns.syscall_cap_seq_1[row] = session.responseNumber
  columns.req_tcp_seq[row] = request === null ? 0 : request.tcpSeq
  columns.resp_tcp_seq[row] = response === null ? 0 : response.tcpSeq
  columns.version[row] = first.version
  columns.request_type[row] = first.requestType
  columns.request_domain[row] = first.requestDomain
  columns.request_resource[row] = first.requestResource
  columns.endpoint[row] = first.endpoint
  columns.request_id[row] = first.requestId
  columns.response_status[row] = statusOf(session)
  columns.response_code[row] = response === null ? absentCode : response.code
  columns.response_exception[row] = response === null ? "" : response.exception
  columns.response_result[row] = response === null ? "" : response.result
  columns.http_proxy_client[row] = first.proxyClient
  columns.x_request_id_0[row] = request === null ? "" : request.xRequestId
  columns.x_request_id_1[row] = response === null ? "" : response.xRequestId
  const traced = first.traceId !== "" || first.spanId !== "" ? first : last
  columns.trace_id[row] = traced.traceId
  columns.span_id[row] = traced.spanId
  columns.parent_span_id[row] = traced.parentSpanId
  columns.request_length[row] = request === null ? absentLength : request.length
  columns.response_length[row] = response === null ? absentLength : response.length
  columns.captured_request_byte[row] = request === null ? 0 : request.capturedBytes
  columns.captured_response_byte[row] = response === null ? 0 : response.capturedBytes
  writeAttributes(columns, row, session)
  batch.rows = row + 1
  return true
}
