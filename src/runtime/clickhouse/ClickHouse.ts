// The one way to ClickHouse, whether it is the embedded child or a server somewhere: statements, native blocks, answers.
// Owns the adapter from @clickhouse/client's promises to Effect; knows no table.

import { Readable } from "node:stream"
import { finished } from "node:stream/promises"
import {
  type ClickHouseClient,
  ClickHouseError as ClientError,
  ClickHouseLogLevel,
  type ClickHouseSettings,
  createClient,
} from "@clickhouse/client"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type EmbeddedOptions, startEmbedded } from "./EmbeddedClickHouse.ts"
import type { EngineError } from "./EngineError.ts"
import { isRetriable } from "./errorCodes.ts"

export class ClickHouseError extends Data.TaggedError("ClickHouseError")<{
  /** ClickHouse's error code (`system.errors`); 0 when there was no answer. */
  readonly code: number
  readonly message: string
  /** The same statement may succeed later: the server is away, busy or full. */
  readonly retriable: boolean
  readonly cause?: unknown
}> {}

export type Settings = ClickHouseSettings
export type Params = Readonly<Record<string, unknown>>
/** 64-bit integers are decimal strings, times as ClickHouse prints them, in UTC. */
export type Row = Readonly<Record<string, unknown>>

export interface RawOptions {
  /** Format of the answer unless the statement names one. */
  readonly format: string
  readonly params?: Params
  readonly settings?: Settings
  readonly queryId?: string
  /** Database of names without one. */
  readonly database?: string
}

export interface InsertOptions {
  /** An insert with a token that the table has seen (within its deduplication window) stores nothing. */
  readonly dedupToken?: string
}

/** Embedded: of the engine now running; remote: 0 and nothing. */
export interface ServerInfo {
  readonly url: string
  /** What every request must carry. A secret: not for logs. */
  readonly headers: Readonly<Record<string, string>>
  readonly pid: number
  readonly restarts: number
}

export interface RemoteOptions {
  readonly url: string
  readonly user?: string
  readonly password?: string
  /** What a proxy in front of it asks for. */
  readonly headers?: Readonly<Record<string, string>>
}

export class ClickHouse extends Context.Service<
  ClickHouse,
  {
    readonly query: (
      sql: string,
      params?: Params,
      settings?: Settings,
    ) => Effect.Effect<ReadonlyArray<Row>, ClickHouseError>
    /** The answer as text, in any format that is text. */
    readonly raw: (sql: string, options: RawOptions) => Effect.Effect<string, ClickHouseError>
    /** The answer's bytes as they come; the stream is closed with the scope. */
    readonly rawStream: (
      sql: string,
      options: RawOptions,
    ) => Effect.Effect<Readable, ClickHouseError, Scope.Scope>
    /** A statement without an answer. */
    readonly command: (
      sql: string,
      params?: Params,
      settings?: Settings,
    ) => Effect.Effect<void, ClickHouseError>
    /**
     * `blocks` are in Native format (encodeNative), all of these columns; several become one insert. Columns that the table does not
     * have are refused.
     */
    readonly insertNative: (
      table: string,
      columns: ReadonlyArray<string>,
      blocks: Uint8Array | ReadonlyArray<Uint8Array>,
      options?: InsertOptions,
    ) => Effect.Effect<void, ClickHouseError>
    readonly ping: Effect.Effect<void, ClickHouseError>
    readonly server: () => ServerInfo
  }
>()("sonde/runtime/ClickHouse") {
  /** A child process of this one, working in a directory. */
  static readonly embedded = (options: EmbeddedOptions): Layer.Layer<ClickHouse, EngineError> =>
    Layer.effect(
      ClickHouse,
      Effect.gen(function* () {
        const engine = yield* startEmbedded(options)
        return yield* make(() => ({
          url: engine.url(),
          headers: engine.headers,
          pid: engine.pid(),
          restarts: engine.stats.restarts,
        }))
      }),
    )

  /** A server that is there already; that it answers is not checked. */
  static readonly remote = (options: RemoteOptions): Layer.Layer<ClickHouse> =>
    Layer.effect(
      ClickHouse,
      make(() => ({ headers: {}, ...options, pid: 0, restarts: 0 })),
    )
}

type Target = ServerInfo & Pick<RemoteOptions, "user" | "password">

const defaultSettings: ClickHouseSettings = {
  // JSON.parse would round them.
  output_format_json_quote_64bit_integers: 1,
  session_timezone: "UTC",
  cancel_http_readonly_queries_on_client_close: 1,
}

const connect = (target: Target): ClickHouseClient =>
  createClient({
    url: target.url,
    ...(target.user === undefined ? {} : { username: target.user }),
    ...(target.password === undefined ? {} : { password: target.password }),
    http_headers: target.headers,
    application: "sonde",
    clickhouse_settings: defaultSettings,
    // Compressing a block costs 9 times what sending it over loopback or a LAN does.
    compression: { request: false, response: false },
    max_open_connections: 32,
    request_timeout: 120_000,
    keep_alive: { enabled: true, idle_socket_ttl: 2_500 },
    log: { level: ClickHouseLogLevel.OFF },
  })

const toError = (cause: unknown): ClickHouseError => {
  if (cause instanceof ClientError) {
    const code = Number(cause.code)
    return new ClickHouseError({
      code,
      message: cause.message,
      retriable: isRetriable(code, cause.message),
      cause,
    })
  }
  const message = cause instanceof Error ? cause.message || cause.name : String(cause)
  return new ClickHouseError({
    code: 0,
    message: `no answer from ClickHouse: ${message}`,
    retriable: true,
    cause,
  })
}

const quoted = (name: string): string => `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``

const make = (target: () => Target) =>
  Effect.gen(function* () {
    let client: ClickHouseClient | undefined
    let connectedTo = ""
    const current = (): ClickHouseClient => {
      const now = target()
      if (client === undefined || now.url !== connectedTo) {
        client?.close().catch(() => {})
        connectedTo = now.url
        client = connect(now)
      }
      return client
    }
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => client?.close().catch(() => {}) ?? Promise.resolve()),
    )

    /** An interrupted effect aborts its request. */
    const attempt = <A>(run: (client: ClickHouseClient, signal: AbortSignal) => Promise<A>) =>
      Effect.tryPromise({ try: (signal) => run(current(), signal), catch: toError })

    const command = (sql: string, params: Params = {}, settings: Settings = {}) =>
      attempt((to, signal) =>
        to.command({
          query: sql,
          query_params: params,
          // Without the wait a failure in the middle would come after a status of 200.
          clickhouse_settings: { wait_end_of_query: 1, ...settings },
          abort_signal: signal,
        }),
      ).pipe(Effect.asVoid)

    const open = (sql: string, options: RawOptions) =>
      attempt((to, signal) =>
        to.exec({
          query: sql,
          query_params: { ...options.params },
          clickhouse_settings: { ...options.settings },
          http_headers: {
            ...target().headers,
            "X-ClickHouse-Format": options.format,
            ...(options.database === undefined ? {} : { "X-ClickHouse-Database": options.database }),
          },
          ...(options.queryId === undefined ? {} : { query_id: options.queryId }),
          abort_signal: signal,
        }),
      ).pipe(Effect.map((result) => result.stream as Readable))

    const rawStream = (sql: string, options: RawOptions) =>
      Effect.acquireRelease(open(sql, options), (stream) => Effect.sync(() => stream.destroy()), {
        interruptible: true,
      })

    return ClickHouse.of({
      query: (sql, params = {}, settings = {}) =>
        attempt(async (to, signal) => {
          const result = await to.query({
            query: sql,
            query_params: params,
            clickhouse_settings: settings,
            format: "JSONEachRow",
            abort_signal: signal,
          })
          return result.json<Row>()
        }),
      raw: (sql, options) =>
        Effect.scoped(
          rawStream(sql, options).pipe(
            Effect.flatMap((stream) =>
              Effect.tryPromise({ try: () => stream.setEncoding("utf8").toArray(), catch: toError }),
            ),
            Effect.map((parts) => (parts as Array<string>).join("")),
          ),
        ),
      rawStream,
      command,
      insertNative: (table, columns, blocks, options = {}) =>
        attempt(async (to, signal) => {
          const { stream } = await to.exec({
            query: `INSERT INTO ${table} (${columns.map(quoted).join(", ")}) FORMAT Native`,
            values: Readable.from(blocks instanceof Uint8Array ? [blocks] : blocks, { objectMode: false }),
            clickhouse_settings: {
              // Native matches by name and would silently leave out columns that the table does not have.
              input_format_skip_unknown_fields: 0,
              wait_end_of_query: 1,
              async_insert: 0,
              // Merges build them: on small parts they would cost as much as the rows.
              materialize_skip_indexes_on_insert: 0,
              // A block that comes again is stored by those views that a sudden end left behind, and by no other.
              deduplicate_blocks_in_dependent_materialized_views: 1,
              ...(options.dedupToken === undefined ? {} : { insert_deduplication_token: options.dedupToken }),
            },
            abort_signal: signal,
          })
          await finished(stream.resume())
        }),
      ping: attempt(async (to) => {
        const result = await to.ping()
        if (!result.success) throw result.error
      }),
      server: () => {
        const { url, headers, pid, restarts } = target()
        return { url, headers, pid, restarts }
      },
    })
  })
