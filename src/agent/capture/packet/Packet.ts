// The headers of one packet as numbers and offsets into its bytes. One object is reused for all packets:
// parsing allocates nothing. Tunnels would be parsed into the same record, from the inner headers.

/** What became of a packet; also the index of its counter. */
export const Parsed = {
  tcp: 0,
  udp: 1,
  /** IP with another transport (ESP, other messages of ICMP, ...): addresses are set, ports are 0. */
  otherTransport: 2,
  /** ARP and whatever else is not IP. */
  notIp: 3,
  /** A fragment other than the first: without ports it belongs to no flow. */
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

export class Packet {
  bytes: Uint8Array = new Uint8Array(0)
  timeUs = 0
  /** Bytes on the wire, link layer included. */
  wireBytes = 0
  /** Seen while it was sent, where the link layer tells (Linux cooked). */
  isOutgoing = false
  /** Outermost VLAN; 0: none. */
  vlan = 0
  /** 4 or 6; 0: not IP. */
  ipVersion = 0
  /** Offsets of the addresses: 4 or 16 bytes each. */
  sourceAt = 0
  targetAt = 0
  /** IPv4's; 0 for IPv6. */
  identification = 0
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
}
