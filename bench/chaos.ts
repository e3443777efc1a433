// Sudden death, again and again: server, database and agent are killed (SIGKILL) at random moments under load and started again.
// A proxy between agent and server notes what was acknowledged. At the end every acknowledged row must be stored, none twice, and
// no batch in parts. Usage: node bench/chaos.ts [rounds, default 200] [seed].

import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { startProxy } from "../src/runtime/coordination/proxy.testing.ts"
import { randomFrom } from "../test/chaos/randomFrom.ts"
import { freePort } from "../test/system/support/programs.ts"
import { Sonde, until } from "../test/system/support/Sonde.ts"
import { isMetrics, rowsOfBatch } from "./chaosBatches.ts"
import { print, type Result } from "./Result.ts"
import { type BatchNumber, Witness } from "./Witness.ts"

const agentFile = fileURLToPath(new URL("chaosAgent.ts", import.meta.url))

interface Stored {
  readonly table: string
  readonly number: BatchNumber
  readonly rows: number
  readonly different: number
}

/** Minutes are stored; hours and days come out of them inside the database, and must not count twice either. */
const metricTables: ReadonlyArray<string> = ["application.1m", "application.1h", "application.1d"]
const requestTable = "l7_flow_log"

/** Every table that a batch has to be in. */
const tablesOf = (number: BatchNumber): ReadonlyArray<string> =>
  isMetrics(number) ? metricTables : [requestTable]

/** The query API answers a bounded number of rows: batches are asked for in ranges of their numbers. */
const rangeOfNumbers = 5_000

const storedIn = async (sonde: Sonde, from: number): Promise<ReadonlyArray<Stored>> => {
  const isIn = `number >= ${from} AND number < ${from + rangeOfNumbers}`
  const ask = async (table: string, sql: string): Promise<ReadonlyArray<Stored>> =>
    (await sonde.sql(`${sql} GROUP BY number LIMIT ${rangeOfNumbers}`)).map((row) => ({
      table,
      number: Number(row["number"]),
      rows: Number(row["rows"]),
      different: Number(row["different"]),
    }))
  const requests = await ask(
    requestTable,
    `SELECT toUInt32(intDiv(flow_id, ${rowsOfBatch})) AS number, toUInt32(count()) AS rows, toUInt32(uniqExact(flow_id)) AS different
     FROM flow_log.l7_flow_log WHERE ${isIn}`,
  )
  const metrics: Array<Stored> = []
  for (const table of metricTables) {
    // One request a batch, which must count once.
    metrics.push(
      ...(await ask(
        table,
        `SELECT toUInt32(splitByChar('/', endpoint)[3]) AS number, toUInt32(sum(request)) * ${rowsOfBatch} AS rows,
           ${rowsOfBatch} AS different FROM flow_metrics.\`${table}\` WHERE endpoint LIKE '/batch/%' AND ${isIn}`,
      )),
    )
  }
  return [...requests, ...metrics]
}

const storedBatches = async (sonde: Sonde, most: number): Promise<ReadonlyArray<Stored>> => {
  const all: Array<Stored> = []
  for (let from = 0; from <= most; from += rangeOfNumbers) all.push(...(await storedIn(sonde, from)))
  return all
}

const missingOf = (witness: Witness, stored: ReadonlyArray<Stored>): ReadonlyArray<BatchNumber> => {
  const places = new Set(stored.map(({ number, table }) => `${table} ${number}`))
  return [...witness.acknowledged].filter((number) =>
    tablesOf(number).some((table) => !places.has(`${table} ${number}`)),
  )
}

/** Looks until nothing is missing, or long enough. */
const settled = async (sonde: Sonde, witness: Witness): Promise<ReadonlyArray<Stored>> => {
  const most = Math.max(0, ...witness.sent)
  for (let tries = 0; ; tries++) {
    const stored = await storedBatches(sonde, most)
    if (missingOf(witness, stored).length === 0 || tries === 20) return stored
    await sleep(1_000)
  }
}

/** "3", or "3 (17, 18, 29)" for what should not be. */
const some = (numbers: ReadonlyArray<BatchNumber>): string =>
  numbers.length === 0 ? "0" : `${numbers.length} (${numbers.slice(0, 5).join(", ")})`

const victims = ["server", "database", "agent"] as const
type Victim = (typeof victims)[number]

/** One of the three, sometimes two. */
const chooseVictims = (random: () => number): ReadonlySet<Victim> => {
  const choose = () => victims[Math.floor(random() * victims.length)]!
  return new Set(random() < 0.2 ? [choose(), choose()] : [choose()])
}

export const chaos = async (
  rounds = 200,
  seed = Math.floor(Date.now() / 1_000),
): Promise<ReadonlyArray<Result>> => {
  const random = randomFrom(seed)
  const data = mkdtempSync(join(tmpdir(), "sonde-chaos-"))
  const agentData = mkdtempSync(join(tmpdir(), "sonde-chaos-agent-"))
  const [port, http] = [await freePort(), await freePort()]
  const witness = new Witness()
  const scope = Effect.runSync(Scope.make())
  const proxy = await Effect.runPromise(
    startProxy(`tcp://127.0.0.1:${port}`, witness.connection).pipe(Scope.provide(scope)),
  )
  const startServer = () => new Sonde({ command: "server", data, http, set: [`ingest.port=${port}`] })
  const startAgent = (...more: ReadonlyArray<string>) =>
    spawn(process.execPath, [agentFile, String(proxy.port), agentData, ...more], { stdio: "ignore" })
  let server = startServer()
  let agent: ChildProcess = startAgent()
  const kills = { server: 0, database: 0, agent: 0 }
  const killAgent = async (): Promise<void> => {
    const ended = new Promise((resolve) => agent.once("exit", resolve))
    agent.kill("SIGKILL")
    await ended
  }
  try {
    await server.ready
    for (let round = 0; round < rounds; round++) {
      await sleep(200 + random() * 1_300)
      const chosen = chooseVictims(random)
      const engine = server.enginePid
      for (const victim of chosen) kills[victim]++
      if (chosen.has("database") && engine !== undefined) process.kill(engine, "SIGKILL")
      if (chosen.has("agent")) {
        await killAgent()
        agent = startAgent()
      }
      if (chosen.has("server")) {
        server.child.kill("SIGKILL")
        await server.exited
        server = startServer()
        // Sometimes it is killed again while it starts.
        if (random() < 0.7) await server.ready
      }
    }
    await server.ready
    await sleep(1_000)
    // The agent's last life delivers what the others left in the spool.
    await killAgent()
    agent = startAgent("drain")
    await new Promise((resolve) => agent.once("exit", resolve))
    await until(
      "the journal is empty",
      () => readdirSync(join(data, "journal")),
      (files) => !files.some((file) => file.endsWith(".group")),
    )
    const stored = await settled(server, witness)
    const numbersOf = (isSo: (one: Stored) => boolean) => stored.filter(isSo).map(({ number }) => number)
    const missing = missingOf(witness, stored)
    const inParts = numbersOf(({ different }) => different !== rowsOfBatch)
    const doubled = numbersOf(({ rows }) => rows > rowsOfBatch)
    const neverSent = numbersOf(({ number }) => !witness.sent.has(number))
    return [
      {
        what: `${rounds} rounds of kill -9 (server ${kills.server}, database ${kills.database}, agent ${kills.agent}; seed ${seed})`,
        bar: "all acknowledged stored, none twice",
        measured:
          `${witness.acknowledged.size.toLocaleString("en")} batches acknowledged, ${some(missing)} of them missing,` +
          ` ${some(doubled)} doubled, ${some(inParts)} in parts, ${some(neverSent)} out of nowhere`,
        isMet: missing.length + doubled.length + inParts.length + neverSent.length === 0,
        command: `node bench/chaos.ts ${rounds} ${seed}`,
      },
    ]
  } finally {
    agent.kill("SIGKILL")
    await Effect.runPromise(Scope.close(scope, Exit.void))
    await server.stop().catch(() => {})
    for (const directory of [data, agentData])
      rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }
}

if (import.meta.main) {
  const [rounds, seed] = process.argv.slice(2).map(Number)
  const results = await chaos(rounds, seed)
  for (const result of results) print(result)
  process.exit(results.every(({ isMet }) => isMet) ? 0 : 1)
}
