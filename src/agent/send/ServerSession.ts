// One connection to the server, from HELLO to its end: sends what is owed within the window, hears what became of it.

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"
import { monotonicMs } from "../../runtime/monotonicMs.ts"
import type { AgentStatus } from "../../model/AgentStatus.ts"
import type { ClientTls } from "../../runtime/tls/tlsOptions.ts"
import { encodeFrame, FrameType, knownPeerLimits } from "../../wire/frame.ts"
import { inFlightMost } from "../../wire/limits.ts"
import {
  decodeAck,
  decodeNack,
  decodeWelcome,
  encodeHello,
  encodeStatus,
  type Hello,
  type Nack,
} from "../../wire/messages.ts"
import { type Address, ConnectionLost, connectSocket, type FrameSocket } from "../../wire/socket.ts"
import { frameOf } from "./outgoingFrame.ts"
import type { SendQueue } from "./SendQueue.ts"
import { removeFile } from "./SpoolKeeper.ts"
import type { Spool } from "./Spool.ts"

/** The agent delivers to another server from now on. */
export class Moved extends Data.TaggedError("Moved")<{ readonly message: string }> {}

/** The server does not want this agent, or not in this way. */
export class ServerRefused extends Data.TaggedError("ServerRefused")<{
  readonly retriable: boolean
  readonly message: string
}> {}

export interface SessionTimes {
  /** For connecting, for WELCOME, and for the server to take a frame. */
  readonly answerMs: number
  readonly pingMs: number
  /** Without an answer to anything for so long the connection is given up. */
  readonly silenceMs: number
  /** Without an ACK or NACK of a batch for so long the connection is given up. */
  readonly acknowledgeMs: number
  /** First wait after a retriable NACK; doubles up to `pauseMostMs`. */
  readonly pauseMs: number
  readonly pauseMostMs: number
  /** How long a server that is left may take to acknowledge what it has. */
  readonly handOverMs: number
}

/** What outlives a connection. */
export interface SessionState {
  /** Where to deliver; undefined until that is known. Changed while connected: the session hands over and ends with `Moved`. */
  server: Address | undefined
  tls: ClientTls | undefined
  readonly hello: Hello
  readonly times: SessionTimes
  readonly queue: SendQueue
  readonly spool: Spool | undefined
  /** Opened when there may be something to send. */
  readonly work: Latch.Latch
  /** Opened when `server` was changed. */
  readonly moved: Latch.Latch
  /** What the agent told last; sent when it is new to this connection. */
  status: AgentStatus | undefined
  isConnected: boolean
  /** Retriable NACKs in a row. */
  pauses: number
  pausedUntilMs: number
  /** Why batches were refused last, for the log. */
  lastRefusal: string
}

const lost = (message: string) => new ConnectionLost({ message })

const within = (ms: number, message: string) =>
  Effect.timeoutOrElse({ duration: ms, orElse: () => Effect.fail(lost(message)) })

const refused = ({ reason, retriable, message }: Nack) =>
  new ServerRefused({ retriable, message: `${reason}: ${message}` })

const greet = (socket: FrameSocket, state: SessionState) =>
  Effect.gen(function* () {
    yield* socket.send(encodeHello(state.hello))
    const header = yield* socket.header
    const payload = yield* socket.payload
    if (header.type === FrameType.nack) {
      const nack = decodeNack(payload)
      if (nack !== undefined) return yield* refused(nack)
    }
    const welcome = header.type === FrameType.welcome ? decodeWelcome(payload) : undefined
    if (welcome === undefined)
      return yield* new ServerRefused({ retriable: true, message: "no WELCOME was answered" })
    socket.setLimits(knownPeerLimits)
    return welcome
  }).pipe(within(state.times.answerMs, "the server does not answer"))

/** Once there is another server: what is in flight gets its time to be acknowledged, so that the other is not sent it as well. */
const handOver = (state: SessionState, server: Address) =>
  Effect.gen(function* () {
    const { queue, times } = state
    while (state.server === server) {
      state.moved.closeUnsafe()
      yield* state.moved.await
    }
    const untilMs = (yield* monotonicMs) + times.handOverMs
    while (queue.inFlight > 0 && (yield* monotonicMs) < untilMs) yield* Effect.sleep(10)
    return yield* new Moved({ message: "the agent delivers to another server now" })
  })

const write = (socket: FrameSocket, state: SessionState, server: Address, windowMost: number) =>
  Effect.gen(function* () {
    const to = `${server.host}:${server.port}`
    const { queue, spool, times, work } = state
    const send = (bytes: Uint8Array) =>
      within(times.silenceMs, "the server does not read")(socket.send(bytes))
    let told: AgentStatus | undefined
    while (true) {
      if (state.server !== server) return yield* Effect.never
      work.closeUnsafe()
      if (state.status !== undefined && state.status !== told) {
        told = state.status
        yield* send(encodeStatus(told))
      }
      const pauseMs = state.pausedUntilMs - (yield* monotonicMs)
      if (pauseMs > 0) {
        yield* Effect.sleep(pauseMs)
        continue
      }
      const entry = queue.inFlight < (queue.suspects > 0 ? 1 : windowMost) ? queue.next() : undefined
      if (entry === undefined) {
        yield* work.await
        continue
      }
      const frame = yield* frameOf(queue, entry, state.hello.agent, spool)
      if (entry.isDone) continue
      if (frame === undefined) {
        queue.drop(entry, "spool_damaged")
        yield* removeFile(spool, entry)
        continue
      }
      queue.sent(entry, yield* monotonicMs, to)
      yield* send(frame)
    }
  })

const refuseBatch = (
  state: SessionState,
  nack: Nack & { readonly batch: { instance: string; seq: number } },
) =>
  Effect.gen(function* () {
    const { queue, times } = state
    const { instance, seq } = nack.batch
    state.lastRefusal = `${nack.reason}: ${nack.message}`
    if (!nack.retriable) {
      yield* removeFile(state.spool, queue.refuse(instance, seq))
      return
    }
    queue.retry(instance, seq)
    const pauseMs = Math.min(times.pauseMs * 2 ** Math.min(state.pauses, 16), times.pauseMostMs)
    const nowMs = yield* monotonicMs
    // The batches in flight fail together: they are one failure.
    if (nowMs >= state.pausedUntilMs) {
      state.pauses++
      state.pausedUntilMs = nowMs + pauseMs
    }
  })

const read = (socket: FrameSocket, state: SessionState) =>
  Effect.gen(function* () {
    const { queue, spool } = state
    while (true) {
      const header = yield* socket.header
      const payload = yield* socket.payload
      switch (header.type) {
        case FrameType.ack: {
          const ack = decodeAck(payload)
          if (ack === undefined) return yield* lost("the server sent an unreadable ACK")
          state.pauses = 0
          yield* removeFile(spool, queue.acknowledge(ack.instance, ack.seq))
          break
        }
        case FrameType.nack: {
          const nack = decodeNack(payload)
          if (nack === undefined) return yield* lost("the server sent an unreadable NACK")
          const { batch } = nack
          if (batch === null) return yield* refused(nack)
          yield* refuseBatch(state, { ...nack, batch })
          break
        }
        case FrameType.pong:
          break
        default:
          return yield* lost(`the server sent a frame of type ${header.type}`)
      }
      state.work.openUnsafe()
    }
  })

const watch = (socket: FrameSocket, state: SessionState) =>
  Effect.gen(function* () {
    const { times, queue } = state
    let heardBytes = socket.receivedBytes
    let heardMs = yield* monotonicMs
    while (true) {
      yield* Effect.sleep(times.pingMs)
      const nowMs = yield* monotonicMs
      if (socket.receivedBytes !== heardBytes) {
        heardBytes = socket.receivedBytes
        heardMs = nowMs
      }
      if (nowMs - heardMs >= times.silenceMs)
        return yield* lost(`the server is silent for ${Math.round(nowMs - heardMs)} ms`)
      if (nowMs - queue.oldestInFlightMs >= times.acknowledgeMs)
        return yield* lost("the server does not acknowledge")
      yield* within(times.silenceMs, "the server does not read")(socket.send(encodeFrame(FrameType.ping)))
    }
  })

/** Lasts as long as the connection; always fails. */
export const runSession = (state: SessionState, server: Address) =>
  Effect.gen(function* () {
    const { times } = state
    const socket = yield* connectSocket(server, state.tls?.()).pipe(
      within(times.answerMs, "no connection in time"),
    )
    const welcome = yield* greet(socket, state)
    state.isConnected = true
    yield* Effect.logInfo(`connected to the server at ${socket.remote} (Sonde ${welcome.version})`)
    const windowMost = Math.max(1, Math.min(welcome.inFlight, inFlightMost))
    return yield* Effect.raceAllFirst([
      write(socket, state, server, windowMost),
      read(socket, state),
      watch(socket, state),
      handOver(state, server),
    ])
  }).pipe(
    Effect.scoped,
    Effect.onExit((exit) =>
      Effect.gen(function* () {
        state.isConnected = false
        const failure =
          exit._tag === "Failure" ? exit.cause.reasons.find((reason) => reason._tag === "Fail") : undefined
        const wasRefused = failure?.error._tag === "ServerRefused" && !failure.error.retriable
        for (const entry of state.queue.disconnected(wasRefused)) yield* removeFile(state.spool, entry)
      }),
    ),
  )
