// Tunnels that can be looked into, by the names of the configuration, and the UDP ports where they are expected.

export const tunnelNames = ["vxlan", "geneve", "gre", "teb", "erspan", "ipip"] as const
export type TunnelName = (typeof tunnelNames)[number]

/** IANA's ports of VXLAN and VXLAN-GPE, Linux' old one (also flannel's) and Weave's. */
export const vxlanPorts: ReadonlyArray<number> = [4789, 8472, 6784, 4790]
export const genevePorts: ReadonlyArray<number> = [6081]
