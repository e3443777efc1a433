import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { CloseType, closeTypeName } from "../../../model/closeType.ts"
import { TcpFlag } from "../../capture/packet/Packet.ts"
import { tcpFrame } from "../../capture/packet/packets.testing.ts"
import { flowRecord } from "./flowRecord.ts"
import { clientIsn, Play, serverIsn } from "./streams.testing.ts"
import { idleUs, nextState, TcpState } from "./TcpState.ts"

const { ack: ACK, fin: FIN, psh: PSH, rst: RST, syn: SYN } = TcpFlag
const second = 1_000_000

const syn = (play: Play): void => play.client(-1, "", { flags: SYN, ack: 0 })
const synAck = (play: Play): void => play.server(-1, "", { flags: SYN | ACK })
const request = (play: Play): void => play.client(0, "abc", { flags: PSH | ACK })
const answer = (play: Play): void => play.server(0, "def", { flags: PSH | ACK, ack: clientIsn + 4 })
const clientFin = (play: Play): void => play.client(3, "", { flags: FIN | ACK, ack: serverIsn + 4 })
const serverFin = (play: Play): void => play.server(3, "", { flags: FIN | ACK, ack: clientIsn + 4 })
const clientRst = (at: number) => (play: Play) => play.client(at, "", { flags: RST })
const serverRst = (at: number) => (play: Play) => play.server(at, "", { flags: RST | ACK })
const connect = (play: Play): void => play.handshake()

/** What happens, what the flow ended of when nothing more comes, and after how long. */
const endings: ReadonlyArray<readonly [CloseType, number, ReadonlyArray<(play: Play) => void>]> = [
  [CloseType.clientSynRepeat, 5, [syn, syn]],
  [CloseType.serverSynAckRepeat, 5, [syn, synAck, synAck]],
  [CloseType.serverReset, 1, [syn, serverRst(-1)]],
  [CloseType.clientEstablishReset, 1, [syn, synAck, clientRst(0)]],
  [CloseType.serverEstablishReset, 1, [syn, synAck, serverRst(0)]],
  [CloseType.serverQueueLack, 5, [connect, request, synAck, request]],
  [CloseType.timeout, 300, [connect, request, answer]],
  [CloseType.timeout, 300, [connect, request, synAck, answer]],
  [CloseType.tcpClientRst, 35, [connect, request, answer, clientRst(3)]],
  [CloseType.tcpServerRst, 35, [connect, request, answer, serverRst(3)]],
  [CloseType.clientHalfClose, 5, [connect, request, answer, clientFin]],
  [CloseType.serverHalfClose, 5, [connect, request, answer, serverFin]],
  [CloseType.finish, 2, [connect, request, answer, clientFin, serverFin]],
  [CloseType.tcpFinClientRst, 35, [connect, request, answer, serverFin, clientRst(3)]],
]

describe("TcpState", () => {
  it.each(endings.map(([type, seconds, steps], at) => [closeTypeName(type), seconds, steps, at] as const))(
    "%s, after %i s",
    (name, seconds, steps) => {
      const play = new Play()
      for (const step of steps) step(play)
      play.flows.expire(play.timeUs + seconds * second - 1)
      expect(play.ended).toHaveLength(0)
      play.flows.expire(play.timeUs + seconds * second)
      expect(play.ended.map((flow) => flowRecord(flow).close_type)).toEqual([name])
    },
  )

  it("knows a state, and a time to keep it, for whatever flags come", () => {
    const states = Object.values(TcpState)
    for (const state of states)
      for (let flags = 0; flags < 256; flags++)
        for (const isToServer of [true, false])
          for (const isOtherAck of [true, false])
            expect(states).toContain(nextState(state, isToServer, flags, isOtherAck))
    expect(idleUs).toEqual([1, 2, 35, 5, 60, 300].map((seconds) => seconds * second))
  })

  it("ends what was begun, whatever comes in whatever order, and counts no packet twice or never", () => {
    const packet = fc.record({
      isClient: fc.boolean(),
      at: fc.integer({ min: -3, max: 12 }),
      flags: fc.integer({ min: 0, max: 255 }),
      length: fc.integer({ min: 0, max: 6 }),
      afterUs: fc.integer({ min: 0, max: 3 * second }),
      cut: fc.integer({ min: 0, max: 60 }),
    })
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 60 }), (packets) => {
        const play = new Play()
        let taken = 0
        for (const { afterUs, at, cut, flags, isClient, length } of packets) {
          play.timeUs += afterUs
          const ends = isClient
            ? { seq: clientIsn + 1 + at, ack: serverIsn + 1 }
            : {
                from: "10.0.0.2",
                to: "10.0.0.1",
                fromPort: 80,
                toPort: 40_000,
                seq: serverIsn + 1 + at,
                ack: clientIsn + 1,
              }
          const frame = tcpFrame({ ...ends, flags, payload: new Uint8Array(length) })
          const end = Math.max(0, frame.length - cut)
          if (play.flows.add(frame, 0, end, frame.length, 1, play.timeUs) === 0) taken++
        }
        play.end()
        const counted = play.ended.map((flow) => {
          const record = flowRecord(flow)
          return record.packet_tx! + record.packet_rx! + record.duplicates
        })
        // A packet that shows that another connection has begun is the last of the one and the first of the other.
        const sum = counted.reduce((all, one) => all + one, 0)
        expect(sum).toBeGreaterThanOrEqual(taken)
        expect(sum).toBeLessThanOrEqual(taken + play.flows.counters.reused)
        expect(play.flows.size).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})
