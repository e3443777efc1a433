// Calls to etcd's members, each with a deadline: one member at a time, another as soon as it fails. `etcd3` gives the protocol and
// the connections; its retries, leases, watches and elections are not used (docs/decisions/0008 says why).

import type { ConnectionPool } from "etcd3/lib/connection-pool.js"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { monotonicMs } from "../monotonicMs.ts"
import { CoordinationError } from "./Coordination.ts"
import { type EtcdFailure, failureOf } from "./etcdFailure.ts"

export interface EtcdOptions {
  /** `http://HOST:PORT` or `https://HOST:PORT`, all of one kind. */
  readonly endpoints: ReadonlyArray<string>
  readonly user?: string
  readonly password?: string
  /** PEM texts. `ca`: who may vouch for etcd's certificate; those that Node knows when it is missing. */
  readonly ca?: Buffer
  readonly certificate?: Buffer
  readonly key?: Buffer
  /** Deadline of one call at one member. */
  readonly callMs?: number
  /** How long a call is tried at other members before its failure shows. */
  readonly patienceMs?: number
}

export type Service = "KV" | "Lease" | "Watch" | "Auth"

/** Answers with the moment, monotonic, before they were asked for. */
export interface Answer<Response> {
  readonly response: Response
  readonly askedMs: number
}

export interface EtcdStream {
  readonly write: (request: unknown) => void
  /** Undefined: the stream ended. Rejects with the member's error. */
  readonly next: () => Promise<unknown>
}

interface Metadata {
  readonly set: (key: string, value: string) => void
}
interface Cancellable {
  readonly cancel: () => void
}
type UnaryStub = (
  request: unknown,
  metadata: Metadata,
  options: { readonly deadline: number },
  answer: (error: unknown, response: unknown) => void,
) => Cancellable
type StreamStub = (
  metadata: Metadata,
  options: { readonly deadline?: number },
) => Cancellable & AsyncIterable<unknown> & NodeJS.WritableStream

const defaultCallMs = 1_000
const defaultPatienceMs = 3_000
const pauseMs = 50

/** List pages are ours, so this is what etcd may send at most: 256 values of the largest size. */
const messageBytesMost = 512 * 1024 * 1024
const channel = {
  "grpc.max_receive_message_length": messageBytesMost,
  // A connection of its own, so that a dead one is not found again in a pool.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
}

export class EtcdClient {
  readonly where: string
  readonly counters = { calls: 0, failures: 0, members_changed: 0, watches_resumed: 0, leases_lost: 0 }
  private readonly options: EtcdOptions
  private readonly members: ReadonlyArray<ConnectionPool>
  private current: number
  private token: string | undefined

  private constructor(options: EtcdOptions, members: ReadonlyArray<ConnectionPool>, first: number) {
    this.options = options
    this.members = members
    this.current = first
    this.where = `etcd at ${options.endpoints.map((endpoint) => endpoint.replace(/^https?:\/\//, "")).join(", ")}`
  }

  /** Connects with the first call, so that it can be made before etcd runs. */
  static readonly make = (options: EtcdOptions): Effect.Effect<EtcdClient, CoordinationError, Scope.Scope> =>
    Effect.gen(function* () {
      const wrong = optionsProblem(options)
      if (wrong !== undefined) return yield* new CoordinationError({ reason: "refused", message: wrong })
      const { ConnectionPool } = yield* Effect.promise(() => import("etcd3/lib/connection-pool.js"))
      const { ca, certificate, key } = options
      const members = yield* Effect.acquireRelease(
        Effect.try({
          try: () =>
            options.endpoints.map(
              (endpoint) =>
                new ConnectionPool({
                  hosts: [endpoint],
                  grpcOptions: channel,
                  ...(ca !== undefined && {
                    credentials: {
                      rootCertificate: ca,
                      ...(certificate !== undefined &&
                        key !== undefined && { certChain: certificate, privateKey: key }),
                    },
                  }),
                }),
            ),
          catch: (cause) =>
            new CoordinationError({
              reason: "refused",
              message: `etcd's certificates cannot be used, give PEM texts: ${String(cause)}`,
              cause,
            }),
        }),
        (opened) => Effect.sync(() => opened.forEach((member) => member.close())),
      )
      return new EtcdClient(options, members, yield* Random.nextIntBetween(0, members.length - 1))
    })

  get callMs(): number {
    return this.options.callMs ?? defaultCallMs
  }

  get member(): number {
    return this.current
  }

  /** Leaves a member that failed, unless somebody has done so already. */
  leave(member: number): void {
    if (this.current !== member || this.members.length === 1) return
    this.current = (member + 1) % this.members.length
    this.counters.members_changed++
  }

  /**
   * Asks the current member, and others when it fails. What may not happen twice (`isRepeatable` false) is only asked again when it
   * is certain that nobody got it.
   */
  call<Response>(
    service: Service,
    method: string,
    request: unknown,
    isRepeatable: boolean,
    patienceMs: number = this.options.patienceMs ?? defaultPatienceMs,
  ): Effect.Effect<Answer<Response>, CoordinationError> {
    return Effect.gen({ self: this }, function* () {
      const untilMs = (yield* monotonicMs) + patienceMs
      for (let attempt = 1; ; attempt++) {
        const member = this.current
        const outcome = yield* Effect.result(
          this.callMember<Response>(member, service, method, request, this.callMs),
        )
        if (Result.isSuccess(outcome)) return outcome.success
        const failure = outcome.failure
        if (failure.reason !== "unavailable") return yield* this.told(failure)
        this.leave(member)
        const isOver = (yield* monotonicMs) >= untilMs && attempt >= this.members.length
        if (isOver || !(isRepeatable || failure.isUnheard)) return yield* this.told(failure)
        yield* Effect.sleep(pauseMs)
      }
    })
  }

  private told({ cause, details, reason }: EtcdFailure): CoordinationError {
    const advice = reason === "unavailable" ? "; is it running, and are its endpoints right?" : ""
    return new CoordinationError({ reason, message: `${this.where}: ${details}${advice}`, cause })
  }

  /** One try at one member; a token that has expired is renewed. */
  callMember<Response>(
    member: number,
    service: Service,
    method: string,
    request: unknown,
    deadlineMs: number,
  ): Effect.Effect<Answer<Response>, EtcdFailure> {
    return Effect.gen({ self: this }, function* () {
      const token = this.token ?? (yield* this.authenticate(member))
      const askedMs = yield* monotonicMs
      const outcome = yield* Effect.result(this.unary(member, service, method, request, deadlineMs, token))
      if (Result.isSuccess(outcome)) return { response: outcome.success as Response, askedMs }
      if (!outcome.failure.isTokenOld) return yield* Effect.fail(outcome.failure)
      this.forget(token)
      const renewed = this.token ?? (yield* this.authenticate(member))
      const again = yield* monotonicMs
      const response = yield* this.unary(member, service, method, request, deadlineMs, renewed)
      return { response: response as Response, askedMs: again }
    })
  }

  forget(token: string): void {
    if (this.token === token) this.token = undefined
  }

  /** Empty without a user. */
  private authenticate(member: number): Effect.Effect<string, EtcdFailure> {
    const { password = "", user = "" } = this.options
    if (user === "") return Effect.succeed("")
    const request = { name: user, password }
    return Effect.map(this.unary(member, "Auth", "authenticate", request, this.callMs, ""), (response) => {
      this.token = (response as { readonly token: string }).token
      return this.token
    })
  }

  private unary(
    member: number,
    service: Service,
    method: string,
    request: unknown,
    deadlineMs: number,
    token: string,
  ): Effect.Effect<unknown, EtcdFailure> {
    this.counters.calls++
    return Effect.gen({ self: this }, function* () {
      const deadline = (yield* Clock.currentTimeMillis) + deadlineMs
      return yield* Effect.tryPromise({
        try: (signal) =>
          this.members[member].withConnection(service, ({ client, metadata, resource }) => {
            const stub = (client as unknown as Record<string, UnaryStub>)[method]
            addHeaders(metadata, token)
            return new Promise<Result.Result<unknown, unknown>>((resolve) => {
              const call = stub.call(client, request, metadata, { deadline }, (error, response) => {
                if (error !== null && failureOf(error).reason === "unavailable") resource.resetAllServices()
                resolve(error === null ? Result.succeed(response) : Result.fail(error))
              })
              signal.addEventListener("abort", () => call.cancel())
            })
          }),
        catch: failureOf,
      })
    }).pipe(
      Effect.flatMap((outcome) =>
        Result.isSuccess(outcome) ? Effect.succeed(outcome.success) : Effect.fail(failureOf(outcome.failure)),
      ),
      Effect.tapError(() => Effect.sync(() => void this.counters.failures++)),
    )
  }

  /** A call in both directions, cancelled with the scope. */
  stream(
    member: number,
    service: Service,
    method: string,
    deadlineMs?: number,
  ): Effect.Effect<EtcdStream, EtcdFailure, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const nowMs = yield* Clock.currentTimeMillis
      const token = this.token ?? (yield* this.authenticate(member))
      const call = yield* Effect.acquireRelease(
        Effect.tryPromise({
          try: () =>
            this.members[member].withConnection(service, ({ client, metadata }) => {
              const stub = (client as unknown as Record<string, StreamStub>)[method]
              addHeaders(metadata, token)
              const opened = stub.call(
                client,
                metadata,
                deadlineMs === undefined ? {} : { deadline: nowMs + deadlineMs },
              )
              // Its errors show where it is read; without a listener the one of its end would be fatal.
              opened.on("error", () => undefined)
              return opened
            }),
          catch: failureOf,
        }),
        (opened) => Effect.sync(() => opened.cancel()),
      )
      const iterator = call[Symbol.asyncIterator]()
      return {
        write: (request) => void call.write(request as Uint8Array),
        next: async () => {
          const { done, value } = await iterator.next()
          return done === true ? undefined : value
        },
      }
    })
  }
}

/** A member without a leader says so at once, rather than letting the call wait or a watch fall silent. */
const addHeaders = (metadata: Metadata, token: string): void => {
  metadata.set("hasleader", "true")
  if (token !== "") metadata.set("token", token)
}

const optionsProblem = ({ ca, endpoints }: EtcdOptions): string | undefined => {
  if (endpoints.length === 0) return "etcd has no endpoint: give at least one (http://HOST:2379)"
  const strange = endpoints.find((endpoint) => !/^https?:\/\/[^/\s]+$/.test(endpoint))
  if (strange !== undefined)
    return `"${strange}" is no endpoint of etcd: expected http://HOST:PORT or https://HOST:PORT`
  const secure = endpoints.filter((endpoint) => endpoint.startsWith("https:")).length
  if (secure !== 0 && secure !== endpoints.length)
    return "some of etcd's endpoints are https and some are not: use one kind"
  if (secure === 0 && ca !== undefined)
    return "etcd's authority is given but its endpoints are http: use https, or leave the authority out"
  return undefined
}
