// Where a TCP connection stands, by the flags of its packets: two tables, one for each direction, of the next state by state and
// flags. States are named by what they mean when nothing follows, so that each tells its own close type.

import { CloseType } from "../../../model/closeType.ts"
import { TcpFlag } from "../../capture/packet/Packet.ts"

export const TcpState = {
  raw: 0,
  /** SYN seen. */
  opening1: 1,
  /** SYN-ACK seen. */
  opening2: 2,
  /** The client acknowledged the SYN-ACK; the server has not shown that it knows. */
  acked: 3,
  established: 4,
  /** The server sends its SYN-ACK again although it was acknowledged. */
  queueLack: 5,
  /** The server answered the SYN with an acknowledgement of something else. */
  portReuse: 6,
  /** FIN of the client, of the server, of both, and the acknowledgement of the last. */
  clientFin: 7,
  serverFin: 8,
  bothFin: 9,
  closed: 10,
  serverReset: 11,
  clientEstablishReset: 12,
  serverEstablishReset: 13,
  clientRst: 14,
  serverRst: 15,
  finClientRst: 16,
  /** Began with flags that no connection begins with. */
  exception: 17,
} as const
export type TcpState = (typeof TcpState)[keyof typeof TcpState]

const states = Object.keys(TcpState).length
const flagSets = 64

/** What of the flags matters. */
type Signal = "syn" | "synAck" | "fin" | "rst" | "ack" | "odd"

const signalOf = (flags: number): Signal => {
  const has = (flag: number): boolean => (flags & flag) !== 0
  if (has(TcpFlag.rst)) return has(TcpFlag.syn | TcpFlag.fin) ? "odd" : "rst"
  if (has(TcpFlag.syn)) return has(TcpFlag.fin) ? "odd" : has(TcpFlag.ack) ? "synAck" : "syn"
  if (has(TcpFlag.fin)) return "fin"
  return has(TcpFlag.ack) ? "ack" : "odd"
}

type Rules = Readonly<Partial<Record<keyof typeof TcpState, Readonly<Partial<Record<Signal, TcpState>>>>>>

const S = TcpState

/** What is not named leaves the state as it is. */
const fromClient: Rules = {
  raw: {
    syn: S.opening1,
    synAck: S.opening1,
    fin: S.clientFin,
    rst: S.clientRst,
    ack: S.established,
    odd: S.exception,
  },
  opening1: { fin: S.clientFin, rst: S.clientEstablishReset, ack: S.established },
  opening2: { fin: S.clientFin, rst: S.clientEstablishReset, ack: S.acked },
  acked: { fin: S.clientFin, rst: S.clientRst },
  established: { fin: S.clientFin, rst: S.clientRst },
  queueLack: { fin: S.clientFin },
  portReuse: { fin: S.clientFin, ack: S.established },
  clientFin: { rst: S.finClientRst },
  serverFin: { fin: S.bothFin, rst: S.finClientRst },
  bothFin: { ack: S.closed },
  exception: { syn: S.opening1, fin: S.clientFin, rst: S.clientRst, ack: S.established },
}

/** An acknowledgement of something else than the SYN is not asked here: see `nextState`. */
const fromServer: Rules = {
  raw: {
    syn: S.opening2,
    synAck: S.opening2,
    fin: S.serverFin,
    rst: S.serverRst,
    ack: S.established,
    odd: S.exception,
  },
  opening1: { synAck: S.opening2, fin: S.serverFin, rst: S.serverReset, ack: S.established },
  opening2: { fin: S.serverFin, rst: S.serverEstablishReset, ack: S.established },
  acked: { synAck: S.queueLack, fin: S.serverFin, rst: S.serverRst, ack: S.established },
  established: { fin: S.serverFin, rst: S.serverRst },
  queueLack: { fin: S.serverFin, ack: S.established },
  portReuse: { synAck: S.opening2, fin: S.serverFin, rst: S.serverReset },
  clientFin: { fin: S.bothFin, rst: S.serverRst },
  serverFin: { rst: S.serverRst },
  bothFin: { ack: S.closed },
  exception: { synAck: S.opening2, fin: S.serverFin, rst: S.serverRst, ack: S.established },
}

const tableOf = (rules: Rules): Uint8Array => {
  const table = new Uint8Array(states * flagSets)
  for (const [name, state] of Object.entries(TcpState) as Array<[keyof typeof TcpState, TcpState]>) {
    for (let flags = 0; flags < flagSets; flags++)
      table[state * flagSets + flags] = rules[name]?.[signalOf(flags)] ?? state
  }
  return table
}

const clientTable = tableOf(fromClient)
const serverTable = tableOf(fromServer)

/**
 * The state after a packet with these flags. `isOtherAck`: it acknowledges something else than the SYN, which says that the server
 * still has an older connection of the same ports.
 */
export const nextState = (
  state: TcpState,
  isToServer: boolean,
  flags: number,
  isOtherAck: boolean,
): TcpState => {
  const next = (isToServer ? clientTable : serverTable)[state * flagSets + (flags & 63)] as TcpState
  const isStale = isOtherAck && !isToServer && state === TcpState.opening1 && next === TcpState.established
  return isStale ? TcpState.portReuse : next
}

const closeTypes: Readonly<Partial<Record<TcpState, CloseType>>> = {
  [TcpState.opening1]: CloseType.clientSynRepeat,
  [TcpState.opening2]: CloseType.serverSynAckRepeat,
  [TcpState.queueLack]: CloseType.serverQueueLack,
  [TcpState.portReuse]: CloseType.clientSourcePortReuse,
  [TcpState.clientFin]: CloseType.clientHalfClose,
  [TcpState.serverFin]: CloseType.serverHalfClose,
  [TcpState.bothFin]: CloseType.finish,
  [TcpState.closed]: CloseType.finish,
  [TcpState.serverReset]: CloseType.serverReset,
  [TcpState.clientEstablishReset]: CloseType.clientEstablishReset,
  [TcpState.serverEstablishReset]: CloseType.serverEstablishReset,
  [TcpState.clientRst]: CloseType.tcpClientRst,
  [TcpState.serverRst]: CloseType.tcpServerRst,
  [TcpState.finClientRst]: CloseType.tcpFinClientRst,
}

/** What a connection that ends in this state ended of; undefined: the state does not say. */
export const closeTypeOfState = (state: TcpState): CloseType | undefined => closeTypes[state]

/** Seconds without a packet after which a flow is over. */
const idle = {
  openingRst: 1,
  closedFin: 2,
  closingRst: 35,
  brief: 5,
  datagrams: 60,
  established: 300,
} as const

/** Lists of flows by how long they may be idle, those least worth keeping first. */
export const IdleList = {
  openingRst: 0,
  closedFin: 1,
  closingRst: 2,
  /** Opening, half closed, or heard in one direction only. */
  brief: 3,
  datagrams: 4,
  established: 5,
} as const
export type IdleList = (typeof IdleList)[keyof typeof IdleList]

export const idleUs: ReadonlyArray<number> = (Object.keys(IdleList) as Array<keyof typeof IdleList>).map(
  (name) => idle[name] * 1_000_000,
)

const lists = new Uint8Array(states).fill(IdleList.brief)
for (const state of [TcpState.acked, TcpState.established]) lists[state] = IdleList.established
for (const state of [TcpState.bothFin, TcpState.closed]) lists[state] = IdleList.closedFin
for (const state of [TcpState.clientRst, TcpState.serverRst, TcpState.finClientRst])
  lists[state] = IdleList.closingRst
for (const state of [TcpState.serverReset, TcpState.clientEstablishReset, TcpState.serverEstablishReset])
  lists[state] = IdleList.openingRst

export const listOfState = (state: TcpState): IdleList => lists[state] as IdleList
