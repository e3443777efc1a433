// What is counted of a flow over some interval: traffic, TCP's troubles, delays, requests. tx is from client to server, rx back;
// delays are microseconds. A meter is whole numbers by the indexes in `Meter`, somewhere in an array of doubles: those of packet flows
// stand in the blocks of FlowSlots.ts, so that nothing is allocated for a flow.

import type { RowColumns } from "../../model/ColumnBatch.ts"

export type FlowMeter = Float64Array

/**
 * Of a delay this is the place of its sum; its count and its longest follow. What most packets count stands together, in few lines of
 * the processor's cache.
 */
export const Meter = {
  packetTx: 0,
  packetRx: 1,
  byteTx: 2,
  byteRx: 3,
  l3ByteTx: 4,
  l3ByteRx: 5,
  l4ByteTx: 6,
  l4ByteRx: 7,
  /** Until the server's system acknowledges, until its program answers. */
  srt: 8,
  art: 11,
  /** Until the client asks again. */
  cit: 14,
  /** `srt` and `art` of the client. */
  srtClient: 17,
  artClient: 20,
  /** First SYN to the acknowledgement of its SYN-ACK; of ICMP, request to reply. */
  rtt: 23,
  /** SYN-ACK to the client's acknowledgement: the network between here and the client. */
  rttClient: 26,
  /** SYN to SYN-ACK: the network between here and the server. */
  rttServer: 29,
  /** Response time of requests. */
  rrt: 32,
  retransTx: 35,
  retransRx: 36,
  zeroWindowTx: 37,
  zeroWindowRx: 38,
  outOfOrderTx: 39,
  outOfOrderRx: 40,
  syn: 41,
  synAck: 42,
  fin: 43,
  retransSyn: 44,
  retransSynAck: 45,
  request: 46,
  response: 47,
  clientError: 48,
  serverError: 49,
  timeout: 50,
} as const

/** Delays stand between what all packets count and what few do. */
const delaysFrom: number = Meter.srt
const delaysTo: number = Meter.retransTx
/** Numbers of a meter. */
export const meterLength = 51

export const makeMeter = (): FlowMeter => new Float64Array(meterLength)

/** Zeros the meter that begins at `at`. */
export const clearMeter = (meter: FlowMeter, at: number): void => {
  for (let i = at; i < at + meterLength; i++) meter[i] = 0
}

export const copyMeter = (to: FlowMeter, toAt: number, from: FlowMeter, fromAt: number): void => {
  for (let i = 0; i < meterLength; i++) to[toAt + i] = from[fromAt + i]!
}

/**
 * Adds one meter to another; each begins at its place in its array. Of what is counted in a second most is zero: memory of the sum is
 * touched only for the rest.
 */
export const addMeter = (to: FlowMeter, toAt: number, from: FlowMeter, fromAt: number): void => {
  for (let i = 0; i < delaysFrom; i++) to[toAt + i]! += from[fromAt + i]!
  for (let i = delaysFrom; i < delaysTo; i += 3) {
    const count = from[fromAt + i + 1]!
    if (count === 0) continue
    to[toAt + i]! += from[fromAt + i]!
    to[toAt + i + 1]! += count
    const longest = from[fromAt + i + 2]!
    if (longest > to[toAt + i + 2]!) to[toAt + i + 2] = longest
  }
  for (let i = delaysTo; i < meterLength; i++) {
    const value = from[fromAt + i]!
    if (value !== 0) to[toAt + i]! += value
  }
}

/** `delay` is one of `Meter.srt` to `Meter.rrt`. */
export const addDelay = (meter: FlowMeter, at: number, delay: number, us: number): void => {
  meter[at + delay]! += us
  meter[at + delay + 1]!++
  const longest = at + delay + 2
  if (us > meter[longest]!) meter[longest] = us
}

export const delayOf = (meter: FlowMeter, delay: number) => ({
  count: meter[delay + 1]!,
  sum_us: meter[delay]!,
  max_us: meter[delay + 2]!,
})

/** Each index for the same flow with client and server exchanged. */
const mirrored = Array.from({ length: meterLength }, (_, index) => index)
const exchange = (a: number, b: number, width: number): void => {
  for (let i = 0; i < width; i++) {
    mirrored[a + i] = b + i
    mirrored[b + i] = a + i
  }
}
for (const tx of [
  Meter.packetTx,
  Meter.byteTx,
  Meter.l3ByteTx,
  Meter.l4ByteTx,
  Meter.retransTx,
  Meter.zeroWindowTx,
  Meter.outOfOrderTx,
])
  exchange(tx, tx + 1, 1)
for (const [a, b] of [
  [Meter.rttClient, Meter.rttServer],
  [Meter.srt, Meter.srtClient],
  [Meter.art, Meter.artClient],
] as const) {
  exchange(a, b, 3)
}
// When the client asked again is not known of who was taken for the server.
const unknownMirrored = [Meter.cit, Meter.cit + 1, Meter.cit + 2]

/** Makes `to` the same as `from[at...]` of the flow with client and server exchanged; returns it. */
export const mirrorMeter = (to: FlowMeter, from: FlowMeter, at: number): FlowMeter => {
  for (let i = 0; i < meterLength; i++) to[i] = from[at + mirrored[i]!]!
  for (const index of unknownMirrored) to[index] = 0
  return to
}

/** Columns that both the flow log and the metrics of the network have, and what of a meter goes there. */
const shared = {
  packet_tx: Meter.packetTx,
  packet_rx: Meter.packetRx,
  byte_tx: Meter.byteTx,
  byte_rx: Meter.byteRx,
  l3_byte_tx: Meter.l3ByteTx,
  l3_byte_rx: Meter.l3ByteRx,
  l4_byte_tx: Meter.l4ByteTx,
  l4_byte_rx: Meter.l4ByteRx,
  l7_request: Meter.request,
  l7_response: Meter.response,
  l7_client_error: Meter.clientError,
  l7_server_error: Meter.serverError,
  retrans_tx: Meter.retransTx,
  retrans_rx: Meter.retransRx,
  zero_win_tx: Meter.zeroWindowTx,
  zero_win_rx: Meter.zeroWindowRx,
  ooo_tx: Meter.outOfOrderTx,
  ooo_rx: Meter.outOfOrderRx,
  syn_count: Meter.syn,
  synack_count: Meter.synAck,
  retrans_syn: Meter.retransSyn,
  retrans_synack: Meter.retransSynAck,
  srt_sum: Meter.srt,
  srt_count: Meter.srt + 1,
  srt_max: Meter.srt + 2,
  art_sum: Meter.art,
  art_count: Meter.art + 1,
  art_max: Meter.art + 2,
  rrt_sum: Meter.rrt,
  rrt_count: Meter.rrt + 1,
  rrt_max: Meter.rrt + 2,
  cit_sum: Meter.cit,
  cit_count: Meter.cit + 1,
  cit_max: Meter.cit + 2,
} satisfies Partial<Record<keyof RowColumns<"l4"> & keyof RowColumns<"network">, number>>

export const l4MeterColumns = {
  ...shared,
  l7_server_timeout: Meter.timeout,
  fin_count: Meter.fin,
  rtt: Meter.rtt + 2,
  rtt_client: Meter.rttClient + 2,
  rtt_server: Meter.rttServer + 2,
} satisfies Partial<Record<keyof RowColumns<"l4">, number>>

export const networkMeterColumns = {
  ...shared,
  l7_timeout: Meter.timeout,
  rtt_sum: Meter.rtt,
  rtt_count: Meter.rtt + 1,
  rtt_max: Meter.rtt + 2,
  rtt_client_sum: Meter.rttClient,
  rtt_client_count: Meter.rttClient + 1,
  rtt_client_max: Meter.rttClient + 2,
  rtt_server_sum: Meter.rttServer,
  rtt_server_count: Meter.rttServer + 1,
  rtt_server_max: Meter.rttServer + 2,
} satisfies Partial<Record<keyof RowColumns<"network">, number>>
