// Writes parts of flows as rows of `flow_log.l4_flow_log` into a batch, whose rows are empty before. Owns the mapping from flows to
// columns.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { type CloseType, closeStatus } from "../../model/closeType.ts"
import { writeEnds } from "./endColumns.ts"
import type { FlowAccount } from "./FlowAccount.ts"
import { type FlowMeter, l4MeterColumns, makeMeter, Meter, mirrorMeter } from "./FlowMeter.ts"
import { MeterColumns } from "./MeterColumns.ts"
import type { FlowTunnel } from "./tcp/FlowTunnel.ts"
import type { PacketFlow } from "./tcp/PacketFlow.ts"

const etherIpv4 = 0x0800
const etherIpv6 = 0x86dd

export class L4Rows {
  readonly #batch: ColumnBatch<"l4">
  readonly #meters: MeterColumns
  readonly #mirrored = makeMeter()

  constructor(batch: ColumnBatch<"l4">) {
    this.#batch = batch
    this.#meters = new MeterColumns(batch, l4MeterColumns)
  }

  /** The batch has room, the account has ends. The meter at `at`: what was counted between the two times. */
  append(
    account: FlowAccount,
    meter: FlowMeter,
    at: number,
    startUs: number,
    endUs: number,
    closeType: CloseType,
  ): void {
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
    writeEnds(columns, row, client, server)
    columns.client_port[row] = client.port
    account.packetTx += meter[at + Meter.packetTx]!
    account.packetRx += meter[at + Meter.packetRx]!
    account.byteTx += meter[at + Meter.byteTx]!
    account.byteRx += meter[at + Meter.byteRx]!
    columns.total_packet_tx[row] = isReversed ? account.packetRx : account.packetTx
    columns.total_packet_rx[row] = isReversed ? account.packetTx : account.packetRx
    columns.total_byte_tx[row] = isReversed ? account.byteRx : account.byteTx
    columns.total_byte_rx[row] = isReversed ? account.byteTx : account.byteRx
    if (isReversed) this.#meters.write(row, mirrorMeter(this.#mirrored, meter, at), 0)
    else this.#meters.write(row, meter, at)
    if (account.packets !== null) this.#frames(row, account.packets, isReversed)
    columns.eth_type[row] = isMapped(client.ip) ? etherIpv4 : etherIpv6
  }

  /** What only packets have. */
  #frames(row: number, flow: PacketFlow, isReversed: boolean): void {
    const { columns } = this.#batch
    const { keepAliveAck, keepAliveSeq, toClient, toServer, vlan } = flow
    const client = isReversed ? toClient : toServer
    const server = isReversed ? toServer : toClient
    columns.mac_0[row] = isReversed ? flow.serverMac : flow.clientMac
    columns.mac_1[row] = isReversed ? flow.clientMac : flow.serverMac
    if (vlan !== 0) columns.vlan[row] = vlan
    if (isReversed ? flow.isServerMacLocal : flow.isClientMacLocal) columns.l2_end_0[row] = 1
    if (isReversed ? flow.isClientMacLocal : flow.isServerMacLocal) columns.l2_end_1[row] = 1
    if (isReversed ? flow.isServerIpLocal : flow.isClientIpLocal) columns.l3_end_0[row] = 1
    if (isReversed ? flow.isClientIpLocal : flow.isServerIpLocal) columns.l3_end_1[row] = 1
    if (client.tunnel !== null || server.tunnel !== null) this.#tunnels(row, client.tunnel, server.tunnel)
    columns.tcp_flags_bit_0[row] = client.flags
    columns.tcp_flags_bit_1[row] = server.flags
    if (toServer.hasIsn) columns.syn_seq[row] = toServer.isn >>> 0
    if (toClient.hasIsn) columns.syn_ack_seq[row] = toClient.isn >>> 0
    if (keepAliveSeq !== 0) columns.last_keepalive_seq[row] = keepAliveSeq >>> 0
    if (keepAliveAck !== 0) columns.last_keepalive_ack[row] = keepAliveAck >>> 0
  }

  #tunnels(row: number, tx: FlowTunnel | null, rx: FlowTunnel | null): void {
    const { columns } = this.#batch
    columns.tunnel_type[row] = (tx ?? rx)?.type ?? 0
    columns.tunnel_tier[row] = Math.max(tx?.tier ?? 0, rx?.tier ?? 0)
    if (tx !== null) {
      columns.tunnel_tx_id[row] = tx.id
      columns.tunnel_tx_ip_0.set(tx.source, row * 16)
      columns.tunnel_tx_ip_1.set(tx.target, row * 16)
      columns.tunnel_tx_mac_0[row] = tx.sourceMac % 2 ** 32
      columns.tunnel_tx_mac_1[row] = tx.targetMac % 2 ** 32
    }
    if (rx === null) return
    columns.tunnel_rx_id[row] = rx.id
    columns.tunnel_rx_ip_0.set(rx.source, row * 16)
    columns.tunnel_rx_ip_1.set(rx.target, row * 16)
    columns.tunnel_rx_mac_0[row] = rx.sourceMac % 2 ** 32
    columns.tunnel_rx_mac_1[row] = rx.targetMac % 2 ** 32
  }
}

/** ::ffff:a.b.c.d */
const isMapped = (ip: Uint8Array): boolean => {
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false
  return ip[10] === 0xff && ip[11] === 0xff
}
