// One agent's connection from HELLO to its end: takes its batches a few at a time, hands them to the sink, acknowledges what the
// sink has completed. Invariant: an ACK is sent only after `BatchSink.write` succeeded for exactly that batch.

import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Semaphore from "effect/Semaphore"
import type { AnyBatch } from "../../model/ColumnBatch.ts"
import { rowKinds, type RowKind } from "../../model/columns.ts"
import { decompress } from "../../wire/compression.ts"
import { decodeBody } from "../../wire/decodeBody.ts"
import { encodeFrame, type FrameHeader, FrameType, knownPeerLimits } from "../../wire/frame.ts"
import {
  type Batch,
  decodeBatch,
  decodeHello,
  decodeStatus,
  encodeAck,
  encodeNack,
  encodeWelcome,
  type Hello,
  type NackReason,
} from "../../wire/messages.ts"
import type { ConnectionLost, FrameRejected, FrameSocket } from "../../wire/socket.ts"
import { isTokenValid } from "../../wire/token.ts"
import type { AgentRegistry } from "./AgentDirectory.ts"
import { type BatchSink, WriteError } from "./BatchSink.ts"
import type { ReceiverStats } from "./ReceiverStats.ts"

export interface ConnectionOptions {
  readonly token: string
  /** There is TLS: an agent is who its certificate says, and `token` is asked of nobody. */
  readonly asksIdentity: boolean
  /** Sonde's version, told to agents. */
  readonly version: string
  /** Batches of one connection that are received, decoded or written at the same time. */
  readonly batchesPerConnection: number
  readonly inFlight: number
  readonly helloTimeout: Duration.Input
  /** A frame that has begun must be complete within. */
  readonly frameTimeout: Duration.Input
  /** Silence after which a connection is given up; agents say PING every 15 s. */
  readonly idleTimeout: Duration.Input
  /** A write that takes longer is answered by a retriable NACK. */
  readonly writeTimeout: Duration.Input
  /** How long a connection that has ended waits for its writes. */
  readonly drainTimeout: Duration.Input
}

/** What all connections of a receiver share. */
export interface Shared {
  readonly options: ConnectionOptions
  readonly sink: BatchSink["Service"]
  readonly agents: AgentRegistry
  readonly stats: ReceiverStats
  /** Batches in progress on all connections. */
  readonly batches: Semaphore.Semaphore
  /** KiB of decompressed bodies on all connections. */
  readonly bodyKiB: Semaphore.Semaphore
  readonly bodyKiBMost: number
  /** When a refusal was last logged, by its reason. */
  readonly loggedAtMs: Map<NackReason, number>
  readonly stopping: Deferred.Deferred<void>
}

/** The connection cannot go on; the agent is told by a NACK. */
class Rejected extends Data.TaggedError("Rejected")<{
  readonly reason: NackReason
  readonly retriable: boolean
  readonly message: string
}> {}

/** One batch is refused; the connection goes on. */
class Refused extends Data.TaggedError("Refused")<{
  readonly reason: NackReason
  readonly retriable: boolean
  readonly message: string
}> {}

const nowUs = Effect.map(Clock.currentTimeMillis, (ms) => ms * 1000)

/** One line a reason in 10 s: whoever can connect could fill the log otherwise. */
export const logSeldom = (shared: Shared, reason: NackReason, message: string): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (ms) => {
    if (ms - (shared.loggedAtMs.get(reason) ?? -Infinity) < 10_000) return Effect.void
    shared.loggedAtMs.set(reason, ms)
    return Effect.logWarning(message)
  })

const isRowKind = (kind: string): kind is RowKind => Object.hasOwn(rowKinds, kind)

const within = (duration: Duration.Input, message: string) =>
  Effect.timeoutOrElse({
    duration,
    orElse: () => Effect.fail(new Rejected({ reason: "timeout", retriable: true, message })),
  })

const notYours = (message: string, problem?: string) =>
  new Rejected({ reason: "identity", retriable: false, message: problem ?? message })

const readHello = (
  socket: FrameSocket,
  shared: Shared,
): Effect.Effect<Hello, Rejected | ConnectionLost | FrameRejected> =>
  Effect.gen(function* () {
    const { asksIdentity, token } = shared.options
    const { identity, problem } = socket.peer
    if (asksIdentity && identity.kind !== "agent") {
      const found = identity.kind === "none" ? "none" : `that of ${identity.kind} ${identity.name}`
      return yield* notYours(`expected an agent's certificate, found ${found}: enrol with a token`, problem)
    }
    const header = yield* socket.header
    if (header.type !== FrameType.hello) {
      return yield* new Rejected({ reason: "unexpected", retriable: false, message: "expected HELLO first" })
    }
    const hello = decodeHello(yield* socket.payload)
    if (hello === undefined) {
      return yield* new Rejected({ reason: "malformed", retriable: false, message: "HELLO cannot be read" })
    }
    if (asksIdentity && hello.agent !== identity.name)
      return yield* notYours(`this connection is that of agent ${identity.name}, not of ${hello.agent}`)
    if (!asksIdentity && !isTokenValid(token, hello.token)) {
      const found = hello.token === "" ? "no token" : "a token that differs"
      return yield* new Rejected({
        reason: "token",
        retriable: false,
        message: `the server asks for a token, found ${found}: set agent.token to the server's ingest.token`,
      })
    }
    return hello
  }).pipe(within(shared.options.helloTimeout, "no HELLO in time"))

/** A batch of another agent costs that batch only: the spool of an agent that was renamed holds some of its former name. */
const ownOnly = (envelope: Batch, socket: FrameSocket, shared: Shared): Effect.Effect<void, Refused> =>
  shared.options.asksIdentity && envelope.agent !== socket.peer.identity.name
    ? Effect.fail(
        new Refused({
          reason: "identity",
          retriable: false,
          message: `the batch is of agent ${envelope.agent}, the certificate of ${socket.peer.identity.name}`,
        }),
      )
    : Effect.void

const decode = (envelope: Batch, shared: Shared): Effect.Effect<AnyBatch, Refused> =>
  Effect.gen(function* () {
    const { kind } = envelope
    const refused = (reason: NackReason, message: string) =>
      new Refused({ reason, retriable: false, message })
    if (!isRowKind(kind))
      return yield* refused("kind", `rows of kind ${JSON.stringify(kind)} are not known here`)
    const body =
      envelope.codec === "none"
        ? envelope.body
        : yield* decompress(envelope.body, envelope.bytes).pipe(
            Effect.mapError(() =>
              refused("malformed", "the body does not decompress to its declared length"),
            ),
          )
    const decoded = decodeBody(kind, body)
    if (typeof decoded === "string")
      return yield* refused("malformed", `the columnar body is wrong: ${decoded}`)
    if (decoded.batch.rows !== envelope.rows)
      return yield* refused("malformed", "envelope and body differ in rows")
    shared.stats.skippedColumns += decoded.skippedColumns
    shared.stats.missingColumns += decoded.missingColumns
    shared.stats.mendedTexts += decoded.mendedTexts
    return decoded.batch
  })

const store = (envelope: Batch, shared: Shared): Effect.Effect<void, Refused> =>
  Effect.gen(function* () {
    const batch = yield* decode(envelope, shared)
    const { agent: agentId, instance, seq } = envelope
    yield* shared.sink.write({ agentId, instance, seq, batch }).pipe(
      Effect.timeoutOrElse({
        duration: shared.options.writeTimeout,
        orElse: () => Effect.fail(new WriteError({ retriable: true, message: "storing took too long" })),
      }),
      Effect.catchTag("WriteError", ({ retriable, message }) =>
        Effect.fail(new Refused({ reason: "storage", retriable, message })),
      ),
      Effect.catchCauseIf(Cause.hasDies, (cause) =>
        Effect.andThen(
          Effect.logError("storing a batch failed unexpectedly", cause),
          Effect.fail(
            new Refused({ reason: "storage", retriable: true, message: "storing failed unexpectedly" }),
          ),
        ),
      ),
    )
  }).pipe(
    shared.bodyKiB.withPermits(
      Math.min(shared.bodyKiBMost, 1 + Math.ceil(Math.max(envelope.bytes, envelope.body.length) / 1024)),
    ),
  )

const handleBatch = (socket: FrameSocket, envelope: Batch, shared: Shared): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { stats } = shared
    const { instance, seq } = envelope
    stats.batches++
    stats.rows += envelope.rows
    const answer = yield* Effect.andThen(ownOnly(envelope, socket, shared), store(envelope, shared)).pipe(
      Effect.map(() => {
        stats.acknowledged++
        stats.acknowledgedRows += envelope.rows
        shared.agents.took(envelope.agent, envelope.rows)
        return encodeAck({ instance, seq })
      }),
      Effect.catchTag("Refused", ({ reason, retriable, message }) => {
        stats.rejected[reason]++
        return Effect.succeed(encodeNack(reason, retriable, message, { instance, seq }))
      }),
    )
    yield* Effect.ignore(socket.send(answer))
  })

const serve = (socket: FrameSocket, hello: Hello, shared: Shared, handlers: FiberSet.FiberSet) =>
  Effect.gen(function* () {
    const { options, stats } = shared
    const own = yield* Semaphore.make(options.batchesPerConnection)
    const run = yield* FiberSet.runtime(handlers)()
    const payload = within(
      options.frameTimeout,
      "a frame was begun and not completed in time",
    )(socket.payload)
    const send = (bytes: Uint8Array) =>
      within(options.frameTimeout, "the agent does not read")(socket.send(bytes))

    const batch = (header: FrameHeader) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          // Waiting here is the back-pressure: the payload stays in the socket until a batch may be in progress.
          yield* restore(own.take(1))
          yield* restore(shared.batches.take(1)).pipe(Effect.onError(() => own.release(1)))
          stats.inProgress++
          const release = Effect.suspend(() => {
            stats.inProgress--
            return Effect.andThen(own.release(1), shared.batches.release(1))
          })
          const bytes = yield* restore(payload).pipe(Effect.onError(() => release))
          stats.bytes += header.payloadBytes
          const envelope = decodeBatch(bytes)
          if (envelope === undefined) {
            yield* release
            return yield* new Rejected({
              reason: "malformed",
              retriable: false,
              message: "BATCH cannot be read",
            })
          }
          run(Effect.ensuring(handleBatch(socket, envelope, shared), release))
        }),
      )

    while (true) {
      const header = yield* within(options.idleTimeout, "silence")(socket.header)
      shared.agents.seen(hello.agent, yield* nowUs)
      switch (header.type) {
        case FrameType.batch:
          yield* batch(header)
          break
        case FrameType.ping:
          yield* payload
          yield* send(encodeFrame(FrameType.pong))
          break
        case FrameType.status: {
          const status = decodeStatus(yield* payload)
          if (status === undefined) stats.rejected.malformed++
          else shared.agents.told(hello.agent, status)
          break
        }
        default:
          return yield* new Rejected({
            reason: "unexpected",
            retriable: false,
            message: `frame type ${header.type} is not for servers`,
          })
      }
      yield* Effect.yieldNow
    }
  })

/** Ends, whatever the peer does; closes the socket. */
export const handleConnection = (socket: FrameSocket, shared: Shared): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { options, stats, agents } = shared
    const handlers = yield* FiberSet.make()
    const rejected = (reason: NackReason, retriable: boolean, message: string) => {
      stats.rejected[reason]++
      return Effect.andThen(
        logSeldom(shared, reason, `connection of ${socket.remote} refused: ${message}`),
        Effect.timeoutOption(socket.farewell(encodeNack(reason, retriable, message)), "1 second"),
      )
    }
    yield* Effect.gen(function* () {
      const hello = yield* readHello(socket, shared)
      agents.connected(hello, socket.remote, yield* nowUs)
      yield* Effect.gen(function* () {
        socket.setLimits(knownPeerLimits)
        yield* socket.send(encodeWelcome({ version: options.version, inFlight: options.inFlight }))
        yield* Effect.logInfo(`agent ${hello.agent} on ${hello.host} connected from ${socket.remote}`)
        yield* serve(socket, hello, shared, handlers).pipe(Effect.raceFirst(Deferred.await(shared.stopping)))
      }).pipe(Effect.ensuring(Effect.map(nowUs, (now) => agents.disconnected(hello.agent, now))))
    }).pipe(
      Effect.catchTags({
        ConnectionLost: () => Effect.void,
        FrameRejected: ({ problem, message }) => rejected(problem, false, message),
        Rejected: ({ reason, retriable, message }) => rejected(reason, retriable, message),
      }),
    )
    // What was received is stored and, while the peer listens, acknowledged.
    yield* Effect.timeoutOption(FiberSet.awaitEmpty(handlers), options.drainTimeout)
  }).pipe(
    Effect.scoped,
    Effect.ensuring(Effect.sync(() => socket.destroy())),
    Effect.annotateLogs("part", "ingester/receive"),
  )
