// Writes parts of flows as rows of `flow_log.l4_flow_log` into a batch. Owns the mapping from flows to columns.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { type CloseType, closeStatus } from "../../model/closeType.ts"
import type { FlowAccount } from "./FlowAccount.ts"
import { type FlowMeter, l4MeterColumns, Meter, mirroredMeter } from "./FlowMeter.ts"
import { MeterColumns } from "./MeterColumns.ts"
import type { FlowTunnel } from "./tcp/FlowTunnel.ts"
import type { PacketFlow } from "./tcp/PacketFlow.ts"

const etherIpv4 = 0x0800
const etherIpv6 = 0x86dd

export class L4Rows {
  readonly #batch: ColumnBatch<"l4">
  readonly #meters: MeterColumns

  constructor(batch: ColumnBatch<"l4">) {
    this.#batch = batch
    this.#meters = new MeterColumns(batch, l4MeterColumns)
  }

  /** The batch has room, the account has ends. `meter`: what was counted between the two times. */
  append(account: FlowAccount, meter: FlowMeter, startUs: number, endUs: number, closeType: CloseType): void {
    const { columns } = this.#batch
    const row = this.#batch.rows++
    const { isReversed } = account
    const client = (isReversed ? account.server : account.client)!
    const server = (isReversed ? account.client : account.server)!
    columns.start_time[row] = startUs
    columns.end_time[row] = endUs
    columns.duration[row] = Math.max(0, endUs - account.startUs)
    columns.observation_point[row] = account.observationPoint
    columns.signal_source[row] = account.signalSource
    columns.flow_id[row] = account.flowId
    columns.is_new_flow[row] = account.hasRow ? 0 : 1
    account.hasRow = true
    columns.close_type[row] = closeType
    columns.status[row] = closeStatus(closeType, account.transport)
    columns.protocol[row] = account.transport
    columns.l7_protocol[row] = account.l7Protocol
    columns.direction_score[row] = account.directionScore
    columns.ip_0.set(client.ip, row * 16)
    columns.ip_1.set(server.ip, row * 16)
    columns.client_port[row] = client.port
    columns.server_port[row] = server.port
    columns.process_id_0[row] = client.processId
    columns.process_id_1[row] = server.processId
    columns.process_kname_0[row] = client.processName
    columns.process_kname_1[row] = server.processName
    columns.gprocess_0[row] = client.service
    columns.gprocess_1[row] = server.service
    columns.container_0[row] = client.containerId
    columns.container_1[row] = server.containerId
    account.packetTx += meter[Meter.packetTx]!
    account.packetRx += meter[Meter.packetRx]!
    account.byteTx += meter[Meter.byteTx]!
    account.byteRx += meter[Meter.byteRx]!
    columns.total_packet_tx[row] = isReversed ? account.packetRx : account.packetTx
    columns.total_packet_rx[row] = isReversed ? account.packetTx : account.packetRx
    columns.total_byte_tx[row] = isReversed ? account.byteRx : account.byteTx
    columns.total_byte_rx[row] = isReversed ? account.byteTx : account.byteRx
    this.#meters.write(row, isReversed ? mirroredMeter(meter) : meter)
    this.#frames(row, account.packets, isReversed)
    columns.eth_type[row] = isMapped(client.ip) ? etherIpv4 : etherIpv6
  }

  /** What only packets have. */
  #frames(row: number, flow: PacketFlow | null, isReversed: boolean): void {
    const { columns } = this.#batch
    const client = (isReversed ? flow?.toClient : flow?.toServer) ?? null
    const server = (isReversed ? flow?.toServer : flow?.toClient) ?? null
    columns.mac_0[row] = (isReversed ? flow?.serverMac : flow?.clientMac) ?? 0
    columns.mac_1[row] = (isReversed ? flow?.clientMac : flow?.serverMac) ?? 0
    columns.vlan[row] = flow?.vlan ?? 0
    columns.l2_end_0[row] = Number((isReversed ? flow?.isServerMacLocal : flow?.isClientMacLocal) ?? false)
    columns.l2_end_1[row] = Number((isReversed ? flow?.isClientMacLocal : flow?.isServerMacLocal) ?? false)
    columns.l3_end_0[row] = Number((isReversed ? flow?.isServerIpLocal : flow?.isClientIpLocal) ?? false)
    columns.l3_end_1[row] = Number((isReversed ? flow?.isClientIpLocal : flow?.isServerIpLocal) ?? false)
    this.#tunnels(row, client?.tunnel ?? null, server?.tunnel ?? null)
    columns.tcp_flags_bit_0[row] = client?.flags ?? 0
    columns.tcp_flags_bit_1[row] = server?.flags ?? 0
    columns.syn_seq[row] = flow?.toServer.hasIsn === true ? flow.toServer.isn >>> 0 : 0
    columns.syn_ack_seq[row] = flow?.toClient.hasIsn === true ? flow.toClient.isn >>> 0 : 0
    columns.last_keepalive_seq[row] = (flow?.keepAliveSeq ?? 0) >>> 0
    columns.last_keepalive_ack[row] = (flow?.keepAliveAck ?? 0) >>> 0
  }

  #tunnels(row: number, tx: FlowTunnel | null, rx: FlowTunnel | null): void {
    const { columns } = this.#batch
    columns.tunnel_type[row] = (tx ?? rx)?.type ?? 0
    columns.tunnel_tier[row] = Math.max(tx?.tier ?? 0, rx?.tier ?? 0)
    columns.tunnel_tx_id[row] = tx?.id ?? 0
    columns.tunnel_rx_id[row] = rx?.id ?? 0
    columns.tunnel_tx_ip_0.set(tx?.source ?? noAddress, row * 16)
    columns.tunnel_tx_ip_1.set(tx?.target ?? noAddress, row * 16)
    columns.tunnel_rx_ip_0.set(rx?.source ?? noAddress, row * 16)
    columns.tunnel_rx_ip_1.set(rx?.target ?? noAddress, row * 16)
    columns.tunnel_tx_mac_0[row] = (tx?.sourceMac ?? 0) % 2 ** 32
    columns.tunnel_tx_mac_1[row] = (tx?.targetMac ?? 0) % 2 ** 32
    columns.tunnel_rx_mac_0[row] = (rx?.sourceMac ?? 0) % 2 ** 32
    columns.tunnel_rx_mac_1[row] = (rx?.targetMac ?? 0) % 2 ** 32
  }
}

const noAddress = new Uint8Array(16)

/** ::ffff:a.b.c.d */
const isMapped = (ip: Uint8Array): boolean => {
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false
  return ip[10] === 0xff && ip[11] === 0xff
}
