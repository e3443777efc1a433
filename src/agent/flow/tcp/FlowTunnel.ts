// The outermost tunnel around the packets of one direction of a flow, as its first packet had it.

import { ipAt, macAt } from "../../capture/packet/addresses.ts"
import type { Packet } from "../../capture/packet/Packet.ts"

export interface FlowTunnel {
  readonly type: number
  /** Tunnels within each other. */
  readonly tier: number
  readonly id: number
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d. */
  readonly source: Uint8Array
  readonly target: Uint8Array
  /** 48 bits; 0: none. */
  readonly sourceMac: number
  readonly targetMac: number
}

export const tunnelOf = (packet: Packet): FlowTunnel | null => {
  const { bytes, outerIpVersion, tunnelTier } = packet
  if (tunnelTier === 0 || outerIpVersion === 0) return null
  return {
    type: packet.tunnelType,
    tier: tunnelTier,
    id: packet.tunnelId,
    source: ipAt(bytes, packet.outerSourceAt, outerIpVersion),
    target: ipAt(bytes, packet.outerTargetAt, outerIpVersion),
    sourceMac: macAt(bytes, packet.outerMacSourceAt),
    targetMac: macAt(bytes, packet.outerMacTargetAt),
  }
}
