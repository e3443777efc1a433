// Writes both ends of a flow, of a metric of flows, or of a request into a row that is empty before.

import type { RowColumns } from "../../model/ColumnBatch.ts"
import type { Endpoint } from "./Endpoint.ts"

type EndColumns = RowColumns<"l4"> | RowColumns<"network"> | RowColumns<"l7">

const copyIp = (to: Uint8Array, at: number, ip: Uint8Array): void => {
  for (let i = 0; i < 16; i++) to[at + i] = ip[i]!
}

export const writeEnds = (columns: EndColumns, row: number, client: Endpoint, server: Endpoint): void => {
  copyIp(columns.ip_0, row * 16, client.ip)
  copyIp(columns.ip_1, row * 16, server.ip)
  columns.server_port[row] = server.port
  if (client.processId !== 0) columns.process_id_0[row] = client.processId
  if (server.processId !== 0) columns.process_id_1[row] = server.processId
  if (client.processName !== "") columns.process_kname_0[row] = client.processName
  if (server.processName !== "") columns.process_kname_1[row] = server.processName
  if (client.service !== "") columns.gprocess_0[row] = client.service
  if (server.service !== "") columns.gprocess_1[row] = server.service
  if (client.containerId !== "") columns.container_0[row] = client.containerId
  if (server.containerId !== "") columns.container_1[row] = server.containerId
}
