// A flow as a flat JSON object, for `sonde replay FILE --flows`: counters by direction (tx: from the client),
// times in microseconds, TCP performance under the names of DeepFlow's flow log.

import { IpProtocol } from "../../capture/packet/Packet.ts"
import { closeTypeName } from "../../../model/closeType.ts"
import { ipText } from "../../../model/ipText.ts"
import { l7ProtocolName } from "../../../model/protocol.ts"
import { delayOf, makeMeter, Meter, mirrorMeter } from "../FlowMeter.ts"
import type { PacketFlow } from "./PacketFlow.ts"

const protocolName = (protocol: number): string =>
  protocol === IpProtocol.tcp ? "tcp" : protocol === IpProtocol.udp ? "udp" : "icmp"

/** Of a flow whose counts nobody takes away: they are those since it began. */
export const flowRecord = (flow: PacketFlow) => {
  const { account } = flow
  const { isReversed } = account
  const second = isReversed ? mirrorMeter(makeMeter(), account.second, 0) : account.second
  const [client, server] = isReversed ? [flow.server, flow.client] : [flow.client, flow.server]
  const [toServer, toClient] = isReversed ? [flow.toClient, flow.toServer] : [flow.toServer, flow.toClient]
  const base = {
    flow_id: flow.id,
    protocol: protocolName(flow.protocol),
    client_ip: ipText(client.ip),
    client_port: client.port,
    server_ip: ipText(server.ip),
    server_port: server.port,
    direction_score: account.directionScore,
    vlan: flow.vlan,
    start_us: account.startUs,
    end_us: account.lastUs,
    close_type: closeTypeName(flow.closeType),
    end_reason: flow.endReason,
    packet_tx: second[Meter.packetTx],
    packet_rx: second[Meter.packetRx],
    byte_tx: second[Meter.byteTx],
    byte_rx: second[Meter.byteRx],
    l3_byte_tx: second[Meter.l3ByteTx],
    l3_byte_rx: second[Meter.l3ByteRx],
    l4_byte_tx: second[Meter.l4ByteTx],
    l4_byte_rx: second[Meter.l4ByteRx],
    duplicates: flow.duplicates,
    ...(account.l7Protocol === 0
      ? {}
      : {
          l7_protocol: l7ProtocolName(account.l7Protocol),
          l7_request: second[Meter.request],
          l7_response: second[Meter.response],
          l7_error: second[Meter.clientError]! + second[Meter.serverError]!,
        }),
  }
  const rtt = delayOf(second, Meter.rtt)
  if (flow.protocol !== IpProtocol.tcp) {
    return flow.protocol === IpProtocol.udp
      ? { ...base, art: delayOf(second, Meter.art), art_client: delayOf(second, Meter.artClient) }
      : { ...base, rtt_us: rtt.max_us, rtt }
  }
  return {
    ...base,
    rtt_us: rtt.max_us,
    rtt_client: delayOf(second, Meter.rttClient),
    rtt_server: delayOf(second, Meter.rttServer),
    srt_client: delayOf(second, Meter.srtClient),
    srt: delayOf(second, Meter.srt),
    art_client: delayOf(second, Meter.artClient),
    art: delayOf(second, Meter.art),
    cit: delayOf(second, Meter.cit),
    retrans_client: second[Meter.retransTx],
    retrans_server: second[Meter.retransRx],
    retrans_syn: second[Meter.retransSyn],
    retrans_synack: second[Meter.retransSynAck],
    zero_win_client: second[Meter.zeroWindowTx],
    zero_win_server: second[Meter.zeroWindowRx],
    ooo_client: second[Meter.outOfOrderTx],
    ooo_server: second[Meter.outOfOrderRx],
    missing_byte_tx: toServer.missingBytes,
    missing_byte_rx: toClient.missingBytes,
    syn: second[Meter.syn],
    synack: second[Meter.synAck],
    fin: second[Meter.fin],
    tcp_flags_client: toServer.flags,
    tcp_flags_server: toClient.flags,
  }
}
