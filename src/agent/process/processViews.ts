// What the process page shows: every process with its listening ports, what is captured of it, what is not and why.

import { readFileSync } from "node:fs"
import type { CaptureNote, ProcessView } from "../../model/AgentStatus.ts"
import { l7ProtocolName } from "../../model/protocol.ts"
import { ipText } from "../../model/ipText.ts"
import type { ProcessEntry } from "./ProcessTable.ts"

export interface CaptureSituation {
  /** How traffic is captured on this host. */
  readonly by: "socket data" | "packets" | "none"
  /** Why not better than that; empty when system calls are captured. */
  readonly limit: CaptureNote | undefined
  readonly isExcluded: (pid: number) => boolean
  /** Events that processes were refused beyond their share, by process. */
  readonly refusedEvents: ReadonlyMap<number, number>
  /** Filters say that its requests are not read. */
  readonly isLeftOut: (pid: number) => boolean
  /** Microseconds since 1970 at which the host booted. */
  readonly bootUs: number
}

/** USER_HZ is 100 on every architecture Linux runs on today. */
const usPerTick = 10_000
/** Processes told of: those with ports or traffic first. */
const maxViews = 2_000
const maxCommandLine = 512

const tlsPorts = new Set([443, 6443, 8443, 9443])

const userNames = new Map<number, string>()

const userName = (uid: number): string => {
  if (userNames.size === 0) {
    userNames.set(-1, "")
    try {
      for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
        const [name, , id] = line.split(":")
        if (id !== undefined && !userNames.has(Number(id))) userNames.set(Number(id), name!)
      }
    } catch {}
  }
  return userNames.get(uid) ?? String(uid)
}

const ringNote: CaptureNote = {
  what: "io_uring",
  why: "it has io_uring work with sockets: what it sends or receives by that passes no system call, and is not seen",
  next: "have it use ordinary system calls where it can; what it does by those is seen",
}

const notes = (entry: ProcessEntry, situation: CaptureSituation): Array<CaptureNote> => {
  const all: Array<CaptureNote> = []
  if (situation.isExcluded(entry.info.pid)) {
    return [
      {
        what: "not captured",
        why: "Sonde and its database leave their own traffic alone, and so do programs in agent.excludePrograms",
        next: "",
      },
    ]
  }
  if (situation.isLeftOut(entry.info.pid)) {
    return [
      {
        what: "requests",
        why: "agent.filter leaves it out; its connections are counted unless agent.filter.connections is included",
        next: "change agent.filter to read its requests",
      },
    ]
  }
  if (situation.limit !== undefined) all.push(situation.limit)
  if (entry.usesRing) all.push(ringNote)
  const refused = situation.refusedEvents.get(entry.info.pid)
  if (refused !== undefined) {
    all.push({
      what: "some requests",
      why: `it made more system calls than agent.budget.eventsPerProcess allows in a second: ${refused} were not looked at`,
      next: "raise agent.budget.eventsPerProcess, or leave it out by agent.excludePrograms",
    })
  }
  if (situation.by === "packets" && entry.listening.some(({ port }) => tlsPorts.has(port))) {
    all.push({
      what: "encrypted traffic",
      why: "it listens on a port that usually speaks TLS; what is within that is not read from packets",
      next: "let it serve plain HTTP on loopback behind a TLS proxy to see its requests",
    })
  }
  if (entry.requests.size === 0 && situation.by === "socket data") {
    all.push({
      what: "no requests yet",
      why:
        entry.listening.length > 0
          ? "it listens, but nobody has asked it in a protocol that is read since the agent started"
          : "it has made no requests in a protocol that is read since the agent started",
      next: "",
    })
  }
  return all
}

const view = (entry: ProcessEntry, situation: CaptureSituation): ProcessView => {
  const { info } = entry
  const requests = requestsOf(entry)
  const said = notes(entry, situation)
  const isExcluded = situation.isExcluded(info.pid) || situation.isLeftOut(info.pid)
  return {
    pid: info.pid,
    parentPid: info.parentPid,
    service: entry.service,
    comm: info.comm,
    commandLine: info.args.join(" ").slice(0, maxCommandLine),
    exe: info.exe,
    user: userName(info.uid),
    containerId: info.containerId,
    startUs: situation.bootUs + info.startTicks * usPerTick,
    listening: entry.listening.map(({ ip, port }) => ({ ip: ipText(ip), port })),
    capture: {
      state: isExcluded || requests === 0 ? "not" : said.length > 0 ? "partly" : "captured",
      by: isExcluded ? "none" : situation.by,
      protocols: [...entry.requests.keys()].map(l7ProtocolName),
      requests,
      notes: said,
    },
  }
}

const requestsOf = ({ requests }: ProcessEntry): number => {
  let sum = 0
  for (const count of requests.values()) sum += count
  return sum
}

/** The processes that are told of, those that matter first: with requests, with ports, in the order of their numbers. */
const told = (entries: ReadonlyArray<ProcessEntry>): ReadonlyArray<ProcessEntry> => {
  const isBusy = ({ listening, requests }: ProcessEntry): boolean => listening.length > 0 || requests.size > 0
  const busy = entries
    .filter(isBusy)
    .map((entry) => ({ entry, requests: requestsOf(entry) }))
    .sort(
      (a, b) =>
        b.requests - a.requests ||
        b.entry.listening.length - a.entry.listening.length ||
        a.entry.info.pid - b.entry.info.pid,
    )
    .map(({ entry }) => entry)
  if (busy.length >= maxViews) return busy.slice(0, maxViews)
  // Most processes of a host with many do nothing that is seen.
  const others = entries.filter((entry) => !isBusy(entry)).sort((a, b) => a.info.pid - b.info.pid)
  return [...busy, ...others.slice(0, maxViews - busy.length)]
}

/** Views of the processes, those that matter first. */
export const processViews = (
  entries: ReadonlyArray<ProcessEntry>,
  situation: CaptureSituation,
): ReadonlyArray<ProcessView> => told(entries).map((entry) => view(entry, situation))
