// Delivers batches to the server: takes them synchronously, keeps them in bounded memory and, when they wait, in the spool, until
// the server acknowledges. What is given up is counted by kind and reason. Owns the connection and its fibers; no encoding of rows.

import { randomBytes } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Semaphore from "effect/Semaphore"
import type * as Scope from "effect/Scope"
import { monotonicMs } from "../../runtime/monotonicMs.ts"
import type { AgentStatus } from "../../model/AgentStatus.ts"
import { exposeStats } from "../../runtime/metrics.ts"
import { supervise } from "../../runtime/supervise.ts"
import type { ClientTls } from "../../runtime/tls/tlsOptions.ts"
import type { EncodedBatch } from "../../wire/ColumnEncoder.ts"
import type { Address } from "../../wire/socket.ts"
import { SendQueue } from "./SendQueue.ts"
import { runSession, type SessionState, type SessionTimes } from "./ServerSession.ts"
import { senderStats } from "./senderStats.ts"
import { Spool } from "./Spool.ts"
import { keepWaiting, recover, type SpoolKeeperOptions, spoolOlderThan } from "./SpoolKeeper.ts"

export interface SenderOptions extends Partial<SessionTimes> {
  /** Left out: nothing is sent before `deliverTo`. */
  readonly server?: Address
  readonly token: string
  /** Asked at each connection, since certificates are renewed; left out: plain. */
  readonly tls?: ClientTls
  /** Names this agent for ever, on this host. */
  readonly agentId: string
  readonly host: string
  readonly version: string
  readonly memoryBytes: number
  /** A directory of this agent alone; 0 bytes: nothing is kept there until `limit` says so. */
  readonly spool?: { readonly directory: string; readonly maxBytes: number }
  /** How long a batch may wait in memory only; then it goes to the spool. */
  readonly spoolAfterMs?: number
  /** How long the end of the agent may wait for acknowledgements. */
  readonly flushMs?: number
  /** Longest wait between attempts to connect. */
  readonly reconnectMostMs?: number
}

const defaultTimes: SessionTimes = {
  answerMs: 5_000,
  pingMs: 15_000,
  silenceMs: 40_000,
  acknowledgeMs: 60_000,
  pauseMs: 200,
  pauseMostMs: 5_000,
  handOverMs: 5_000,
}

/** Of the memory that batches may take. */
const nearlyFull = 0.75
const keeperRoundMs = 250
const logEveryMs = 60_000

export class Sender extends Context.Service<
  Sender,
  {
    /** Takes a batch at once; never waits, never throws. Its body belongs to the sender from now on. */
    readonly push: (batch: EncodedBatch) => void
    /** What the agent tells of itself: the latest is sent, also after each reconnect. */
    readonly tell: (status: AgentStatus) => void
    /**
     * The server that gets what comes from now on; one that was delivered to before may first acknowledge what it has. `tls`: other
     * than that of the options.
     */
    readonly deliverTo: (server: Address, tls?: ClientTls) => void
    /** Other limits from now on; what is too much goes as soon as something new comes. */
    readonly limit: (limits: { readonly memoryBytes: number; readonly spoolBytes: number }) => void
    /** Little more fits into memory: what can wait elsewhere should. */
    readonly isNearlyFull: () => boolean
    /** Names this life of the agent. */
    readonly instance: string
    /** By metric name without the component's prefix. */
    readonly stats: () => Record<string, number>
    /** Ends when nothing is owed any more. */
    readonly settled: Effect.Effect<void>
  }
>()("sonde/agent/Sender") {
  static readonly layer = (options: SenderOptions): Layer.Layer<Sender> =>
    Layer.effect(Sender, makeSender(options))
}

const openSpool = (queue: SendQueue, wanted: SenderOptions["spool"]): Effect.Effect<Spool | undefined> =>
  Effect.gen(function* () {
    if (wanted === undefined) return undefined
    const { spool, unfinishedFiles } = yield* Spool.open(wanted.directory)
    if (unfinishedFiles > 0)
      yield* Effect.logInfo(`${unfinishedFiles} unfinished spool files were cleared away`)
    yield* recover(queue, spool, wanted.maxBytes)
    const { recovered } = queue.counters
    if (recovered.batches > 0) {
      yield* Effect.logInfo(
        `${recovered.rows} rows in ${recovered.batches} batches wait in the spool of an earlier run`,
      )
    }
    return spool
  }).pipe(
    Effect.catchTag("SpoolError", ({ message }) =>
      Effect.as(Effect.logWarning(`${message}; batches are kept in memory only`), undefined),
    ),
  )

/** Connects again and again; says why it cannot once, and once a minute while that lasts. */
const stayConnected = (state: SessionState, mostMs: number): Effect.Effect<never> =>
  Effect.gen(function* () {
    let attempt = 0
    let lastMessage = ""
    let loggedMs = Number.NEGATIVE_INFINITY
    while (true) {
      const { server } = state
      if (server === undefined) {
        state.moved.closeUnsafe()
        yield* state.moved.await
        continue
      }
      const startedMs = yield* monotonicMs
      const { _tag, message } = yield* Effect.flip(runSession(state, server))
      if (_tag === "Moved") {
        attempt = 0
        continue
      }
      const endedMs = yield* monotonicMs
      if (endedMs - startedMs > 10_000) attempt = 0
      if (message !== lastMessage || endedMs - loggedMs >= logEveryMs) {
        lastMessage = message
        loggedMs = endedMs
        const { host, port } = server
        yield* Effect.logWarning(`no connection to the server ${host}:${port}: ${message}; trying again`)
      }
      const waitMs = Math.min(100 * 2 ** Math.min(attempt++, 16), mostMs)
      if (state.server !== server) continue
      state.moved.closeUnsafe()
      yield* Effect.timeoutOption(state.moved.await, waitMs * (0.5 + 0.5 * (yield* Random.next)))
    }
  })

const keepSpool = (queue: SendQueue, options: SpoolKeeperOptions): Effect.Effect<never> =>
  Effect.gen(function* () {
    let loggedMs = Number.NEGATIVE_INFINITY
    while (true) {
      yield* Effect.sleep(keeperRoundMs)
      yield* keepWaiting(queue, options).pipe(
        Effect.catchTag("SpoolError", ({ message }) =>
          Effect.gen(function* () {
            const nowMs = yield* monotonicMs
            if (nowMs - loggedMs >= logEveryMs) {
              loggedMs = nowMs
              yield* Effect.logWarning(
                `${message}; batches stay in memory: make room or check the directory's rights`,
              )
            }
            yield* Effect.sleep(5_000)
          }),
        ),
      )
    }
  })

/** A line a minute about what was given up since the last. */
const tellDrops = (state: SessionState): Effect.Effect<never> =>
  Effect.gen(function* () {
    const { counters } = state.queue
    let before = { ...counters.droppedRows }
    while (true) {
      yield* Effect.sleep(1_000)
      const now = { ...counters.droppedRows }
      const kinds = Object.keys(now) as Array<keyof typeof now>
      const lost = kinds
        .filter((kind) => now[kind] > before[kind])
        .map((kind) => `${now[kind] - before[kind]} ${kind}`)
      if (lost.length === 0) continue
      const reasons = Object.entries(counters.dropped).filter(([, tally]) => tally.rows > 0)
      const because = reasons.map(([reason, tally]) => `${reason} ${tally.rows}`).join(", ")
      const refusal = state.lastRefusal === "" ? "" : `; last refusal: ${state.lastRefusal}`
      yield* Effect.logWarning(`rows given up: ${lost.join(", ")} (in all: ${because}${refusal})`)
      before = now
      yield* Effect.sleep(logEveryMs)
    }
  })

const settled = (queue: SendQueue): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (queue.counters.memory.batches + queue.counters.spool.batches > 0) yield* Effect.sleep(10)
  })

/** The end: waits for the server a little, then keeps the rest in the spool, then counts what remains as dropped. */
const finish = (
  state: SessionState,
  keeper: SpoolKeeperOptions | undefined,
  flushMs: number,
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { queue } = state
    const untilMs = (yield* monotonicMs) + flushMs
    while (state.isConnected && queue.counters.memory.batches > 0 && (yield* monotonicMs) < untilMs) {
      yield* Effect.sleep(10)
    }
    if (keeper !== undefined) {
      yield* spoolOlderThan(queue, Infinity, keeper).pipe(
        Effect.catchTag("SpoolError", ({ message }) => Effect.logWarning(message)),
      )
    }
    const { rows } = queue.counters.memory
    queue.dropMemory("shutdown")
    if (rows > 0)
      yield* Effect.logWarning(
        `${rows} rows were lost at the end: neither the server nor the spool took them`,
      )
  })

const makeSender = (options: SenderOptions): Effect.Effect<Sender["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const startMs = yield* Clock.currentTimeMillis
    const instance = `${startMs.toString(36).padStart(9, "0")}-${randomBytes(8).toString("hex")}`
    const queue = new SendQueue(instance, options.memoryBytes)
    const spool = yield* openSpool(queue, options.spool)
    const state: SessionState = {
      server: options.server,
      tls: options.tls,
      hello: {
        agent: options.agentId,
        instance,
        host: options.host,
        version: options.version,
        token: options.token,
        capabilities: [],
      },
      times: { ...defaultTimes, ...options },
      queue,
      spool,
      work: yield* Latch.make(true),
      moved: yield* Latch.make(false),
      status: undefined,
      isConnected: false,
      pauses: 0,
      pausedUntilMs: 0,
      lastRefusal: "",
    }
    const keeper: SpoolKeeperOptions | undefined =
      spool === undefined || options.spool === undefined
        ? undefined
        : {
            agentId: options.agentId,
            spool,
            maxBytes: options.spool.maxBytes,
            memoryBytes: options.memoryBytes,
            afterMs: options.spoolAfterMs ?? 1_000,
            lock: yield* Semaphore.make(1),
          }
    const stats = () => senderStats(queue, state.isConnected)
    yield* exposeStats("agent", stats)
    yield* Effect.forkScoped(supervise("agent/send")(stayConnected(state, options.reconnectMostMs ?? 5_000)))
    yield* Effect.forkScoped(tellDrops(state))
    if (keeper !== undefined) yield* Effect.forkScoped(supervise("agent/spool")(keepSpool(queue, keeper)))
    let isOpen = true
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        isOpen = false
        return finish(state, keeper, options.flushMs ?? 3_000)
      }),
    )
    return {
      push: (batch) => {
        queue.push(batch)
        if (!isOpen) queue.dropMemory("shutdown")
        state.work.openUnsafe()
      },
      deliverTo: (server, tls = options.tls) => {
        const isSame = state.server?.host === server.host && state.server.port === server.port
        if (isSame && state.tls === tls) return
        state.server = server
        state.tls = tls
        state.moved.openUnsafe()
        state.work.openUnsafe()
      },
      limit: ({ memoryBytes, spoolBytes }) => {
        queue.memoryMost = memoryBytes
        if (keeper === undefined) return
        keeper.memoryBytes = memoryBytes
        keeper.maxBytes = spoolBytes
      },
      tell: (status) => {
        state.status = status
        state.work.openUnsafe()
      },
      isNearlyFull: () => queue.memoryBytes > nearlyFull * queue.memoryMost,
      instance,
      stats,
      settled: settled(queue),
    }
  })
