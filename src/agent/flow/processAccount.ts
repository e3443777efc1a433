// Accounts of flows that are seen at a process' system calls. Of packets nothing is known there: bytes are those that the program
// moved.

import { ObservationPoint, SignalSource } from "../../model/observation.ts"
import { DirectionScore, Side } from "./Connection.ts"
import type { Endpoint } from "./Endpoint.ts"
import { FlowAccount } from "./FlowAccount.ts"
import type { FlowLog } from "./FlowLog.ts"
import { Meter } from "./FlowMeter.ts"

const newAccount = (transport: number, directionScore: number, startUs: number): FlowAccount =>
  new FlowAccount(transport, SignalSource.ebpf, directionScore, startUs)

/**
 * `local` is the process' own end, `client` (`a` is the local side) what the kernel saw of the connect. `take`: where accounts come
 * from (AccountPool.ts).
 */
export const processAccount = (
  transport: number,
  local: Endpoint,
  remote: Endpoint,
  client: Side,
  startUs: number,
  take = newAccount,
): FlowAccount => {
  const score = client === Side.unknown ? DirectionScore.guess : DirectionScore.kernel
  const account = take(transport, score, startUs)
  account.client = local
  account.server = remote
  account.point = ObservationPoint.clientProcess
  account.isReversed = client === Side.b
  return account
}

export const countMoved = (
  flowLog: FlowLog,
  account: FlowAccount,
  sender: Side,
  bytes: number,
  timeUs: number,
): void => {
  const { secondAt, values } = account
  values[secondAt + (sender === Side.a ? Meter.byteTx : Meter.byteRx)]! += bytes
  values[secondAt + (sender === Side.a ? Meter.l4ByteTx : Meter.l4ByteRx)]! += bytes
  if (timeUs > account.lastUs) account.lastUs = timeUs
  flowLog.touch(account)
}
