import { expect, it } from "vitest"
import { CloseType } from "../../model/closeType.ts"
import { closeTypeOf } from "./tcpEnd.ts"

const [established, synSent, finWait2, closeWait, lastAck] = [1, 2, 5, 8, 9]
const [brokenPipe, connectionReset, timedOut, refused] = [32, 104, 110, 111]

it.each([
  ["a refused connection", synSent, refused, true, 0, CloseType.serverReset],
  ["one that nobody answers", synSent, timedOut, true, 6, CloseType.clientSynRepeat],
  ["one that the program gave up, unanswered", synSent, 0, true, 2, CloseType.clientSynRepeat],
  ["one that the program gave up at once", synSent, 0, true, 0, CloseType.unknown],
  ["closed here first", finWait2, 0, true, 0, CloseType.finish],
  ["closed there first", lastAck, 0, false, 0, CloseType.finish],
  ["reset by the server", established, connectionReset, true, 0, CloseType.tcpServerRst],
  ["reset by the client, seen by the server", established, connectionReset, false, 0, CloseType.tcpClientRst],
  ["reset by the client itself", established, 0, true, 0, CloseType.tcpClientRst],
  ["reset by the server itself, after the client closed", closeWait, 0, false, 0, CloseType.tcpServerRst],
  ["reset by the peer that had closed", closeWait, brokenPipe, true, 0, CloseType.tcpServerRst],
  [
    "reset by the client after the server closed",
    finWait2,
    connectionReset,
    false,
    0,
    CloseType.tcpFinClientRst,
  ],
  [
    "reset, and it is not known who the client is",
    established,
    connectionReset,
    undefined,
    0,
    CloseType.unknown,
  ],
  ["silence", established, timedOut, true, 9, CloseType.timeout],
] as const)("%s", (_what, left, error, isClient, retransmitted, closeType) => {
  expect(closeTypeOf({ left: left!, error: error!, isClient, retransmitted })).toBe(closeType)
})
