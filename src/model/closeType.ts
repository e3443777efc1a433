// How a connection ended, by DeepFlow's numbers and names, and whose fault that was.

import { IpProtocol } from "./protocol.ts"

export const CloseType = {
  unknown: 0,
  /** Both sides closed. */
  finish: 1,
  /** The server reset an open connection. */
  tcpServerRst: 2,
  /** Silence; of datagrams the usual end. */
  timeout: 3,
  /** It goes on, or its end was not seen. */
  forcedReport: 5,
  /** No SYN-ACK answered the SYN. */
  clientSynRepeat: 7,
  /** Only the server closed. */
  serverHalfClose: 8,
  /** The client reset an open connection. */
  tcpClientRst: 9,
  /** No ACK answered the SYN-ACK. */
  serverSynAckRepeat: 10,
  /** Only the client closed. */
  clientHalfClose: 11,
  /** The server answered the SYN as of an older connection of these ports. */
  clientSourcePortReuse: 13,
  /** The server refused the SYN. */
  serverReset: 15,
  /** The server sent its SYN-ACK again after the client's ACK: its queue was full. */
  serverQueueLack: 17,
  clientEstablishReset: 18,
  serverEstablishReset: 19,
  /** A side had closed, then the client reset: the hasty end of an orderly one. */
  tcpFinClientRst: 20,
} as const
export type CloseType = (typeof CloseType)[keyof typeof CloseType]

const names = Object.fromEntries(
  Object.entries(CloseType).map(([name, type]) => [type, name[0]!.toUpperCase() + name.slice(1)]),
)

/** "ClientSynRepeat" */
export const closeTypeName = (type: CloseType): string => names[type]!

const clientErrors: ReadonlySet<number> = new Set([
  CloseType.tcpClientRst,
  CloseType.serverSynAckRepeat,
  CloseType.clientHalfClose,
  CloseType.clientSourcePortReuse,
  CloseType.clientEstablishReset,
])
const serverErrors: ReadonlySet<number> = new Set([
  CloseType.tcpServerRst,
  CloseType.timeout,
  CloseType.clientSynRepeat,
  CloseType.serverHalfClose,
  CloseType.serverReset,
  CloseType.serverQueueLack,
  CloseType.serverEstablishReset,
])

/** As in the column `status`. */
export const CloseStatus = { ok: 0, serverError: 3, clientError: 4, unknown: 5 } as const

export const closeStatus = (type: CloseType, transport: number): number => {
  if (type === CloseType.unknown) return CloseStatus.unknown
  if (type === CloseType.timeout && transport !== IpProtocol.tcp) return CloseStatus.ok
  if (clientErrors.has(type)) return CloseStatus.clientError
  return serverErrors.has(type) ? CloseStatus.serverError : CloseStatus.ok
}
