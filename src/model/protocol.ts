// The application protocols Sonde names, by the numbers DeepFlow's tables use for them.

export const L7Protocol = {
  unknown: 0,
  http1: 20,
  redis: 80,
} as const

export type L7Protocol = (typeof L7Protocol)[keyof typeof L7Protocol]

const names: Record<number, string> = {
  [L7Protocol.unknown]: "Unknown",
  [L7Protocol.http1]: "HTTP",
  [L7Protocol.redis]: "Redis",
}

export const l7ProtocolName = (protocol: number): string => names[protocol] ?? `protocol ${protocol}`

/** IANA numbers of the transport below. */
export const IpProtocol = { tcp: 6, udp: 17 } as const
