// An agent in storms: processes that begin and end by the thousands, each with a request; connections of one request each; open sockets.
// What it holds meanwhile, whether every request is stored once or counted as lost, and what is left of it all afterwards.
// Usage: node bench/storms.ts. Needs root and a C compiler (clang). Takes about six minutes.

import { execFile, execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import type { BudgetView } from "../src/model/AgentStatus.ts"
import type { StatusView } from "../src/querier/ConsoleSources.ts"
import { heldBy } from "../test/kernel/support/kernelTraces.ts"
import { Sonde, until } from "../test/system/support/Sonde.ts"
import { type Compiled, compiled, othersThan, startCrowd, startProgram } from "./programs.ts"
import { print, type Result } from "./Result.ts"

export interface StormSizes {
  readonly processes: number
  readonly processSeconds: number
  readonly connectionsPerSecond: number
  readonly connectionSeconds: number
  readonly sockets: number
}

const nightly: StormSizes = {
  processes: 10_000,
  processSeconds: 60,
  connectionsPerSecond: 10_000,
  connectionSeconds: 30,
  sockets: 50_000,
}

const run = promisify(execFile)
const crowdProcesses = 100
/** What belongs to connections and processes that are gone may be held so long: twice as long as rows are waited for. */
const calmSeconds = 180
/** Connections of Sonde's own, of what else the machine does. */
const fewLeft = 64
/** After all is over objects of the capture take no more than before, but for some garbage. Pages that were touched stay the process'. */
const mostGrownMiB = 24

const gone = ["tcp_flows", "connections", "causal_lanes", "requests_outstanding", "calls_held"] as const

/** Entries of the kernel's tables of what comes and goes, by name. */
type MapUse = ReadonlyMap<string, { readonly entries: number; readonly room: number }>

interface Stormed {
  readonly asked: number
  readonly answered: number
  readonly seconds: number
}

interface Counted {
  /** Rows, and different requests among them, at the client's and at the server's process. */
  readonly rows: readonly [client: number, server: number]
  readonly ids: readonly [client: number, server: number]
  /** Events that found no room or were beyond a process' share, rows that were given up. */
  readonly lost: number
  readonly shed: ReadonlyArray<string>
  readonly residentMiB: number
}

class Storms {
  readonly #sonde: Sonde
  readonly #storm: Compiled
  readonly #mapUse: Compiled
  readonly #port: string

  constructor(sonde: Sonde, storm: Compiled, mapUse: Compiled, port: string) {
    this.#sonde = sonde
    this.#storm = storm
    this.#mapUse = mapUse
    this.#port = port
  }

  async #budget(): Promise<BudgetView> {
    const { agents } = await this.#sonde.get<StatusView>("/api/v1/status")
    return agents[0]!.budget!
  }

  async #lost(): Promise<number> {
    const names = ["kernel_lost_total", "kernel_over_budget_total", "connections_evicted_total"]
    const dropped = ["send_dropped_l7_rows_total"]
    const all = await Promise.all(
      [...names, ...dropped].map((name) => this.#sonde.metric(`sonde_agent_${name}`)),
    )
    return all.reduce((sum, value) => sum + value, 0)
  }

  /** Resident memory of the agent, in MiB: now, and the most since it was last asked to forget that. */
  resident(): { readonly now: number; readonly most: number } {
    const status = readFileSync(`/proc/${this.#sonde.agentPid!}/status`, "utf8")
    const field = (name: string): number =>
      Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)![1]) / 1_024)
    return { now: field("VmRSS"), most: field("VmHWM") }
  }

  /** proc(5): 5 resets the peak. */
  forgetPeak(): void {
    writeFileSync(`/proc/${this.#sonde.agentPid!}/clear_refs`, "5")
  }

  /** What objects of the capture take, in MiB; garbage counts until it is collected. */
  async objects(): Promise<number> {
    return Math.round((await this.#sonde.metric("sonde_agent_worker_heap_bytes")) / 2 ** 20)
  }

  mapUse(): MapUse {
    const ids = heldBy(this.#sonde.agentPid!).map.map(String)
    const text = execFileSync(this.#mapUse.path, ids, { encoding: "utf8" })
    return new Map(
      text
        .trim()
        .split("\n")
        .map((line) => line.split(" ") as [string, string, string])
        .map(([name, entries, room]) => [name, { entries: Number(entries), room: Number(room) }]),
    )
  }

  async held(): Promise<ReadonlyMap<string, number>> {
    const values = await Promise.all(gone.map((name) => this.#sonde.metric(`sonde_agent_${name}`)))
    return new Map(gone.map((name, at) => [name, values[at]!]))
  }

  /** Runs one, and tells what became of its requests. */
  async storm(
    prefix: string,
    ...args: ReadonlyArray<string>
  ): Promise<{ readonly stormed: Stormed; readonly counted: Counted }> {
    const lostBefore = await this.#lost()
    const shed = new Set<string>()
    this.forgetPeak()
    const [kind, ...numbers] = args
    const watch = setInterval(() => {
      this.#budget()
        .then((budget) => {
          for (const { step } of budget.shed) shed.add(step)
        })
        .catch(() => undefined)
    }, 1_000)
    try {
      const { stdout } = await run(this.#storm.path, [kind!, this.#port, ...numbers, prefix])
      const stormed = JSON.parse(stdout) as Stormed
      const { most } = this.resident()
      const rows = await this.#settled(prefix)
      const lost = (await this.#lost()) - lostBefore
      for (const { step } of (await this.#budget()).shed) shed.add(step)
      return { stormed, counted: { ...rows, lost, shed: [...shed], residentMiB: most } }
    } finally {
      clearInterval(watch)
    }
  }

  /** Once no more rows come. */
  async #settled(prefix: string): Promise<Pick<Counted, "rows" | "ids">> {
    let before = -1
    let counted = await this.#count(prefix)
    while (counted.rows[0] + counted.rows[1] !== before) {
      before = counted.rows[0] + counted.rows[1]
      await sleep(5_000)
      counted = await this.#count(prefix)
    }
    return counted
  }

  async #count(prefix: string): Promise<Pick<Counted, "rows" | "ids">> {
    const rows = await this.#sonde.sql(
      `SELECT observation_point AS point, count() AS all, uniqExact(request_resource) AS ids
       FROM flow_log.l7_flow_log WHERE startsWith(request_resource, '${prefix}/') GROUP BY point`,
    )
    const of = (name: string, at: string): number =>
      Number(rows.find(({ point }) => point === at)?.[name] ?? 0)
    return { rows: [of("all", "c-p"), of("all", "s-p")], ids: [of("ids", "c-p"), of("ids", "s-p")] }
  }
}

const judged = ({ counted, stormed }: { readonly stormed: Stormed; readonly counted: Counted }) => {
  const missed = counted.ids.map((ids) => stormed.answered - ids)
  const doubled = counted.rows.map((rows, at) => rows - counted.ids[at]!)
  const isGivenUp = counted.shed.some((step) => step === "requests" || step === "capture")
  return {
    text:
      `${stormed.asked} asked in ${stormed.seconds.toFixed(0)} s (${Math.round(stormed.asked / stormed.seconds)} a second), ${stormed.answered} answered; stored at the client ` +
      `${counted.ids[0]}, at the server ${counted.ids[1]}, doubled ${doubled.join(" and ")}; ` +
      `counted as lost: ${counted.lost} events; given up meanwhile: ${counted.shed.join(", ") || "nothing"}; ` +
      `at most ${counted.residentMiB} MiB resident`,
    isCounted:
      doubled.every((more) => more === 0) && (isGivenUp || missed.every((less) => less <= counted.lost)),
  }
}

const fullest = (use: MapUse): string =>
  [...use]
    .filter(([, { entries }]) => entries > 0)
    .toSorted(([, a], [, b]) => b.entries / b.room - a.entries / a.room)
    .slice(0, 4)
    .map(([name, { entries, room }]) => `${name} ${entries} of ${room}`)
    .join(", ")

const command = "node bench/storms.ts"

/** `say` hears of each storm when it is over. */
export const storms = async (
  sizes: StormSizes = nightly,
  say: (text: string) => void = () => undefined,
): Promise<ReadonlyArray<Result>> => {
  const storm = compiled("storm")
  const mapUse = compiled("mapUse")
  const server = await startProgram("storm", "serve")
  const sonde = new Sonde({
    set: [`agent.excludePrograms=${othersThan(["storm", "crowd"]).join(",")}`],
  })
  try {
    await sonde.capturing(120)
    await sleep(5_000)
    const storms = new Storms(sonde, storm, mapUse, server.line)
    const mostMiB =
      (await sonde.get<StatusView>("/api/v1/status")).agents[0]!.budget!.memory.limitBytes / 2 ** 20
    const before = {
      held: await storms.held(),
      objects: await storms.objects(),
      resident: storms.resident().now,
      use: storms.mapUse(),
    }

    const { connectionSeconds, connectionsPerSecond, processSeconds, processes, sockets } = sizes
    const lives = await storms.storm("/lives", "processes", String(processes), String(processSeconds))
    say(`lives: ${judged(lives).text}`)
    const calls = await storms.storm(
      "/calls",
      "connections",
      String(connectionsPerSecond),
      String(connectionSeconds),
    )

    say(`calls: ${judged(calls).text}`)
    storms.forgetPeak()
    const stopCrowd = await startCrowd(crowdProcesses, sockets)
    const flows = await until(
      "the open connections are known",
      () => sonde.metric("sonde_agent_tcp_flows"),
      (count) => count >= sockets,
      120,
    ).catch(() => sonde.metric("sonde_agent_tcp_flows"))
    const open = { use: storms.mapUse(), most: storms.resident().most }
    await stopCrowd()
    say(
      `sockets: ${flows} connections known; at most ${open.most} MiB resident; fullest: ${fullest(open.use)}`,
    )

    const isGone = (held: ReadonlyMap<string, number>): boolean =>
      gone.every((name) => held.get(name)! <= before.held.get(name)! + fewLeft)
    const after = await until("all is forgotten", () => storms.held(), isGone, calmSeconds).catch(() =>
      storms.held(),
    )
    const use = storms.mapUse()
    const left = [...use].filter(
      ([name, { entries }]) =>
        !remembering.has(name) && entries > (before.use.get(name)?.entries ?? 0) + fewLeft,
    )
    const objects = await until(
      "objects are collected",
      () => storms.objects(),
      (now) => now <= before.objects + mostGrownMiB,
      calmSeconds,
    ).catch(() => storms.objects())
    const resident = storms.resident().now
    const within = `within agent.budget.residentMiB (${mostMiB}); each stored once at either end, or counted as lost`
    const results = [
      [
        `${processes} processes that begin and end in ${processSeconds} s, each with a request`,
        judged(lives),
        lives,
      ],
      [
        `connections with a request each, ${connectionsPerSecond} a second asked for, for ${connectionSeconds} s`,
        judged(calls),
        calls,
      ],
    ] as const
    return [
      ...results.map(([what, { isCounted, text }, { counted }]) => ({
        what,
        bar: within,
        measured: text,
        isMet: isCounted && counted.residentMiB <= mostMiB,
        command,
      })),
      {
        what: `${sockets} open sockets`,
        bar: `within agent.budget.residentMiB (${mostMiB}), no table of the kernel full`,
        measured: `${flows} connections known; at most ${open.most} MiB resident; fullest: ${fullest(open.use)}`,
        isMet: open.most <= mostMiB && [...open.use.values()].every(({ entries, room }) => entries < room),
        command,
      },
      {
        what: "what is left when all of it is over",
        bar: `<= ${fewLeft} more of everything than before, <= ${mostGrownMiB} MiB more of objects`,
        measured:
          `${gone.map((name) => `${name} ${after.get(name)}`).join(", ")}; objects of the capture ${objects} MiB (before ${before.objects}), ` +
          `resident ${resident} MiB (before ${before.resident}); ` +
          `tables: ${left.length === 0 ? "nothing left" : fullest(new Map(left))}`,
        isMet: isGone(after) && left.length === 0 && objects <= before.objects + mostGrownMiB,
        command,
      },
    ]
  } finally {
    await sonde.stop()
    await server.stop()
    storm.remove()
    mapUse.remove()
  }
}

/** Tables whose entries are to outlive what they tell of, to be taken once a minute or as the least recently used (bpf/README.md). */
const remembering: ReadonlySet<string> = new Set(["servers", "mapped", "listeners", "verdicts", "file_sums"])

if (import.meta.main) for (const result of await storms(nightly, console.error)) print(result)
