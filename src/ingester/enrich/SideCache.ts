// The hot path of tagging: what a side was resolved to the last time, by process or by address. Bounded by two generations: when
// the young one is full it becomes the old one, whose answers are used until the next change of generation. An answer that is
// older than the labeler's last change is not used.

import { ipKey, isMappedIpv4 } from "../../tags/ipAddress.ts"
import { IpProtocol } from "../../model/protocol.ts"
import type { ResourceEntry } from "./TagInterner.ts"

export interface CachedSide {
  readonly entry: ResourceEntry
  readonly tagSource: number
  /** A pid may be another process by now. */
  readonly gprocess: string
  readonly kname: string
  readonly container: string
}

type Generation = Map<string, AgentSides>

interface AgentSides {
  readonly byProcess: Map<number, CachedSide>
  /** IPv4 address and service in one number. */
  readonly byIpv4: Map<number, CachedSide>
  readonly byIpv6: Map<string, CachedSide>
}

const noSides = (): AgentSides => ({ byProcess: new Map(), byIpv4: new Map(), byIpv6: new Map() })

const defaultCapacity = 131_072
const portSpan = 4 * 65_536

/** A server's port and transport (TCP, UDP or another) in one number below `portSpan`. */
export const serviceKey = (port: number, transport: number): number =>
  port + (transport === IpProtocol.tcp ? 0 : transport === IpProtocol.udp ? 65_536 : 2 * 65_536)

export class SideCache {
  readonly #capacity: number
  #young: Generation = new Map()
  #old: Generation = new Map()
  #size = 0
  #version = -1
  #agentId = ""
  #youngSides = noSides()
  #oldSides: AgentSides | undefined

  constructor(capacity = defaultCapacity) {
    this.#capacity = capacity
  }

  /** Whose sides are asked for next, and the version of the records that answers must not be older than. */
  begin(agentId: string, version: number): void {
    if (version !== this.#version) {
      this.#version = version
      this.clear()
    }
    this.#agentId = agentId
    this.#choose()
  }

  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
    this.#size = 0
  }

  #choose(): void {
    let sides = this.#young.get(this.#agentId)
    if (sides === undefined) this.#young.set(this.#agentId, (sides = noSides()))
    this.#youngSides = sides
    this.#oldSides = this.#old.get(this.#agentId)
  }

  /** `service`: the `serviceKey` of a server, 0 for clients. */
  get(processId: number, ip: Uint8Array, at: number, service: number): CachedSide | undefined {
    if (processId !== 0) {
      const key = processId * portSpan + service
      return this.#youngSides.byProcess.get(key) ?? this.#oldSides?.byProcess.get(key)
    }
    if (isMappedIpv4(ip, at)) {
      const key = ipv4Key(ip, at, service)
      return this.#youngSides.byIpv4.get(key) ?? this.#oldSides?.byIpv4.get(key)
    }
    const key = `${ipKey(ip, at)}${service}`
    return this.#youngSides.byIpv6.get(key) ?? this.#oldSides?.byIpv6.get(key)
  }

  set(processId: number, ip: Uint8Array, at: number, service: number, side: CachedSide): void {
    if (this.#size >= this.#capacity) {
      this.#old = this.#young
      this.#young = new Map()
      this.#size = 0
      this.#choose()
    }
    this.#size++
    if (processId !== 0) this.#youngSides.byProcess.set(processId * portSpan + service, side)
    else if (isMappedIpv4(ip, at)) this.#youngSides.byIpv4.set(ipv4Key(ip, at, service), side)
    else this.#youngSides.byIpv6.set(`${ipKey(ip, at)}${service}`, side)
  }

  /** Sides of the young generation. */
  get size(): number {
    return this.#size
  }
}

const ipv4Key = (ip: Uint8Array, at: number, service: number): number =>
  ((ip[at + 12]! * 256 + ip[at + 13]!) * 256 + ip[at + 14]!) * 256 * portSpan +
  ip[at + 15]! * portSpan +
  service
