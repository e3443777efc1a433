// Machines on which agents run, as cloud hosts (chost). They join the hosts that a cloud or a CMDB tells of. A machine whose
// agents are all away stays for a while: agents come and go, machines do not.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { isLoopback, parseIp } from "../../../tags/ipAddress.ts"
import { canonicalIp, canonicalMac } from "../../record/cleanRecord.ts"
import type { ResourceSource, SourceRecord, SourceRef } from "../ResourceSource.ts"
import type { Machine, MachineFeed } from "./MachineFeed.ts"

export interface MachinesOptions {
  readonly feed: MachineFeed["Service"]
  readonly pollMs: number
  /** How long a machine without agents stays. */
  readonly keepMs: number
  /** Names of region and zone of every machine; empty: none. */
  readonly region: string
  readonly az: string
}

export const machinesDomain = "machines"

/** Interfaces whose addresses stand for services of the cluster, not for the machine. */
const foreignInterface = /^(lo|kube-ipvs|nodelocaldns)/

/** Of the address's kind: local to the link, so the same on many machines. */
const linkLocal = /^(169\.254\.|fe80:)/i

const uidOf = ({ host, machineId }: Machine): string => (machineId === "" ? host : machineId)

const addressesOf = (machine: Machine): ReadonlyArray<{ readonly ip: string; readonly mac: string }> =>
  machine.addresses.flatMap((address) => {
    if (foreignInterface.test(address.interface)) return []
    const ip = canonicalIp(address.ip)
    const bytes = ip === undefined ? undefined : parseIp(ip)
    const isUseful = ip !== undefined && bytes !== undefined && !isLoopback(bytes) && !linkLocal.test(ip)
    return [{ ip: isUseful ? ip : "", mac: canonicalMac(address.mac) ?? "" }]
  })

/** Regions of guests: agents say them, and could say anything. */
const regionsMost = 1_000

interface Known {
  readonly record: SourceRecord
  readonly text: string
  seenMs: number
}

/** One record a machine. An address that several machines have (a bridge of containers) is nobody's. */
export const machineRecords = (
  machines: ReadonlyArray<Machine>,
  { az, region }: Pick<MachinesOptions, "az" | "region">,
): ReadonlyArray<SourceRecord> => {
  const byUid = Map.groupBy(
    machines.filter((machine) => uidOf(machine) !== ""),
    uidOf,
  )
  const owners = new Map<string, Set<string>>()
  const addresses = new Map<string, ReadonlyArray<{ readonly ip: string; readonly mac: string }>>()
  for (const [uid, agents] of byUid) {
    const all = agents.flatMap(addressesOf)
    addresses.set(uid, all)
    for (const address of all.flatMap(({ ip, mac }) => [ip, mac])) {
      const known = owners.get(address)
      if (known === undefined) owners.set(address, new Set([uid]))
      else known.add(uid)
    }
  }
  const isOwn = (address: string) => address !== "" && owners.get(address)?.size === 1
  /** A guest's machine stands in its own region, and who knows in which zone there. */
  const parentsOf = (machine: Machine): ReadonlyArray<SourceRef> => {
    const named = machine.region ?? region
    return [
      ...(named === "" ? [] : [{ kind: "region" as const, by: "name" as const, value: named }]),
      ...(az === "" || named !== region ? [] : [{ kind: "az" as const, by: "name" as const, value: az }]),
    ]
  }
  return [...byUid].map(([uid, agents]) => {
    const newest = agents.at(-1)!
    const all = addresses.get(uid)!
    return {
      kind: "chost",
      uid,
      name: newest.host,
      parents: parentsOf(newest),
      ips: all.map(({ ip }) => ip).filter(isOwn),
      macs: all.map(({ mac }) => mac).filter(isOwn),
      agents: agents.map(({ agentId }) => agentId),
      tags: {
        ...(newest.os === "" ? {} : { "host.os": newest.os }),
        ...(newest.kernel === "" ? {} : { "host.kernel": newest.kernel }),
      },
      joins: true,
    }
  })
}

const regionRecord = (name: string): SourceRecord => ({ kind: "region", uid: name, name, joins: true })

/** Region and zone that the configuration names, unless another source tells of them. */
const placeRecords = ({ az, region }: MachinesOptions): ReadonlyArray<SourceRecord> => [
  ...(region === "" ? [] : [regionRecord(region)]),
  ...(az === ""
    ? []
    : [
        {
          kind: "az" as const,
          uid: az,
          name: az,
          joins: true,
          parents: region === "" ? [] : [{ kind: "region" as const, by: "name" as const, value: region }],
        },
      ]),
]

export const machinesSource = (options: MachinesOptions): ResourceSource => ({
  domain: machinesDomain,
  run: (emit) =>
    Effect.gen(function* () {
      const known = new Map<string, Known>()
      const startedMs = yield* Clock.currentTimeMillis
      let isWhole = false
      /** Of guests; as many as there are regions. */
      const guestRegions = new Map<string, SourceRecord>()
      yield* emit({ type: "delta", set: placeRecords(options), remove: [] })
      while (true) {
        const nowMs = yield* Clock.currentTimeMillis
        const machines = (yield* options.feed.list).filter(
          (machine) => machine.isConnected || known.has(uidOf(machine)),
        )
        const set: Array<SourceRecord> = []
        for (const { region } of machines) {
          if (region === undefined || region === options.region || guestRegions.has(region)) continue
          if (guestRegions.size >= regionsMost) break
          guestRegions.set(region, regionRecord(region))
          set.push(regionRecord(region))
        }
        const isThere = new Set(machines.filter((one) => one.isConnected).map(uidOf))
        for (const record of machineRecords(machines, options)) {
          const text = JSON.stringify(record)
          const before = known.get(record.uid)
          if (before?.text !== text) set.push(record)
          const seenMs = isThere.has(record.uid) ? nowMs : (before?.seenMs ?? nowMs)
          known.set(record.uid, { record, text, seenMs })
        }
        const gone = [...known].filter(([, { seenMs }]) => nowMs - seenMs > options.keepMs)
        for (const [uid] of gone) known.delete(uid)
        if (!isWhole && nowMs - startedMs > options.keepMs) {
          // Machines of before this start that have not been heard of since are gone.
          isWhole = true
          const records = [
            ...placeRecords(options),
            ...guestRegions.values(),
            ...[...known.values()].map(({ record }) => record),
          ]
          yield* emit({ type: "snapshot", records })
        } else if (set.length > 0 || gone.length > 0) {
          const remove = gone.map(([uid]) => ({ kind: "chost" as const, uid }))
          yield* emit({ type: "delta", set, remove })
        }
        yield* Effect.sleep(options.pollMs)
      }
    }),
})
