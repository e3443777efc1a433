// What is counted of a flow over some interval: traffic, TCP's troubles, delays, requests. tx is from client to server, rx back;
// delays are microseconds. A meter is a plain array of whole numbers by the indexes in `Meter`: made by one copy, added in one loop.

import type { RowColumns } from "../../model/ColumnBatch.ts"

export type FlowMeter = Array<number>

/** Of a delay this is the place of its sum; its count follows, its longest stands behind all sums. */
export const Meter = {
  packetTx: 0,
  packetRx: 1,
  byteTx: 2,
  byteRx: 3,
  l3ByteTx: 4,
  l3ByteRx: 5,
  l4ByteTx: 6,
  l4ByteRx: 7,
  request: 8,
  response: 9,
  clientError: 10,
  serverError: 11,
  timeout: 12,
  retransTx: 13,
  retransRx: 14,
  zeroWindowTx: 15,
  zeroWindowRx: 16,
  outOfOrderTx: 17,
  outOfOrderRx: 18,
  syn: 19,
  synAck: 20,
  fin: 21,
  retransSyn: 22,
  retransSynAck: 23,
  /** First SYN to the acknowledgement of its SYN-ACK; of ICMP, request to reply. */
  rtt: 24,
  /** SYN-ACK to the client's acknowledgement: the network between here and the client. */
  rttClient: 26,
  /** SYN to SYN-ACK: the network between here and the server. */
  rttServer: 28,
  /** Until the server's system acknowledges, until its program answers; then the same of the client. */
  srt: 30,
  art: 32,
  srtClient: 34,
  artClient: 36,
  /** Until the client asks again. */
  cit: 38,
  /** Response time of requests. */
  rrt: 40,
} as const

const sums = 42
const delays = 9
const values = sums + delays
/** Always zero. */
const nothing = values

/** Begins with a fraction: the engine then keeps this array and its copies as plain doubles, without boxes or change of form. */
const zeros: FlowMeter = new Array<number>(values + 1).fill(0.5).map((half) => half - 0.5)

export const makeMeter = (): FlowMeter => zeros.slice()

export const clearMeter = (meter: FlowMeter): void => {
  for (let i = 0; i < values; i++) meter[i] = 0
}

export const addMeter = (to: FlowMeter, from: FlowMeter): void => {
  for (let i = 0; i < sums; i++) to[i]! += from[i]!
  for (let i = sums; i < values; i++) if (from[i]! > to[i]!) to[i] = from[i]!
}

/** Index of a delay's longest. */
const longestOf = (delay: number): number => sums + ((delay - Meter.rtt) >> 1)

/** `delay` is one of `Meter.rtt` and following. */
export const addDelay = (meter: FlowMeter, delay: number, us: number): void => {
  meter[delay]! += us
  meter[delay + 1]!++
  const longest = longestOf(delay)
  if (us > meter[longest]!) meter[longest] = us
}

export const delayOf = (meter: FlowMeter, delay: number) => ({
  count: meter[delay + 1]!,
  sum_us: meter[delay]!,
  max_us: meter[longestOf(delay)]!,
})

/** Each index for the same flow with client and server exchanged. */
const mirrored = Array.from({ length: values }, (_, index) => index)
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
  exchange(a, b, 2)
  exchange(longestOf(a), longestOf(b), 1)
}
// When the client asked again is not known of who was taken for the server.
for (const index of [Meter.cit, Meter.cit + 1, longestOf(Meter.cit)]) mirrored[index] = nothing

/** The same of the flow with client and server exchanged. */
export const mirroredMeter = (meter: FlowMeter): FlowMeter => {
  const made = makeMeter()
  for (let i = 0; i < values; i++) made[i] = meter[mirrored[i]!]!
  return made
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
  srt_max: longestOf(Meter.srt),
  art_sum: Meter.art,
  art_count: Meter.art + 1,
  art_max: longestOf(Meter.art),
  rrt_sum: Meter.rrt,
  rrt_count: Meter.rrt + 1,
  rrt_max: longestOf(Meter.rrt),
  cit_sum: Meter.cit,
  cit_count: Meter.cit + 1,
  cit_max: longestOf(Meter.cit),
} satisfies Partial<Record<keyof RowColumns<"l4"> & keyof RowColumns<"network">, number>>

export const l4MeterColumns = {
  ...shared,
  l7_server_timeout: Meter.timeout,
  fin_count: Meter.fin,
  rtt: longestOf(Meter.rtt),
  rtt_client: longestOf(Meter.rttClient),
  rtt_server: longestOf(Meter.rttServer),
} satisfies Partial<Record<keyof RowColumns<"l4">, number>>

export const networkMeterColumns = {
  ...shared,
  l7_timeout: Meter.timeout,
  rtt_sum: Meter.rtt,
  rtt_count: Meter.rtt + 1,
  rtt_max: longestOf(Meter.rtt),
  rtt_client_sum: Meter.rttClient,
  rtt_client_count: Meter.rttClient + 1,
  rtt_client_max: longestOf(Meter.rttClient),
  rtt_server_sum: Meter.rttServer,
  rtt_server_count: Meter.rttServer + 1,
  rtt_server_max: longestOf(Meter.rttServer),
} satisfies Partial<Record<keyof RowColumns<"network">, number>>
