// The resource ids of all rows of a batch, in plain loops over its columns. Rows whose resource is new get their id by
// `complete`, after it was stored.

import { type AnyBatch, type ColumnBatch } from "../../model/ColumnBatch.ts"
import { IpProtocol } from "../../model/protocol.ts"
import { TagSource } from "../../tags/ResourceKind.ts"
import { ownText } from "../ownText.ts"
import type { ResourceIndex } from "./ResourceIndex.ts"
import { type CachedSide, serviceKey, SideCache } from "./SideCache.ts"
import type { ResourceEntry, TagInterner } from "./TagInterner.ts"

/** One side of a batch's rows, as columns. */
interface SideColumns {
  readonly rows: number
  readonly ip: Uint8Array
  readonly processId: ArrayLike<number>
  readonly kname: ReadonlyArray<string>
  readonly gprocess: ReadonlyArray<string>
  readonly container: ReadonlyArray<string>
  /** Of the server where the side is one, else undefined. */
  readonly port: ArrayLike<number> | undefined
  /** Transport protocol (IANA). */
  readonly protocol: ArrayLike<number>
  /** Rows in which the side is a server; undefined: in all of them. */
  readonly role: ArrayLike<number> | undefined
}

/** Ids of one side, row by row. */
export interface SideTags {
  readonly resourceId: Uint32Array
  readonly tagSource: Uint8Array
  /** 1 where the resource's service has a name; elsewhere the address stands for it. */
  readonly isNamed: Uint8Array
}

export interface BatchTags {
  /** Of `application` the observed side, of `file` and `process` the process; of other kinds client, server. */
  readonly sides: ReadonlyArray<SideTags>
  readonly isComplete: () => boolean
  /** To be called when everything new is stored. */
  readonly complete: () => void
}

interface Waiting {
  readonly side: SideTags
  readonly row: number
  readonly entry: ResourceEntry
}

/** What happens to a process has no address. */
const processSide = ({ columns, rows }: ColumnBatch<"file"> | ColumnBatch<"process">): SideColumns => ({
  rows,
  ip: new Uint8Array(rows * 16),
  processId: columns.process_id,
  kname: columns.process_kname,
  gprocess: columns.gprocess,
  container: columns.container,
  port: undefined,
  protocol: new Uint8Array(rows),
  role: undefined,
})

const sidesOf = (batch: AnyBatch): ReadonlyArray<SideColumns> => {
  const { rows } = batch
  if (batch.kind === "file" || batch.kind === "process")
    return [processSide(batch as ColumnBatch<"file"> | ColumnBatch<"process">)]
  if (batch.kind !== "application") {
    const { columns } = batch as ColumnBatch<"l7" | "l4" | "network" | "span">
    return [
      {
        rows,
        ip: columns.ip_0,
        processId: columns.process_id_0,
        kname: columns.process_kname_0,
        gprocess: columns.gprocess_0,
        container: columns.container_0,
        port: undefined,
        protocol: columns.protocol,
        role: undefined,
      },
      {
        rows,
        ip: columns.ip_1,
        processId: columns.process_id_1,
        kname: columns.process_kname_1,
        gprocess: columns.gprocess_1,
        container: columns.container_1,
        port: columns.server_port,
        protocol: columns.protocol,
        role: undefined,
      },
    ]
  }
  const { columns } = batch as ColumnBatch<"application">
  return [
    {
      rows,
      ip: columns.ip,
      processId: columns.process_id,
      kname: columns.process_kname,
      gprocess: columns.gprocess,
      container: columns.container,
      port: columns.server_port,
      protocol: columns.protocol,
      role: columns.role,
    },
  ]
}

export class BatchTagger {
  readonly #index: ResourceIndex
  readonly #interner: TagInterner
  readonly #cache: SideCache
  readonly #used = new Set<number>()
  readonly #counters = {
    hits: 0,
    misses: 0,
    container: 0,
    process: 0,
    mac: 0,
    ip: 0,
    cidr: 0,
    agent: 0,
    unknown: 0,
  }

  constructor(index: ResourceIndex, interner: TagInterner, cache = new SideCache()) {
    this.#index = index
    this.#interner = interner
    this.#cache = cache
  }

  tag(batch: AnyBatch, agentId: string, day: number): BatchTags {
    this.#cache.begin(agentId, this.#index.version)
    const waiting: Array<Waiting> = []
    const sides = sidesOf(batch).map((columns) => this.#side(columns, agentId, day, waiting))
    return {
      sides,
      isComplete: () => waiting.length === 0,
      complete: () => {
        for (const { entry, row, side } of waiting) side.resourceId[row] = entry.id
        waiting.length = 0
      },
    }
  }

  #side(columns: SideColumns, agentId: string, day: number, waiting: Array<Waiting>): SideTags {
    const { container, gprocess, ip, kname, port, processId, protocol, role, rows } = columns
    const side: SideTags = {
      resourceId: new Uint32Array(rows),
      tagSource: new Uint8Array(rows),
      isNamed: new Uint8Array(rows),
    }
    for (let row = 0; row < rows; row++) {
      const isServer = port !== undefined && (role === undefined || role[row] === 1)
      const ownPort = isServer ? port[row]! : 0
      const pid = processId[row]!
      // Agents of before do not tell it of metrics.
      const transport = protocol[row]! || IpProtocol.tcp
      const service = isServer ? serviceKey(ownPort, transport) : 0
      let found = this.#cache.get(pid, ip, row * 16, service)
      if (
        found === undefined ||
        found.gprocess !== gprocess[row] ||
        found.kname !== kname[row] ||
        found.container !== container[row]
      ) {
        found = this.#resolve(columns, row, agentId, isServer, ownPort, transport)
        this.#cache.set(pid, ip, row * 16, service, found)
      } else {
        this.#counters.hits++
      }
      const { entry } = found
      side.tagSource[row] = found.tagSource
      side.isNamed[row] = entry.isNamed ? 1 : 0
      if (entry.id === 0) waiting.push({ side, row, entry })
      else {
        side.resourceId[row] = entry.id
        if (entry.usedDay !== day) {
          entry.usedDay = day
          this.#used.add(entry.id)
        }
      }
    }
    return side
  }

  #resolve(
    columns: SideColumns,
    row: number,
    agentId: string,
    isServer: boolean,
    port: number,
    protocol: number,
  ): CachedSide {
    const { container, gprocess, ip, kname, processId } = columns
    const names = {
      gprocess: ownText(gprocess[row]!),
      kname: ownText(kname[row]!),
      container: ownText(container[row]!),
    }
    const { entry, tagSource } = this.#interner.intern(this.#index, {
      agentId,
      processId: processId[row]!,
      ...names,
      ip: ip.slice(row * 16, row * 16 + 16),
      mac: "",
      isServer,
      protocol,
      port,
    })
    this.#count(tagSource)
    return { entry, tagSource, ...names }
  }

  #count(tagSource: number): void {
    const counters = this.#counters
    counters.misses++
    if (tagSource & TagSource.pod) counters.container++
    else if (tagSource & TagSource.process) counters.process++
    else if (tagSource & TagSource.mac) counters.mac++
    else if (tagSource & TagSource.ip) counters.ip++
    else if (tagSource & TagSource.cidr) counters.cidr++
    else if (tagSource & TagSource.agent) counters.agent++
    else counters.unknown++
  }

  /** Ids that rows carried for the first time today. */
  takeUsed(): ReadonlyArray<number> {
    const used = [...this.#used]
    this.#used.clear()
    return used
  }

  /** Forgets what was last used before a day (TagInterner.forget). */
  forget(beforeDay: number): void {
    if (this.#interner.forget(beforeDay)) this.#cache.clear()
  }

  stats(): Readonly<Record<string, number>> {
    const counters = this.#counters
    return {
      sides_cached: this.#cache.size,
      side_cache_hits_total: counters.hits,
      side_cache_misses_total: counters.misses,
      sides_by_container_total: counters.container,
      sides_by_process_total: counters.process,
      sides_by_mac_total: counters.mac,
      sides_by_ip_total: counters.ip,
      sides_by_subnet_total: counters.cidr,
      sides_by_agent_total: counters.agent,
      sides_unknown_total: counters.unknown,
    }
  }
}
