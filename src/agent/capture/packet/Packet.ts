// The headers of one packet as numbers and offsets into its bytes. One object is reused for all packets: parsing
// allocates nothing. Of a packet within a tunnel the inner headers stand here, and of the tunnel what tells it.

/** What became of a packet; also the index of its counter. */
export const Parsed = {
  tcp: 0,
  udp: 1,
  /** IP with another transport (ESP, other messages of ICMP, ...): addresses are set, ports are 0. */
  otherTransport: 2,
  /** ARP and whatever else is not IP. */
  notIp: 3,
  /** A fragment other than the first: by itself it has no ports. */
  laterFragment: 4,
  /** Lengths in the headers contradict each other. */
  malformed: 5,
  /** The capture ends within the headers. */
  cutHeaders: 6,
  /** Echo request or reply of ICMP or ICMPv6: both ports are the identifier, the payload is the whole ICMP message. */
  icmpEcho: 7,
} as const
export type Parsed = (typeof Parsed)[keyof typeof Parsed]

export const parsedNames: ReadonlyArray<string> = [
  "tcp",
  "udp",
  "other_transport",
  "not_ip",
  "later_fragment",
  "malformed",
  "cut_headers",
  "icmp_echo",
]

export const TcpFlag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const

export const IpProtocol = { icmp: 1, tcp: 6, udp: 17, icmpV6: 58 } as const

/** Tunnels around a packet, by the numbers of DeepFlow's flow log. */
export const TunnelType = {
  none: 0,
  vxlan: 1,
  /** IPv4 or IPv6 within either (IPIP, 6in4, 4in6, 6in6). */
  ipip: 2,
  /** IP within GRE. */
  gre: 3,
  geneve: 4,
  /** VXLAN-GPE with a network service header. */
  vxlanNsh: 5,
  erspan: 6,
  /** Ethernet within GRE. */
  teb: 7,
} as const
export type TunnelType = (typeof TunnelType)[keyof typeof TunnelType]

export class Packet {
  bytes: Uint8Array = new Uint8Array(0)
  timeUs = 0
  /** Bytes on the wire, link layer included. */
  wireBytes = 0
  /** Interface it was captured on: the kernel's index, or the number within a capture file; 0 where nobody tells. */
  interfaceIndex = 0
  /** Seen while it was sent, where the link layer tells (Linux cooked). */
  isOutgoing = false
  /** Outermost VLAN; 0: none. */
  vlan = 0
  /** Offsets of the hardware addresses of the innermost Ethernet frame, 6 bytes each; -1: none. */
  macSourceAt = -1
  macTargetAt = -1
  /** Of the outermost tunnel. */
  tunnelType: TunnelType = TunnelType.none
  /** Tunnels within each other; 0: none. */
  tunnelTier = 0
  /** Network (VXLAN, Geneve), key (GRE) or session (ERSPAN) of the outermost tunnel; 0: it has none. */
  tunnelId = 0
  /** Outermost IP header of a tunnel: 4 or 6, and offsets of its addresses; 0 and -1: no tunnel. */
  outerIpVersion = 0
  outerSourceAt = -1
  outerTargetAt = -1
  /** Offsets of the hardware addresses around the outermost IP header of a tunnel; -1: no tunnel, or none there. */
  outerMacSourceAt = -1
  outerMacTargetAt = -1
  /** 4 or 6; 0: not IP. */
  ipVersion = 0
  /** Offset of the IP header. */
  ipAt = 0
  /** Offsets of the addresses: 4 or 16 bytes each. */
  sourceAt = 0
  targetAt = 0
  /** IPv4's; 0 for IPv6. */
  identification = 0
  /** IPv4's time to live, IPv6's hop limit. */
  hopLimit = 0
  /** Transport protocol of the IP header. */
  protocol = 0
  sourcePort = 0
  targetPort = 0
  /** Of TCP, else 0. Sequence numbers are signed 32-bit, to be compared by difference. */
  seq = 0
  ack = 0
  flags = 0
  window = 0
  /** Where options of TCP begin and end; the end is within the captured bytes. */
  optionsStart = 0
  optionsEnd = 0
  /** Captured payload of TCP or UDP: `bytes[payloadStart, payloadEnd)`. */
  payloadStart = 0
  payloadEnd = 0
  /** Payload that the IP header (for UDP its own) claims and the capture does not have. */
  missing = 0
  /** Packets on the wire that this one was put together from. */
  packets = 1
  /**
   * One of several fragments: a part of an IP payload that takes `fragmentBytes`, stands at `fragmentOffset` of the
   * payload of packet `fragmentId`, and was captured as `bytes[fragmentAt, fragmentEnd)`.
   */
  isFragment = false
  fragmentAt = 0
  fragmentEnd = 0
  fragmentBytes = 0
  fragmentOffset = 0
  fragmentId = 0
  hasMoreFragments = false
  /** What became of it. */
  parsed: Parsed = Parsed.notIp
  /** Key in the flow table (FlowIndex.ts): its hash, both ports in one, and whether the source is its higher end. */
  hash = 0
  /** Where its flow is likely to stand; -1: not known. */
  slot = -1
  ports = 0
  isSourceHigh = false
}
