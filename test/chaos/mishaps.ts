// What is done to the region. Each mishap happens, lasts a while, is mended, and says what it was; a wrong clock stays wrong.

import { setTimeout as sleep } from "node:timers/promises"
import * as Effect from "effect/Effect"
import type { TestMember } from "../../src/runtime/coordination/etcd.testing.ts"
import type { TestProxy } from "../../src/runtime/coordination/proxy.testing.ts"
import { etcdQuotaBytes, prefix, type Region, type RegionServer } from "./Region.ts"
import { hasTestClock, offsetText, type TestClock } from "./TestClock.ts"

export interface Surroundings {
  readonly region: Region
  readonly chance: () => number
  /** What a mishap may last before it is mended. */
  readonly lastsMs: number
}

export type Mishap = (surroundings: Surroundings) => Promise<string>

const leastMs = 500
const slowLeastMs = 50
const slowMostMs = 400
const pulseMs = 150
/** A jump of a clock is minutes to hours, forward or back. */
const jumpLeastMinutes = 2
const jumpMostMinutes = 360
/** libfaketime looks at the file once a second. */
const noticedMs = 1_200

const run = Effect.runPromise

const pick = <A>(all: ReadonlyArray<A>, chance: () => number): A => all[Math.floor(chance() * all.length)]!

const lasting = ({ chance, lastsMs }: Surroundings): Promise<void> =>
  sleep(leastMs + chance() * Math.max(0, lastsMs - leastMs))

const each = (proxies: ReadonlyArray<TestProxy>, deed: (proxy: TestProxy) => Effect.Effect<void>) =>
  run(Effect.forEach(proxies, deed, { discard: true }))

const ways: Readonly<Record<string, (proxy: TestProxy) => Effect.Effect<void>>> = {
  "all is swallowed": (proxy) => proxy.cut,
  "nothing gets there": (proxy) => proxy.hold(["client"]),
  "nothing comes back": (proxy) => proxy.hold(["server"]),
  "all comes late": (proxy) => proxy.hold(["client", "server"]),
  "all is refused": (proxy) => proxy.refuse,
}

const disturb = async (
  surroundings: Surroundings,
  proxies: ReadonlyArray<TestProxy>,
  what: string,
): Promise<string> => {
  const way = pick(Object.keys(ways), surroundings.chance)
  await each(proxies, ways[way]!)
  await lasting(surroundings)
  await each(proxies, (proxy) => proxy.restore)
  return `${what}: ${way}`
}

const stopped = async (
  surroundings: Surroundings,
  process: { readonly kill: (signal: NodeJS.Signals) => boolean },
): Promise<void> => {
  process.kill("SIGSTOP")
  await lasting(surroundings)
  process.kill("SIGCONT")
}

const killedMember = async (surroundings: Surroundings, member: TestMember): Promise<void> => {
  await run(member.kill)
  await lasting(surroundings)
  await run(member.restart)
}

const jump = async ({ chance }: Surroundings, whose: string, clock: TestClock): Promise<string> => {
  const minutes = jumpLeastMinutes + chance() * (jumpMostMinutes - jumpLeastMinutes)
  const before = clock.offsetSeconds
  // One that is wrong is often corrected.
  const after = before !== 0 && chance() < 0.5 ? 0 : Math.round(minutes * (chance() < 0.5 ? -60 : 60))
  clock.jumpTo(after)
  await sleep(noticedMs)
  return `${whose}: from ${offsetText(before)} to ${offsetText(after)}`
}

const base64 = (text: string): string => Buffer.from(text).toString("base64")

const fillKeys = { key: base64("/fill/"), range_end: base64("/fill0") }
const fillBytes = 900_000
/** Below the region's own keys, so that its history shows the moment in which the store has room again. */
const markKey = { key: base64(`${prefix}fill`) }

const fill = async ({ region }: Surroundings): Promise<void> => {
  const member = region.etcd.members[0]!
  const value = "x".repeat(Math.ceil((fillBytes * 4) / 3 / 4) * 4)
  await run(member.ask("kv/put", { ...markKey, value: "" }))
  for (let at = 0; at < (4 * etcdQuotaBytes) / fillBytes; at++) {
    const put = member.ask("kv/put", { key: base64(`/fill/${at}`), value })
    const problem = await run(Effect.match(put, { onFailure: ({ message }) => message, onSuccess: () => "" }))
    if (/database space exceeded/.test(problem)) return
    if (problem !== "") throw new Error(problem)
  }
  throw new Error("etcd does not get full")
}

const until = async (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> => {
  for (let waitedMs = 0; !(await isSo()); waitedMs += 100) {
    if (waitedMs > 60_000) throw new Error(`waited for: ${what}`)
    await sleep(100)
  }
}

/** As etcd's manual says: what is not needed goes, the file shrinks, the alarm is ended. */
const makeRoom = async ({ region }: Surroundings): Promise<void> => {
  const { history } = region
  const { members } = region.etcd
  const member = members[0]!
  await run(member.ask("kv/deleterange", fillKeys))
  const { header } = await run(
    member.ask<{ readonly header: { readonly revision: string } }>("kv/deleterange", markKey),
  )
  await until("the history", () => history.revision >= Number(header.revision))
  await compact(region)
  for (const one of members)
    await until("a member to shrink", async () => {
      await run(one.ask("maintenance/defragment", {}))
      const { dbSize } = await run(one.ask<{ readonly dbSize: string }>("maintenance/status", {}))
      return Number(dbSize) < etcdQuotaBytes / 2
    })
  const { alarms = [] } = await run(
    member.ask<{ readonly alarms?: ReadonlyArray<{ readonly memberID: string; readonly alarm: string }> }>(
      "maintenance/alarm",
      { action: "GET" },
    ),
  )
  for (const { alarm, memberID } of alarms)
    await run(member.ask("maintenance/alarm", { action: "DEACTIVATE", memberID, alarm }))
}

/** etcd forgets what is older than what the history has seen, as it does everywhere sooner or later. */
export const compact = (region: Region): Promise<void> =>
  run(
    region.etcd.members[0]!.ask("kv/compaction", { revision: region.history.revision, physical: true })
      // Nothing happened since the last time.
      .pipe(Effect.ignore),
  )

const slowEtcd: Mishap = async (surroundings) => {
  const { chance, region } = surroundings
  if (chance() < 0.5) {
    const proxies = region.servers.flatMap(({ toEtcd }) => toEtcd)
    const delayMs = Math.round(slowLeastMs + chance() * (slowMostMs - slowLeastMs))
    await each(proxies, (proxy) => proxy.delay(delayMs))
    await lasting(surroundings)
    await each(proxies, (proxy) => proxy.restore)
    return `every piece ${delayMs} ms late, each way`
  }
  const pulses = Math.ceil((surroundings.lastsMs * chance()) / (2 * pulseMs))
  for (let at = 0; at < pulses; at++) {
    const member = pick(region.etcd.members, chance)
    await run(member.stop)
    await sleep(pulseMs)
    await run(member.continue)
    await sleep(pulseMs)
  }
  return `${pulses} times a member stood still for ${pulseMs} ms`
}

/** Every other time it is the one that leads. */
const someServer = ({ chance, region }: Surroundings): RegionServer => {
  const any = pick(region.servers, chance)
  const { leader } = region.history
  return chance() < 0.5 ? (region.servers.find(({ id }) => id === leader?.server) ?? any) : any
}

export const mishaps: Readonly<Record<string, Mishap>> = {
  "server killed": async (surroundings) => {
    const server = someServer(surroundings)
    await surroundings.region.kill(server)
    await lasting(surroundings)
    await surroundings.region.restart(server)
    return server.id
  },
  "server stopped": async (surroundings) => {
    const { id, life } = someServer(surroundings)
    await stopped(surroundings, life.child)
    return id
  },
  "etcd member killed": async (surroundings) => {
    const member = pick(surroundings.region.etcd.members, surroundings.chance)
    await killedMember(surroundings, member)
    return member.endpoint
  },
  "etcd member stopped": async (surroundings) => {
    const member = pick(surroundings.region.etcd.members, surroundings.chance)
    await run(member.stop)
    await lasting(surroundings)
    await run(member.continue)
    return member.endpoint
  },
  "etcd's leader killed": async (surroundings) => {
    for (const member of surroundings.region.etcd.members) {
      if (!(await run(member.isLeader))) continue
      await killedMember(surroundings, member)
      return member.endpoint
    }
    return "there was none"
  },
  "etcd full": async (surroundings) => {
    await fill(surroundings)
    await lasting(surroundings)
    await makeRoom(surroundings)
    return `${etcdQuotaBytes / 1_048_576} MiB`
  },
  "etcd slow": slowEtcd,
  "server cut off from etcd": (surroundings) => {
    const { id, toEtcd } = someServer(surroundings)
    // Of one member, or of all.
    const proxies = surroundings.chance() < 0.3 ? [pick(toEtcd, surroundings.chance)] : toEtcd
    const from = proxies.length === 1 ? "one member" : "etcd"
    return disturb(surroundings, proxies, `${from}, seen from ${id}`)
  },
  "agents cut off from a server": (surroundings) => {
    const { control, id, ingest } = someServer(surroundings)
    return disturb(surroundings, [control, ingest], `${id}, seen from agents`)
  },
  "server isolated": (surroundings) => {
    const { control, id, ingest, toEtcd } = someServer(surroundings)
    return disturb(surroundings, [...toEtcd, control, ingest], `${id}, seen from all`)
  },
  "agents killed": async (surroundings) => {
    const host = pick(surroundings.region.hosts, surroundings.chance)
    await host.kill()
    await lasting(surroundings)
    host.restart()
    return host.name
  },
  "agents stopped": async (surroundings) => {
    const host = pick(surroundings.region.hosts, surroundings.chance)
    await stopped(surroundings, host.child)
    return host.name
  },
  ...(hasTestClock
    ? {
        "server's clock jumps": (surroundings: Surroundings) => {
          const { clock, id } = someServer(surroundings)
          return jump(surroundings, id, clock)
        },
        "agents' clock jumps": (surroundings: Surroundings) => {
          const { clock, name } = pick(surroundings.region.hosts, surroundings.chance)
          return jump(surroundings, name, clock)
        },
      }
    : {}),
}
