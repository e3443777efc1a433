// Packets as a source, for hosts whose kernel or privileges do not allow system calls to be watched: AF_PACKET, reassembled
// into the connections of the pipeline. Sees requests and both addresses; a process only where /proc tells who listens.

import { networkInterfaces } from "node:os"
import type { Feature } from "../../model/AgentStatus.ts"
import { packetFilter } from "./cbpf.ts"
import type { Endpoint } from "../flow/Endpoint.ts"
import { ipText } from "../../model/ipText.ts"
import { Parsed, parsedNames } from "./packet/Packet.ts"
import { LinkType } from "./pcap/linkTypes.ts"
import type { TunnelSettings } from "./packet/Tunnels.ts"
import type { CaptureOptions } from "./messages.ts"
import { PacketFlows } from "../flow/tcp/PacketFlows.ts"
import { type Addon, loadAddon, type PacketRing } from "./native/Addon.ts"
import { packetReason } from "./native/privileges.ts"
import { packetStreams } from "./packetStreams.ts"
import type { Opened, Source, SourceContext } from "./Source.ts"

const blocks = 32
const blockBytes = 1_048_576
const retireMs = 10
const bufferBytes = 1_048_576
const maxPieces = 8
/** Header of a record in a drained buffer, see native/packet_ring.c. */
const recordHeader = 32
/** ARPHRD_* numbers of interfaces (include/uapi/linux/if_arp.h) to link types of capture files; others are not read. */
const linkTypes: Readonly<Record<number, number>> = {
  1: LinkType.ethernet,
  772: LinkType.ethernet,
  // IP alone: tun, and the kernel's tunnels (IPIP, IPv6, 6in4, GRE over IPv4 and IPv6).
  65534: LinkType.raw,
  768: LinkType.raw,
  769: LinkType.raw,
  776: LinkType.raw,
  778: LinkType.raw,
  823: LinkType.raw,
}
/** PACKET_OUTGOING */
const packetOutgoing = 4

const hook = "AF_PACKET TPACKET_V3"

/** Opens and closes a packet socket. */
export const probePackets = (addon: Addon): Feature => {
  try {
    addon.closePackets(addon.openPackets("", packetFilter({ rejectPorts: [] }), 1, 65_536, retireMs))
    return { name: "packets", on: true, hook, missing: "", next: "" }
  } catch (cause) {
    return { name: "packets", on: false, hook: "", ...packetReason(cause as Error) }
  }
}

/** Addresses of this host, in text, and hardware addresses as numbers. */
const localAddresses = () => {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return {
    ips: new Set(all.map(({ address }) => address)),
    macs: new Set(all.map(({ mac }) => Number.parseInt(mac.replaceAll(":", ""), 16))),
  }
}

const isLoopback = (ip: Uint8Array): boolean => ip[10] === 0xff && ip[12] === 127

const tunnelsOf = ({ genevePorts, tunnels, vxlanPorts }: CaptureOptions["agent"]): TunnelSettings => ({
  names: tunnels,
  vxlanPorts,
  genevePorts,
})

const drainPackets = (bytes: Uint8Array, view: DataView, length: number, flows: PacketFlows): void => {
  let at = 0
  while (at + recordHeader <= length) {
    const captured = view.getUint32(at, true)
    const start = at + recordHeader
    const linkType = linkTypes[view.getUint16(at + 24, true)]
    const isOutgoing = view.getUint16(at + 12, true) === packetOutgoing
    if (linkType !== undefined) {
      const timeUs =
        view.getUint32(at + 16, true) * 1_000_000 + Math.floor(view.getUint32(at + 20, true) / 1_000)
      flows.queue(
        bytes,
        start,
        start + captured,
        view.getUint32(at + 4, true),
        linkType,
        timeUs,
        view.getUint32(at + 8, true),
        isOutgoing,
        view.getUint16(at + 14, true),
      )
    }
    at = start + ((captured + 7) & ~7)
  }
  flows.run()
}

export const openPacketSource = async (
  context: SourceContext,
  betterRefused: ReadonlyArray<Feature>,
): Promise<Opened> => {
  const addon = loadAddon()
  if ("missing" in addon) {
    return { refused: [{ name: "packets", on: false, hook: "", missing: addon.missing, next: addon.next }] }
  }
  let ring: PacketRing
  try {
    // Sonde's own traffic stays in the kernel; configured ports may change and are left out by `isExcluded`.
    const { agent, excludePorts } = context.options
    const rejectPorts = excludePorts.filter((port) => !agent.excludePorts.includes(port))
    ring = addon.openPackets(agent.interface, packetFilter({ rejectPorts }), blocks, blockBytes, retireMs)
  } catch (cause) {
    return { refused: [{ name: "packets", on: false, hook: "", ...packetReason(cause as Error) }] }
  }
  let locals = localAddresses()
  const isLocal = (ip: Uint8Array): boolean => isLoopback(ip) || locals.ips.has(ipText(ip))
  const describe = (end: Endpoint): void => {
    if (!isLocal(end.ip)) return
    const listener = context.processes.listener(end.port)
    if (listener === undefined) return
    end.processId = listener.info.pid
    end.processName = listener.info.comm
    end.service = listener.service
    end.containerId = listener.info.containerId
  }
  const { connections } = context.pipeline
  const flows = new PacketFlows({
    consumer: packetStreams({
      connections,
      describe,
      isLocal,
      isLocalMac: (mac) => locals.macs.has(mac),
      isExcluded: ({ client, server }) => {
        const { ports } = context.exclusions
        return ports.has(client.port) || ports.has(server.port)
      },
    }),
    log: context.pipeline.flowLog,
    maxFlows: context.options.agent.maxConnections,
    tunnels: tunnelsOf(context.options.agent),
    seed: Math.floor(Math.random() * 2 ** 31),
  })
  const buffer = new Uint8Array(bufferBytes)
  const view = new DataView(buffer.buffer)
  const better = betterRefused.find(({ name }) => name === "socket data")
  let isOpen = true

  const source: Source = {
    tier: 2,
    by: "packets",
    limit: {
      what: "processes and encrypted traffic",
      why: `only packets are captured${better === undefined ? " (agent.capture is packets)" : `: ${better.missing}`}`,
      next: better?.next ?? "set agent.capture to auto",
    },
    features: [...betterRefused, { name: "packets", on: true, hook, missing: "", next: "" }],
    drain: () => {
      let total = 0
      for (let piece = 0; piece < maxPieces; piece++) {
        const length = addon.pollPackets(ring, buffer)
        if (length === 0) break
        drainPackets(buffer, view, length, flows)
        total += length
        if (length < bufferBytes / 2) break
      }
      return total > 0
    },
    expire: (nowUs) => {
      locals = localAddresses()
      flows.expire(nowUs)
      connections.expire(nowUs)
    },
    configure: (agent) => flows.configure(tunnelsOf(agent)),
    stats: () => {
      const { counters, fragments } = flows
      const [packets, drops] = isOpen ? addon.packetStats(ring) : [0, 0]
      const all: Record<string, number> = {
        packets_total: packets,
        packets_lost_total: drops,
        packet_flows: flows.size,
        packet_flows_evicted_total: counters.evicted,
        packets_duplicate_total: counters.duplicates,
        packets_forwarded_total: counters.forwarded,
        fragmented_packets_waiting: fragments.size,
        fragmented_bytes_waiting: fragments.heldBytes,
        fragmented_packets_reassembled_total: fragments.counters.reassembled,
        fragmented_packets_incomplete_total: fragments.counters.incomplete,
        fragmented_packets_overlapping_total: fragments.counters.overlapping,
        fragments_lost_total: fragments.counters.lost,
        fragments_malformed_total: fragments.counters.malformed,
        fragments_duplicate_total: fragments.counters.copies,
      }
      for (const result of Object.values(Parsed)) {
        all[`packets_${parsedNames[result]}_total`] = flows.parsed[result]!
      }
      return all
    },
    close: async () => {
      isOpen = false
      addon.closePackets(ring)
    },
  }
  return { source }
}
