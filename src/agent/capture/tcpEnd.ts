// How a TCP connection ended, from the state that the kernel saw it leave and the error that was left on its socket.

import { CloseType } from "../../model/closeType.ts"

/** include/net/tcp_states.h */
const established = 1
const synSent = 2
const closeWait = 8

/** include/uapi/asm-generic/errno*.h, as net/ipv4/tcp_input.c and tcp_timer.c set them. */
const brokenPipe = 32
const connectionReset = 104
const timedOut = 110
const refused = 111
const unreachable: ReadonlySet<number> = new Set([101, 113])

export interface LastState {
  /** TCP state before CLOSE. */
  readonly left: number
  /** errno; 0: none. */
  readonly error: number
  /** Whether this end connected; undefined: not known. */
  readonly isClient: boolean | undefined
  readonly retransmitted: number
}

const reset = (isByPeer: boolean, isClient: boolean | undefined): CloseType => {
  if (isClient === undefined) return CloseType.unknown
  return isByPeer === isClient ? CloseType.tcpServerRst : CloseType.tcpClientRst
}

export const closeTypeOf = ({ error, isClient, left, retransmitted }: LastState): CloseType => {
  if (left === synSent) {
    if (error === refused) return CloseType.serverReset
    // The program may have given up before the kernel did.
    return error === timedOut || unreachable.has(error) || retransmitted > 0
      ? CloseType.clientSynRepeat
      : CloseType.unknown
  }
  if (error === timedOut) return CloseType.timeout
  const isByPeer = error === connectionReset || error === brokenPipe
  if (left === established || left === closeWait) return reset(isByPeer, isClient)
  // This end had closed.
  if (!isByPeer) return CloseType.finish
  return isClient === false ? CloseType.tcpFinClientRst : CloseType.unknown
}
