// A flow as a flat JSON object, for `sonde replay FILE --flows`: counters by direction (tx: from the client),
// times in microseconds, TCP performance under the names of DeepFlow's flow log.

import { IpProtocol } from "../../capture/packet/Packet.ts"
import { ipText } from "../../../model/ipText.ts"
import type { Rtt } from "./Handshake.ts"
import type { PacketFlow } from "./PacketFlow.ts"

const rttRecord = (rtt: Rtt) => ({ count: rtt.count, sum_us: rtt.sumUs, max_us: rtt.maxUs })

const protocolName = (protocol: number): string =>
  protocol === IpProtocol.tcp ? "tcp" : protocol === IpProtocol.udp ? "udp" : "icmp"

export const flowRecord = (flow: PacketFlow) => {
  const { client, server, toClient, toServer } = flow
  const base = {
    flow_id: flow.id,
    protocol: protocolName(flow.protocol),
    client_ip: ipText(client.ip),
    client_port: client.port,
    server_ip: ipText(server.ip),
    server_port: server.port,
    direction_score: flow.directionScore,
    vlan: flow.vlan,
    start_us: flow.startUs,
    end_us: flow.endUs,
    close_type: flow.closeType,
    packet_tx: toServer.packets,
    packet_rx: toClient.packets,
    byte_tx: toServer.bytes,
    byte_rx: toClient.bytes,
    l4_byte_tx: toServer.payloadBytes,
    l4_byte_rx: toClient.payloadBytes,
    duplicates: flow.duplicates,
  }
  if (flow.protocol !== IpProtocol.tcp) return base
  return {
    ...base,
    rtt_us: Math.max(0, flow.rttUs),
    rtt_client: rttRecord(flow.rttClient),
    rtt_server: rttRecord(flow.rttServer),
    retrans_client: toServer.retransmissions,
    retrans_server: toClient.retransmissions,
    retrans_syn: toServer.synRetransmissions,
    retrans_synack: toClient.synRetransmissions,
    zero_win_client: toServer.zeroWindow,
    zero_win_server: toClient.zeroWindow,
    ooo_client: toServer.outOfOrder,
    ooo_server: toClient.outOfOrder,
    missing_byte_tx: toServer.missingBytes,
    missing_byte_rx: toClient.missingBytes,
    syn: toServer.syn,
    synack: toClient.syn,
    fin: toServer.fin + toClient.fin,
    rst: toServer.rst + toClient.rst,
  }
}
