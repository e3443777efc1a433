// Delays of datagrams: of UDP until the server's program answers, of ICMP echo the round trip.

import type { Packet } from "../../capture/packet/Packet.ts"
import { addDelay, Meter } from "../FlowMeter.ts"
import { maxRttUs } from "../tcp/Handshake.ts"
import type { PacketFlow } from "../tcp/PacketFlow.ts"
import { StreamDirection } from "../tcp/StreamConsumer.ts"
import { maxArtUs } from "../tcp/TcpPerformance.ts"

/** From the client's last datagram to the first that answers it. */
export const measureUdp = (flow: PacketFlow, direction: StreamDirection, packet: Packet): void => {
  const { toClient, toServer } = flow
  const isToServer = direction === StreamDirection.toServer
  const [half, peer] = isToServer ? [toServer, toClient] : [toClient, toServer]
  if (peer.awaitsAnswer) {
    const us = packet.timeUs - peer.pushUs
    const { secondAt, values } = flow.account
    if (us >= 0 && us <= maxArtUs) addDelay(values, secondAt, isToServer ? Meter.artClient : Meter.art, us)
  }
  peer.awaitsAnswer = false
  half.awaitsAnswer = true
  half.pushUs = packet.timeUs
}

const isEchoRequest = (type: number): boolean => type === 8 || type === 128

/** From the last request to the reply of its number. */
export const measureEcho = (flow: PacketFlow, direction: StreamDirection, packet: Packet): void => {
  const { toClient, toServer } = flow
  const isToServer = direction === StreamDirection.toServer
  const [half, peer] = isToServer ? [toServer, toClient] : [toClient, toServer]
  if (isEchoRequest(packet.bytes[packet.payloadStart]!)) {
    half.awaitsAnswer = true
    half.pushUs = packet.timeUs
    half.sentEnd = packet.seq
    return
  }
  if (!peer.awaitsAnswer || peer.sentEnd !== packet.seq) return
  peer.awaitsAnswer = false
  const us = packet.timeUs - peer.pushUs
  const { secondAt, values } = flow.account
  if (us >= 0 && us <= maxRttUs) addDelay(values, secondAt, Meter.rtt, us)
}
