// Link-layer types of capture files (https://www.tcpdump.org/linktypes.html): those that are read, and the
// names of others that people meet, for messages.

export const LinkType = {
  null: 0,
  ethernet: 1,
  rawBsd: 12,
  rawOpenBsd: 14,
  raw: 101,
  loop: 108,
  linuxSll: 113,
  ipv4: 228,
  ipv6: 229,
  linuxSll2: 276,
} as const

const readable: ReadonlySet<number> = new Set(Object.values(LinkType))

const others: ReadonlyMap<number, string> = new Map([
  [6, "IEEE 802.5 token ring"],
  [8, "SLIP"],
  [9, "PPP"],
  [10, "FDDI"],
  [50, "PPP in HDLC framing"],
  [51, "PPPoE"],
  [104, "Cisco HDLC"],
  [105, "IEEE 802.11 wireless"],
  [107, "frame relay"],
  [117, "OpenBSD pflog"],
  [127, "IEEE 802.11 with radiotap header"],
  [147, "private use 0"],
  [187, "Bluetooth HCI"],
  [189, "Linux USB"],
  [192, "per-packet information"],
  [195, "IEEE 802.15.4"],
  [201, "Bluetooth HCI with direction"],
  [220, "Linux USB, padded"],
  [227, "SocketCAN"],
  [239, "NFLOG"],
  [249, "USBPcap"],
  [251, "Bluetooth LE"],
  [252, "Wireshark upper PDU"],
  [253, "Linux netlink"],
])

export const isReadable = (linkType: number): boolean => readable.has(linkType)

export const linkTypeName = (linkType: number): string => {
  const name = others.get(linkType)
  return name === undefined ? `link type ${linkType}` : `link type ${linkType} (${name})`
}

export const readableNames = "Ethernet, Linux cooked v1 and v2, raw IP and null/loopback"
