// How a TCP connection performs, packet by packet: what is sent again or out of order, how long systems (SRT) and programs (ART) of
// both sides take to answer, how long the client waits before it asks again (CIT). Allocates nothing.

import { type Packet, TcpFlag } from "../../capture/packet/Packet.ts"
import { addDelay, Meter } from "../FlowMeter.ts"
import { type FlowHalf, maxGaps } from "./FlowHalf.ts"
import type { PacketFlow } from "./PacketFlow.ts"

/** Longer ones are no delays of this kind. */
const maxSrtUs = 10_000_000
export const maxArtUs = 30_000_000
/** Sequence numbers further away than this belong to no byte of the connection. */
const maxJump = 64 * 1024 * 1024

const followed = TcpFlag.fin | TcpFlag.syn | TcpFlag.rst | TcpFlag.psh | TcpFlag.ack
const pushAck = TcpFlag.psh | TcpFlag.ack

/** What a segment is by its place in the sequence. */
const Place = { next: 0, ahead: 1, again: 2, filling: 3, keepAlive: 4, stray: 5 } as const
type Place = (typeof Place)[keyof typeof Place]

/** Of more than `maxGaps` the oldest is forgotten. */
const noteGap = (half: FlowHalf, from: number, to: number): void => {
  const { gapsAt, words } = half
  if (half.gapCount === maxGaps) {
    words.copyWithin(gapsAt, gapsAt + 2, gapsAt + maxGaps * 2)
    half.gapCount--
  }
  const at = gapsAt + half.gapCount * 2
  words[at] = from
  words[at + 1] = to
  half.gapCount++
}

/** True when the segment fills (a part of) a gap: what was not seen is now at most what is left of it. */
const fillGap = (half: FlowHalf, seq: number, end: number): boolean => {
  const { gapsAt, words } = half
  for (let i = 0; i < half.gapCount; i++) {
    const at = gapsAt + i * 2
    const from = words[at]
    const to = words[at + 1]
    if (((end - from) | 0) <= 0 || ((to - seq) | 0) <= 0) continue
    if (((seq - from) | 0) > 0) {
      words[at + 1] = seq
      if (((to - end) | 0) > 0) noteGap(half, end, to)
    } else if (((to - end) | 0) > 0) words[at] = end
    else {
      words.copyWithin(at, at + 2, gapsAt + half.gapCount * 2)
      half.gapCount--
    }
    return true
  }
  return false
}

/** Places a segment of `length` bytes and moves on what was sent so far. */
const place = (half: FlowHalf, seq: number, length: number, isProbe: boolean): Place => {
  if (!half.hasSent) {
    half.hasSent = true
    half.sentEnd = (seq + length) | 0
    return Place.next
  }
  const ahead = (seq - half.sentEnd) | 0
  if (ahead > maxJump || ahead < -maxJump) return Place.stray
  const end = (seq + length) | 0
  if (ahead >= 0) {
    if (ahead > 0 && length > 0) noteGap(half, half.sentEnd, seq)
    if (length > 0) half.sentEnd = end
    return ahead === 0 ? Place.next : Place.ahead
  }
  if (isProbe && ahead === -1 && length <= 1) return Place.keepAlive
  if (length === 0) return Place.next
  if (((end - half.sentEnd) | 0) > 0) half.sentEnd = end
  return fillGap(half, seq, end) ? Place.filling : Place.again
}

const sampleUpTo = (flow: PacketFlow, delay: number, us: number, mostUs: number): void => {
  const { secondAt, values } = flow.account
  if (us >= 0 && us <= mostUs) addDelay(values, secondAt, delay, us)
}

/** Takes a packet that is no RST and was not captured before. */
export const measure = (flow: PacketFlow, isToServer: boolean, packet: Packet): void => {
  const half = isToServer ? flow.toServer : flow.toClient
  const peer = isToServer ? flow.toClient : flow.toServer
  const { secondAt, values } = flow.account
  const { timeUs } = packet
  const flags = packet.flags & followed
  const length = packet.payloadEnd - packet.payloadStart + packet.missing
  const isSyn = (flags & TcpFlag.syn) !== 0
  if (packet.window === 0) values[secondAt + (isToServer ? Meter.zeroWindowTx : Meter.zeroWindowRx)]!++
  if ((flags & TcpFlag.fin) !== 0) values[secondAt + Meter.fin]!++

  let at: Place = Place.next
  if (isSyn) {
    values[secondAt + (isToServer ? Meter.syn : Meter.synAck)]!++
    if (half.hasIsn) {
      values[secondAt + (isToServer ? Meter.retransSyn : Meter.retransSynAck)]!++
      values[secondAt + (isToServer ? Meter.retransTx : Meter.retransRx)]!++
    } else place(half, (packet.seq + 1) | 0, length, false)
  } else {
    at = place(half, packet.seq, length, (flags & TcpFlag.fin) === 0)
    if (at === Place.again) values[secondAt + (isToServer ? Meter.retransTx : Meter.retransRx)]!++
    else if (at === Place.filling)
      values[secondAt + (isToServer ? Meter.outOfOrderTx : Meter.outOfOrderRx)]!++
    else if (at === Place.keepAlive) {
      flow.keepAliveSeq = packet.seq
      flow.keepAliveAck = packet.ack
    }
  }

  const isBareAck = flags === TcpFlag.ack && length === 0
  const isPush = flags === pushAck && length > 0
  if (isBareAck && peer.awaitsAck) {
    sampleUpTo(flow, isToServer ? Meter.srtClient : Meter.srt, timeUs - peer.pushUs, maxSrtUs)
  } else if (length > 0 && peer.awaitsAnswer && at === Place.next && (isPush || flags === TcpFlag.ack)) {
    sampleUpTo(flow, isToServer ? Meter.artClient : Meter.art, timeUs - peer.pushUs, maxArtUs)
  }
  if (isToServer && isPush && length > 1 && at !== Place.again) {
    // One byte is a keep-alive of some systems.
    const sinceUs = flow.isFresh ? Math.max(half.lastUs, peer.lastUs) : peer.lastLength > 1 ? peer.lastUs : -1
    if (sinceUs >= 0 && timeUs >= sinceUs) addDelay(values, secondAt, Meter.cit, timeUs - sinceUs)
    peer.lastLength = 0
  }

  if (length > 1) flow.isFresh = false
  peer.awaitsAck = false
  peer.awaitsAnswer = peer.awaitsAnswer && isBareAck
  half.awaitsAck = isPush
  half.awaitsAnswer = isPush
  if (isPush) half.pushUs = timeUs
  half.lastUs = timeUs
  half.lastLength = length
}
