// Answers of the Hetzner Cloud API as resources: network zones are regions, locations are zones, networks are VPCs, servers are
// cloud hosts, load balancers are load balancers. Labels become `cloud.tag.*`.

import { IpProtocol } from "../../../model/protocol.ts"
import { byUid, type SourceRecord, type SourceRef } from "../ResourceSource.ts"
import { asNumber, asText, at, listAt, prefixedTags, textAt } from "../untrustedJson.ts"

export interface HetznerInventory {
  readonly locations: ReadonlyArray<unknown>
  readonly networks: ReadonlyArray<unknown>
  readonly servers: ReadonlyArray<unknown>
  readonly loadBalancers: ReadonlyArray<unknown>
}

const tags = (json: unknown) => prefixedTags("cloud.tag.", at(json, "labels"))

const placeOf = (location: unknown): ReadonlyArray<SourceRef> => {
  const zone = textAt(location, "network_zone")
  const name = textAt(location, "name")
  return [...(zone === "" ? [] : [byUid("region", zone)]), ...(name === "" ? [] : [byUid("az", name)])]
}

const locationRecords = (location: unknown): ReadonlyArray<SourceRecord> => {
  const zone = textAt(location, "network_zone")
  const name = textAt(location, "name")
  return [
    ...(zone === "" ? [] : [{ kind: "region" as const, uid: zone, name: zone }]),
    ...(name === ""
      ? []
      : [{ kind: "az" as const, uid: name, name, parents: placeOf(location).slice(0, -1) }]),
  ]
}

const subnetUid = (network: string, range: string): string => `${network}/${range}`

const networkRecords = (network: unknown): ReadonlyArray<SourceRecord> => {
  const id = textAt(network, "id")
  const vpc: SourceRecord = { kind: "vpc", uid: id, name: textAt(network, "name") || id, tags: tags(network) }
  const subnets = listAt(network, "subnets").flatMap((subnet): ReadonlyArray<SourceRecord> => {
    const range = textAt(subnet, "ip_range")
    if (range === "") return []
    const parents = [byUid("vpc", id)]
    return [
      { kind: "subnet", uid: subnetUid(id, range), name: `${vpc.name} ${range}`, parents, cidrs: [range] },
    ]
  })
  return [vpc, ...subnets]
}

/** A server has a /64; its images configure the first address of it. */
const firstOf = (range: string): ReadonlyArray<string> =>
  range.endsWith("::/64")
    ? [range.replace("::/64", "::1")]
    : range === "" || range.includes("/")
      ? []
      : [range]

const publicIps = (json: unknown): ReadonlyArray<string> => {
  const ip4 = textAt(json, "public_net", "ipv4", "ip")
  return [...(ip4 === "" ? [] : [ip4]), ...firstOf(textAt(json, "public_net", "ipv6", "ip"))]
}

const serverRecord = (server: unknown): SourceRecord => {
  const nets = listAt(server, "private_net")
  const vpc = textAt(nets[0], "network")
  const location = at(server, "location") ?? at(server, "datacenter", "location")
  return {
    kind: "chost",
    uid: textAt(server, "id"),
    name: textAt(server, "name"),
    parents: [...placeOf(location), ...(vpc === "" ? [] : [byUid("vpc", vpc)])],
    ips: [
      ...publicIps(server),
      ...nets.flatMap((net) => [textAt(net, "ip"), ...listAt(net, "alias_ips").map(asText)]),
    ].filter((ip) => ip !== ""),
    macs: nets.map((net) => textAt(net, "mac_address")).filter((mac) => mac !== ""),
    tags: tags(server),
    state: textAt(server, "status"),
  }
}

const balancerRecord = (balancer: unknown): SourceRecord => {
  const nets = listAt(balancer, "private_net")
  const vpc = textAt(nets[0], "network")
  return {
    kind: "lb",
    uid: textAt(balancer, "id"),
    name: textAt(balancer, "name"),
    parents: [...placeOf(at(balancer, "location")), ...(vpc === "" ? [] : [byUid("vpc", vpc)])],
    ips: [
      ...["ipv4", "ipv6"].map((version) => textAt(balancer, "public_net", version, "ip")),
      ...nets.map((net) => textAt(net, "ip")),
    ].filter((ip) => ip !== ""),
    ports: listAt(balancer, "services").map((service) => ({
      protocol: IpProtocol.tcp,
      port: asNumber(at(service, "listen_port")),
    })),
    tags: tags(balancer),
  }
}

const hasId = (json: unknown): boolean => textAt(json, "id") !== ""

export const hetznerRecords = (inventory: HetznerInventory): ReadonlyArray<SourceRecord> => [
  ...inventory.locations.flatMap(locationRecords),
  ...inventory.networks.filter(hasId).flatMap(networkRecords),
  ...inventory.servers.filter(hasId).map(serverRecord),
  ...inventory.loadBalancers.filter(hasId).map(balancerRecord),
]
