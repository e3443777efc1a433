// Takes agents' connections on one port: a supervised fiber each, bounded in number, in batches in progress and in memory.
// Layer: needs BatchSink and AgentDirectory; on close it stops reading, lets writes end and acknowledges them, then closes.

import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { exposeStats } from "../../runtime/metrics.ts"
import type { ServerTls } from "../../runtime/tls/tlsOptions.ts"
import { bodyMost, inFlightMost } from "../../wire/limits.ts"
import { encodeNack, type NackReason } from "../../wire/messages.ts"
import { assertMayListen, type ListenError, listenSocket } from "../../wire/socket.ts"
import { type ConnectionOptions, handleConnection, logSeldom } from "./AgentConnection.ts"
import { AgentDirectory } from "./AgentDirectory.ts"
import { BatchSink } from "./BatchSink.ts"
import { ReceiverStats } from "./ReceiverStats.ts"

export interface ReceiverOptions extends Partial<Omit<ConnectionOptions, "asksIdentity">> {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly token: string
  readonly version: string
  readonly maxConnections: number
  /** Agents come with a certificate, and deliver nothing in another's name. */
  readonly tls?: ServerTls
  /** Plain where others can reach it: something else keeps them out. */
  readonly allowPlain?: boolean
  /** Batches in progress on all connections together. */
  readonly maxBatches?: number
  /** Bytes of decompressed bodies on all connections together; at least one body of the largest size. */
  readonly maxBodyBytes?: number
}

const defaults = {
  batchesPerConnection: 4,
  inFlight: inFlightMost,
  helloTimeout: "5 seconds",
  frameTimeout: "30 seconds",
  idleTimeout: "60 seconds",
  writeTimeout: "30 seconds",
  drainTimeout: "5 seconds",
} as const

export class Receiver extends Context.Service<
  Receiver,
  {
    /** The port in use. */
    readonly port: number
    readonly stats: () => Record<string, number>
  }
>()("sonde/ingester/Receiver") {
  static readonly layer = (
    options: ReceiverOptions,
  ): Layer.Layer<Receiver, ListenError, BatchSink | AgentDirectory> =>
    Layer.effect(Receiver, makeReceiver(options))
}

const makeReceiver = (options: ReceiverOptions) =>
  Effect.gen(function* () {
    yield* assertMayListen(options, "ingest.port", options)
    const stats = new ReceiverStats()
    const bodyKiBMost = Math.ceil(Math.max(options.maxBodyBytes ?? 4 * bodyMost, bodyMost) / 1024)
    const connectionOptions = { ...defaults, ...options, asksIdentity: options.tls !== undefined }
    const shared = {
      options: connectionOptions,
      sink: yield* BatchSink,
      agents: yield* AgentDirectory,
      stats,
      batches: yield* Semaphore.make(options.maxBatches ?? 32),
      bodyKiB: yield* Semaphore.make(bodyKiBMost),
      bodyKiBMost,
      loggedAtMs: new Map<NackReason, number>(),
      stopping: yield* Deferred.make<void>(),
    }
    yield* exposeStats("ingester", () => ({ ...stats.read(), agents: shared.agents.size }))
    const connections = yield* FiberSet.make()
    const run = yield* FiberSet.runtime(connections)()
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Deferred.succeed(shared.stopping, undefined),
        Effect.timeoutOption(
          FiberSet.awaitEmpty(connections),
          Duration.sum(Duration.fromInputUnsafe(connectionOptions.drainTimeout), Duration.seconds(1)),
        ),
      ),
    )
    const port = yield* listenSocket(options, {
      setting: "ingest.port",
      maxConnections: options.maxConnections,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      misspoke: (message) => {
        stats.unsafe++
        run(logSeldom(shared, "unexpected", message))
      },
      accept: (socket) => {
        stats.connectionsTotal++
        if (stats.connections >= options.maxConnections) {
          stats.rejected.busy++
          const message = `${options.maxConnections} agents are connected, which is the most (ingest.maxAgents)`
          run(
            socket
              .farewell(encodeNack("busy", true, message))
              .pipe(Effect.timeoutOption("1 second"), Effect.ensuring(Effect.sync(() => socket.destroy()))),
          )
          return
        }
        stats.connections++
        run(
          Effect.ensuring(
            handleConnection(socket, shared),
            Effect.sync(() => stats.connections--),
          ),
        )
      },
    })
    yield* Effect.logInfo(`agents are taken on ${options.host}:${port}`)
    return { port, stats: () => stats.read() }
  })
