// What the code of a Close frame says of who failed (RFC 6455 section 7.4.1).

import { ResponseStatus } from "../../../model/L7Session.ts"
import { Direction } from "../Protocol.ts"

/** Protocol error, unacceptable data, inconsistent data, policy violation, too big, missing extension: the peer's fault. */
const blamesPeer = new Set([1002, 1003, 1007, 1008, 1009, 1010])
/** Internal error, restart, overload, bad gateway: the sender's own. */
const blamesSelf = new Set([1011, 1012, 1013, 1014])

/** Normal closure and going away are fine; what codes from 3000 on mean, only the application knows. */
export const closeStatus = (code: number, sender: Direction): ResponseStatus => {
  if (code === 1000 || code === 1001) return ResponseStatus.ok
  const isOfServer = sender === Direction.toClient
  if (blamesPeer.has(code)) return isOfServer ? ResponseStatus.clientError : ResponseStatus.serverError
  if (blamesSelf.has(code)) return isOfServer ? ResponseStatus.serverError : ResponseStatus.clientError
  return ResponseStatus.unknown
}
