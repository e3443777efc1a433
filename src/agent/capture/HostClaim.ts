// One agent captures on a host: two would store everything twice. Who is first holds a name (an abstract Unix socket, which the kernel
// takes back however its process ends) and says under it who it is. Agents of other network namespaces do not see the name; those of
// them that capture by eBPF are known by their kernel programs, which are the whole host's, where this process may list them.

import { readdirSync, readFileSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { listPids } from "../process/procfs.ts"
import type { Addon } from "./native/Addon.ts"

/** The agent that captures here. */
export interface OtherAgent {
  /** 0: its process cannot be seen from here. */
  readonly pid: number
  /** Its data directory; empty: it did not say. */
  readonly data: string
}

export const otherAgentText = ({ data, pid }: OtherAgent): string => {
  const who = pid === 0 ? "in a container whose processes cannot be seen from here" : `pid ${pid}`
  return `another agent captures on this host (${who}${data === "" ? "" : `, data directory ${data}`})`
}

export const otherAgentNext =
  "end one of the two: this one takes over by itself when the other has ended. With agent.besideAnother=capture both capture, and what they see is stored twice"

/** Off while the agent waits for another one of its host to end. */
export const aloneFeature = "capture by this agent"

export interface HostClaimOptions {
  readonly addon: Pick<Addon, "askName" | "claimName" | "programIds">
  /** Of this agent: what others are told. */
  readonly data: string
  readonly name?: string
  /** Ids of the kernel programs that this process holds; for tests. */
  readonly ownPrograms?: () => ReadonlySet<number>
}

export const claimName = "sonde-capture"
const programPrefix = "sonde_"
const askMs = 200
/** So long after it has begun an agent still gives way to one that began a moment before it. */
const yieldMs = 30_000
/** Between two searches for the process that holds programs. */
const searchMs = 30_000
/** Looks at which nobody else's programs are loaded, before they count as gone: an agent loads its own anew now and then. */
const freeLooks = 2

const programIdsOf = (pid: number | "self"): ReadonlyArray<number> => {
  const folder = `/proc/${pid}/fdinfo`
  try {
    return readdirSync(folder).flatMap((fd) => {
      try {
        const id = /^prog_id:\s*(\d+)$/m.exec(readFileSync(`${folder}/${fd}`, "utf8"))?.[1]
        return id === undefined ? [] : [Number(id)]
      } catch {
        return []
      }
    })
  } catch {
    return []
  }
}

/** 0: none that can be seen. */
const holderOf = (ids: ReadonlySet<number>): number =>
  listPids().find((pid) => programIdsOf(pid).some((id) => ids.has(id))) ?? 0

const textOf = (said: string): string => {
  try {
    const { data } = JSON.parse(said) as { readonly data?: unknown }
    return typeof data === "string" ? data.slice(0, 1_024) : ""
  } catch {
    return ""
  }
}

export class HostClaim {
  readonly #options: HostClaimOptions
  readonly #name: string
  #server: Server | undefined
  #other: OtherAgent | undefined
  /** Since when this agent captures by its claim; undefined: it does not. */
  #sinceMs: number | undefined
  /** Looks since other programs were last seen; -1: they were not what it waited for. */
  #free = -1
  /** For whom was searched last, by one of the programs. */
  #found: { readonly program: number; readonly pid: number; readonly atMs: number } | undefined
  /** Other programs at the last look. Those of a process that has just ended are loaded for some milliseconds more. */
  #seen: ReadonlySet<number> = new Set()

  constructor(options: HostClaimOptions) {
    this.#options = options
    this.#name = options.name ?? claimName
  }

  /** The agent to wait for; undefined: this one may capture. */
  get other(): OtherAgent | undefined {
    return this.#other
  }

  /** Programs were seen for the first time: worth another look soon. */
  get isUncertain(): boolean {
    return this.#seen.size > 0 && this.#other === undefined
  }

  /** Looks who captures. `byEbpf`: this agent is to, so that it would see what others see, in whatever namespace they are. */
  look(nowMs: number, byEbpf: boolean): OtherAgent | undefined {
    const holder = this.#claim()
    const programs: ReadonlySet<number> = byEbpf ? this.#otherPrograms() : new Set()
    // Anybody may hold a name: a user without rights shall not blind an agent by it.
    const isBelieved =
      holder !== undefined && (holder.uid === 0 || holder.uid === process.getuid?.() || programs.size > 0)
    if (isBelieved) this.#wait({ pid: holder.pid, data: holder.data }, -1)
    else if (programs.size > 0 && !this.#isFirst(programs, nowMs))
      this.#wait({ pid: this.#holder(programs, nowMs), data: "" }, 0)
    else if (this.#free >= 0 && this.#seen.size > 0) this.#free = 0
    else if (this.#free >= 0 && this.#free + 1 < freeLooks) this.#free++
    else {
      this.#free = -1
      this.#other = undefined
      this.#sinceMs ??= nowMs
    }
    return this.#other
  }

  #wait(other: OtherAgent, free: number): void {
    this.#other = other
    this.#free = free
    this.#sinceMs = undefined
  }

  /** Nothing is captured any more: others may. */
  release(): void {
    this.#server?.close()
    this.#server = undefined
    this.#other = undefined
    this.#sinceMs = undefined
    this.#free = -1
  }

  /** Undefined: this process holds the name, or nobody can. */
  #claim(): (OtherAgent & { readonly uid: number }) | undefined {
    const { addon, data } = this.#options
    for (let attempt = 0; this.#server === undefined && attempt < 2; attempt++) {
      try {
        const fd = addon.claimName(this.#name)
        const said = JSON.stringify({ data })
        this.#server = createServer((socket) => {
          socket.on("error", () => undefined)
          socket.end(said)
        })
        // Without it, others wait for the kernel programs.
        this.#server.on("error", () => undefined)
        this.#server.listen({ fd }).unref()
      } catch (cause) {
        if ((cause as { code?: string }).code !== "EADDRINUSE") return undefined
        try {
          const [pid, uid, said] = addon.askName(this.#name, askMs)
          return { pid, uid, data: textOf(said) }
        } catch {
          // It has ended meanwhile.
        }
      }
    }
    return undefined
  }

  /** Who holds them; looks through all processes, so not again for the same ones, nor often. */
  #holder(programs: ReadonlySet<number>, nowMs: number): number {
    const found = this.#found
    const isSame = found !== undefined && programs.has(found.program)
    if (found !== undefined && (isSame || nowMs - found.atMs < searchMs)) return isSame ? found.pid : 0
    const pid = holderOf(programs)
    this.#found = { program: Math.min(...programs), pid, atMs: nowMs }
    return pid
  }

  #ownPrograms(): ReadonlySet<number> {
    return this.#options.ownPrograms?.() ?? new Set(programIdsOf("self"))
  }

  /** Of other processes, and there for two looks; none where they may not be listed. */
  #otherPrograms(): ReadonlySet<number> {
    const before = this.#seen
    try {
      const all = this.#options.addon.programIds(programPrefix)
      const own = all.length === 0 ? new Set<number>() : this.#ownPrograms()
      this.#seen = new Set(all.filter((id) => !own.has(id)))
    } catch {
      this.#seen = new Set()
    }
    return new Set([...this.#seen].filter((id) => before.has(id)))
  }

  /** An agent that has captured for a while goes on; of two that began at the same time that does whose programs are older. */
  #isFirst(others: ReadonlySet<number>, nowMs: number): boolean {
    if (this.#sinceMs === undefined) return false
    if (nowMs - this.#sinceMs > yieldMs) return true
    const own = this.#ownPrograms()
    return own.size > 0 && Math.min(...own) < Math.min(...others)
  }
}

/** Who captures on this host now, for who only wants to know. */
export const findOtherAgent = (addon: Pick<Addon, "askName" | "programIds">): OtherAgent | undefined => {
  try {
    const [pid, , said] = addon.askName(claimName, askMs)
    return { pid, data: textOf(said) }
  } catch {}
  try {
    const ids = new Set(addon.programIds(programPrefix))
    return ids.size === 0 ? undefined : { pid: holderOf(ids), data: "" }
  } catch {
    return undefined
  }
}
