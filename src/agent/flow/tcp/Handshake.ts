// Round-trip times of the TCP handshake, as seen from the point of capture: to the server by SYN and SYN-ACK,
// to the client by SYN-ACK and the ACK that ends the handshake.

import { addDelay, Meter } from "../FlowMeter.ts"
import type { FlowHalf } from "./FlowHalf.ts"
import type { PacketFlow } from "./PacketFlow.ts"

/** Longer ones are not round trips. */
export const maxRttUs = 30_000_000

const sample = (flow: PacketFlow, delay: number, us: number): void => {
  const { secondAt, values } = flow.account
  if (us >= 0 && us <= maxRttUs) addDelay(values, secondAt, delay, us)
}

export const sawSyn = (flow: PacketFlow, timeUs: number): void => {
  if (flow.synUs < 0) flow.synUs = timeUs
}

/** A SYN-ACK; repeated ones are samples as long as the handshake lasts. */
export const sawSynAck = (flow: PacketFlow, ack: number, timeUs: number): void => {
  if (flow.synUs < 0 || flow.isEstablished || ack !== ((flow.toServer.isn + 1) | 0)) return
  sample(flow, Meter.rttServer, timeUs - flow.synUs)
  if (flow.synAckUs < 0) flow.synAckUs = timeUs
}

/**
 * Any other packet of the client; the first right behind its SYN that acknowledges the SYN-ACK ends the
 * handshake.
 */
export const sawClientAck = (flow: PacketFlow, seq: number, ack: number, timeUs: number): void => {
  if (flow.isEstablished || !isAfterSyn(flow.toServer, seq) || !isAfterSyn(flow.toClient, ack)) return
  flow.isEstablished = true
  flow.isFresh = true
  if (flow.synAckUs < 0) return
  sample(flow, Meter.rttClient, timeUs - flow.synAckUs)
  sample(flow, Meter.rtt, timeUs - flow.synUs)
}

const isAfterSyn = (half: FlowHalf, seq: number): boolean => half.hasIsn && seq === ((half.isn + 1) | 0)
