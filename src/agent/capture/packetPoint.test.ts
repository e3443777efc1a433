import { describe, expect, it } from "vitest"
import { ObservationPoint } from "../../model/observation.ts"
import { type LocalEnd, packetPoint } from "./packetPoint.ts"

const here: LocalEnd = { hasLocalMac: true, hasLocalIp: true }
const macOnly: LocalEnd = { hasLocalMac: true, hasLocalIp: false }
const ipOnly: LocalEnd = { hasLocalMac: false, hasLocalIp: true }
const away: LocalEnd = { hasLocalMac: false, hasLocalIp: false }

describe("packetPoint", () => {
  it.each([
    ["a client of this host", here, away, false, ObservationPoint.clientNic],
    ["a server of this host", away, here, false, ObservationPoint.serverNic],
    ["both of this host", here, here, false, ObservationPoint.local],
    ["a client of this host, in a tunnel", here, away, true, ObservationPoint.clientNode],
    ["a pod behind this host, in a tunnel", away, macOnly, true, ObservationPoint.serverNode],
    ["this host's address behind another's card", ipOnly, macOnly, false, ObservationPoint.clientNode],
    ["this host's address, seen elsewhere", ipOnly, away, false, ObservationPoint.rest],
    ["only passing through this host", away, macOnly, false, ObservationPoint.rest],
    ["others' packets", away, away, false, ObservationPoint.rest],
  ] as const)("%s", (_, client, server, isTunnelled, point) => {
    expect(packetPoint(client, server, true, false, isTunnelled)).toBe(point)
  })

  it("takes equal hardware addresses for the host's own interface", () => {
    expect(packetPoint(here, away, true, true, false)).toBe(ObservationPoint.local)
  })

  it("goes by the addresses alone where a link has no hardware addresses", () => {
    expect(packetPoint(ipOnly, away, false, true, false)).toBe(ObservationPoint.clientNic)
    expect(packetPoint(away, ipOnly, false, true, false)).toBe(ObservationPoint.serverNic)
    expect(packetPoint(ipOnly, ipOnly, false, true, false)).toBe(ObservationPoint.local)
  })
})
