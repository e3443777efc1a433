// Where on the way of a flow a packet was captured, by which of its addresses are of this host: the rule for agents on the hosts
// and in the pods where programs run. Without hardware addresses (tunnel interfaces) the others decide alone.

import { ObservationPoint } from "../../model/observation.ts"

export interface LocalEnd {
  readonly hasLocalMac: boolean
  readonly hasLocalIp: boolean
}

/** 0: not at this end, 1: on its interface, 2: on its host. */
const nearness = (end: LocalEnd, peer: LocalEnd, isTunnelled: boolean): 0 | 1 | 2 => {
  if (end.hasLocalMac && end.hasLocalIp) return isTunnelled ? 2 : 1
  if (end.hasLocalMac) return isTunnelled ? 2 : 0
  if (end.hasLocalIp) return peer.hasLocalMac ? 2 : 0
  return 0
}

/** `hasMacs`: the link has hardware addresses; `isSameMac`: and both are the same. */
export const packetPoint = (
  client: LocalEnd,
  server: LocalEnd,
  hasMacs: boolean,
  isSameMac: boolean,
  isTunnelled: boolean,
): ObservationPoint => {
  if (hasMacs && isSameMac) return ObservationPoint.local
  const byIp = (end: LocalEnd): LocalEnd => (hasMacs ? end : { ...end, hasLocalMac: end.hasLocalIp })
  const atClient = nearness(byIp(client), byIp(server), isTunnelled)
  const atServer = nearness(byIp(server), byIp(client), isTunnelled)
  if (atClient === 1 && atServer === 1) return ObservationPoint.local
  if (atClient === 1) return ObservationPoint.clientNic
  if (atServer === 1) return ObservationPoint.serverNic
  if (atClient === 2) return ObservationPoint.clientNode
  return atServer === 2 ? ObservationPoint.serverNode : ObservationPoint.rest
}
