// Child of the chaos suite: some agents in one process, each with the real control client and the real sender, which delivers numbered
// batches where the region says. Usage: agentHost.ts JSON (AgentHostOptions). Prints HostTold as JSON, one a line. The line `rest` on
// standard input ends the making of batches; the process ends with its standard input.

import { join } from "node:path"
import { createInterface } from "node:readline"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { requests } from "../../bench/chaosBatches.ts"
import { agentId, simulatedAgent } from "../../bench/simulatedAgent.ts"
import { Sender } from "../../src/agent/send/Sender.ts"
import { loggerLayer } from "../../src/runtime/PinoLogger.ts"
import { ColumnEncoder } from "../../src/wire/ColumnEncoder.ts"
import { type Address, parseAddress } from "../../src/wire/socket.ts"

export interface AgentHostOptions {
  readonly from: number
  readonly count: number
  /** Counts the processes that had these agents: numbers of batches do not come again. */
  readonly life: number
  readonly directory: string
  readonly controllers: ReadonlyArray<string>
  /** Port of a server, and the one by which it is reached. */
  readonly ways: Readonly<Record<string, number>>
  readonly batchEveryMs: number
}

export type HostTold =
  | { readonly event: "assigned"; readonly agent: string; readonly server: string }
  | { readonly event: "config"; readonly agent: string; readonly flushMs: number }
  /** Nothing is owed any more: numbers of the batches of this life, and rows that were given up. */
  | {
      readonly event: "settled"
      readonly agent: string
      readonly first: number
      readonly last: number
      readonly droppedRows: number
    }

const options = JSON.parse(process.argv[2]!) as AgentHostOptions
const encoder = new ColumnEncoder()
const batchesOfLife = 100_000
const livesMost = 1_000
const making = { isOver: false }

const tell = (told: HostTold): void => console.log(JSON.stringify(told))

const way = ({ host, port }: Address): Address => ({ host, port: options.ways[port] ?? port })

const agent = (at: number) =>
  Effect.gen(function* () {
    const id = agentId(at)
    const services = yield* Layer.build(
      Sender.layer({
        token: "",
        agentId: id,
        host: `host-${at}`,
        version: "simulated",
        memoryBytes: 8 * 1_048_576,
        reconnectMostMs: 1_000,
      }),
    )
    const sender = Context.get(services, Sender)
    const first = (at * livesMost + options.life) * batchesOfLife
    const deliver = Effect.gen(function* () {
      let number = first
      while (!making.isOver) {
        for (const encoded of encoder.encode(requests(number))) sender.push(encoded)
        number++
        yield* Effect.sleep(options.batchEveryMs)
      }
      yield* sender.settled
      const droppedRows = sender.stats()["send_dropped_l7_rows_total"] ?? 0
      tell({ event: "settled", agent: id, first, last: number - 1, droppedRows })
    })
    const attached = simulatedAgent({
      at,
      id,
      instance: sender.instance,
      directory: join(options.directory, id),
      controllers: options.controllers,
      way,
      rows: () => sender.stats()["send_acknowledged_rows_total"] ?? 0,
      assigned: (server) =>
        Effect.sync(() => {
          const ingest = parseAddress(server.ingest)
          if (ingest !== undefined) sender.deliverTo(way(ingest))
          tell({ event: "assigned", agent: id, server: server.id })
        }),
      configured: (_, values) =>
        Effect.sync(() => tell({ event: "config", agent: id, flushMs: Number(values["flushMs"]) })),
    })
    yield* Effect.all([attached, deliver], { concurrency: 2, discard: true })
  }).pipe(Effect.scoped, Effect.annotateLogs("agent", agentId(at)))

createInterface({ input: process.stdin })
  .on("line", () => (making.isOver = true))
  .on("close", () => process.exit(0))
await Effect.runPromise(
  Effect.forEach(
    Array.from({ length: options.count }, (_, at) => options.from + at),
    (at) => Effect.delay(agent(at), (at - options.from) * 20),
    { concurrency: "unbounded", discard: true },
  ).pipe(Effect.provide(loggerLayer({ level: "info", format: "json" }))),
)
