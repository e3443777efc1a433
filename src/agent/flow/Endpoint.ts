// One end of a connection: address, port, and the process behind it where that is known.

import { ipText } from "../../model/ipText.ts"

export interface Endpoint {
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d. Owned by this object. */
  readonly ip: Uint8Array
  port: number
  /** 0: not on this host or not known. */
  processId: number
  /** Name as the kernel has it (comm). */
  processName: string
  /** Name of the service as people know it; empty: not known, the address stands for it. */
  service: string
  /** Container of the process; empty: none, or not known. */
  containerId: string
}

/** The address, 16 bytes, is the endpoint's from now on. */
export const endpointOf = (ip: Uint8Array, port: number): Endpoint => ({
  ip,
  port,
  processId: 0,
  processName: "",
  service: "",
  containerId: "",
})

/** A copy of the address is made, so that the caller's buffer can be used again. */
export const makeEndpoint = (ip: Uint8Array, offset: number, port: number): Endpoint =>
  endpointOf(ip.slice(offset, offset + 16), port)

export const copyOfEndpoint = (end: Endpoint): Endpoint => ({ ...end, ip: end.ip.slice() })

/** What is known of the process of one end is known of the other, which is the same. */
export const copyProcess = (from: Endpoint, to: Endpoint): void => {
  if (from.processId === 0) return
  to.processId = from.processId
  to.processName = from.processName
  to.service = from.service
  to.containerId = from.containerId
}

/** The service's name, else the address with the port, which tells the services of one address apart. */
export const serverName = (endpoint: Endpoint): string =>
  endpoint.service === "" ? addressText(endpoint) : endpoint.service

/** "10.0.0.1:80", "[::1]:80"; without ports (ICMP) "10.0.0.1". */
export const addressText = ({ ip, port }: Endpoint): string => {
  const text = ipText(ip)
  if (port === 0) return text
  return text.includes(":") ? `[${text}]:${port}` : `${text}:${port}`
}
