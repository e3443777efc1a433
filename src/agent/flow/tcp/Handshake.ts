// Round-trip times of the TCP handshake, as seen from the point of capture: to the server by SYN and SYN-ACK,
// to the client by SYN-ACK and the ACK that ends the handshake.

import type { FlowHalf } from "./FlowHalf.ts"
import type { PacketFlow } from "./PacketFlow.ts"

export interface Rtt {
  count: number
  sumUs: number
  maxUs: number
}

/** Longer ones are not round trips. */
const maxRttUs = 30_000_000

export const makeRtt = (): Rtt => ({ count: 0, sumUs: 0, maxUs: 0 })

const sample = (rtt: Rtt, us: number): void => {
  if (us < 0 || us > maxRttUs) return
  rtt.count++
  rtt.sumUs += us
  if (us > rtt.maxUs) rtt.maxUs = us
}

export const sawSyn = (flow: PacketFlow, timeUs: number): void => {
  if (flow.synUs < 0) flow.synUs = timeUs
}

/** A SYN-ACK; repeated ones are samples as long as the handshake lasts. */
export const sawSynAck = (flow: PacketFlow, ack: number, timeUs: number): void => {
  if (flow.synUs < 0 || flow.isEstablished || ack !== ((flow.toServer.isn + 1) | 0)) return
  sample(flow.rttServer, timeUs - flow.synUs)
  if (flow.synAckUs < 0) flow.synAckUs = timeUs
}

/**
 * Any other packet of the client; the first right behind its SYN that acknowledges the SYN-ACK ends the
 * handshake.
 */
export const sawClientAck = (flow: PacketFlow, seq: number, ack: number, timeUs: number): void => {
  if (flow.isEstablished || !isAfterSyn(flow.toServer, seq) || !isAfterSyn(flow.toClient, ack)) return
  flow.isEstablished = true
  if (flow.synAckUs < 0) return
  sample(flow.rttClient, timeUs - flow.synAckUs)
  const us = timeUs - flow.synUs
  if (us >= 0 && us <= maxRttUs) flow.rttUs = us
}

const isAfterSyn = (half: FlowHalf, seq: number): boolean => half.hasIsn && seq === ((half.isn + 1) | 0)
