// The server's wiring, top to bottom in the order of data: storage, tables, ingester, querier and console, controller.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { AdminCalls } from "../controller/admin/AdminCalls.ts"
import { Controller, type ControllerError } from "../controller/main.ts"
import { whileLeading } from "../controller/membership/leading.ts"
import { Membership } from "../controller/membership/Membership.ts"
import { RegionAuthority } from "../controller/enrol/RegionAuthority.ts"
import { RegionSecurity, type SecurityError } from "../controller/enrol/RegionSecurity.ts"
import { Tokens } from "../controller/enrol/Tokens.ts"
import { Region, type RegionError } from "../controller/membership/Region.ts"
import { RegionDirectory } from "../controller/regions/RegionDirectory.ts"
import { regionsToAsk, sharing } from "../controller/regions/sharing.ts"
import { AgentDirectory } from "../ingester/receive/AgentDirectory.ts"
import { Enricher } from "../ingester/enrich/Enricher.ts"
import { AttributeFields } from "../ingester/fields/AttributeFields.ts"
import { Receiver } from "../ingester/receive/Receiver.ts"
import type { WriteError } from "../ingester/receive/BatchSink.ts"
import type { JournalError } from "../ingester/write/GroupJournal.ts"
import { RowIds } from "../ingester/write/RowIds.ts"
import { Labeler, type LeaderGate, type SourceStatus } from "../labeler/Labeler.ts"
import { labeler } from "../labeler/main.ts"
import { clickHouseEvents } from "../labeler/publish/clickHouseEvents.ts"
import { machineFeed, MachinesElsewhere, machinesOf } from "./machineFeed.ts"
import { type Retention, retentionOf } from "../tables/retention.ts"
import { Patience } from "../ingester/write/Patience.ts"
import { TableWriter } from "../ingester/write/TableWriter.ts"
import { QuerierHttp } from "../querier/QuerierHttp.ts"
import { clickHouseStore } from "../querier/store/clickHouseStore.ts"
import { Regions } from "../querier/sql/Regions.ts"
import { parseRegion, readAuthorities, regionsOf } from "../runtime/otherRegions.ts"
import { ClickHouse, ClickHouseError } from "../runtime/clickhouse/ClickHouse.ts"
import type { EngineError } from "../runtime/clickhouse/EngineError.ts"
import type { SondeConfig } from "../runtime/configSchema.ts"
import type { WebTls } from "../runtime/tls/webTls.ts"
import type { ServerTls } from "../runtime/tls/tlsOptions.ts"
import { Health } from "../runtime/Health.ts"
import { exposeStats, processStats } from "../runtime/metrics.ts"
import { migrate, type MigrationError } from "../tables/migrations/migrate.ts"
import { isLoopback, type ListenError as IngestListenError } from "../wire/socket.ts"
import type { ListenError as HttpListenError } from "../querier/QuerierHttp.ts"
import { IdAllocator } from "../tags/IdAllocator.ts"
import { AdminDoorway } from "./adminDoorway.ts"
import { consoleSources } from "./consoleSources.ts"
import { version } from "./version.ts"

const roles = ["controller", "labeler", "ingester", "querier"]

const webDirectory = fileURLToPath(new URL("../../build/web", import.meta.url))

export interface RunningServer {
  /** Where to point a browser. */
  readonly url: string
  readonly ingestPort: number
  readonly controlPort: number
  readonly adminPort: number
  /** What an agent of this machine presents to come in: a token of its own where there is TLS. */
  readonly agentToken: Effect.Effect<string>
}

export type ServerError =
  | EngineError
  | JournalError
  | WriteError
  | ClickHouseError
  | MigrationError
  | IngestListenError
  | HttpListenError
  | ControllerError
  | RegionError
  | SecurityError

const storage = ({ data, storage }: SondeConfig): Layer.Layer<ClickHouse, EngineError> =>
  storage.mode === "embedded"
    ? ClickHouse.embedded({ directory: join(resolve(data), "clickhouse"), memoryMiB: storage.memoryMiB })
    : ClickHouse.remote({ url: storage.url, user: storage.user, password: storage.password })

const tables = ({ storage }: SondeConfig) => Layer.effectDiscard(migrate(retentionOf(storage)))

const ingester = (
  { data, ingest, storage }: SondeConfig,
  region: Region["Service"],
  tls: ServerTls | undefined,
) =>
  Receiver.layer({
    host: ingest.host,
    port: ingest.port,
    token: ingest.token,
    version,
    ...(tls === undefined ? {} : { tls }),
    maxConnections: ingest.maxAgents,
  }).pipe(
    Layer.provide(
      TableWriter.layer({
        journal: join(resolve(data), "journal"),
        keptSeconds: keptSecondsOf(retentionOf(storage)),
        sampleAboveRowsPerSecond: ingest.sampleAboveRowsPerSecond,
        serverId: region.number,
      }),
    ),
    Layer.provide(AttributeFields.layer()),
    Layer.provideMerge(
      Enricher.layer({ keepDays: Math.ceil(Math.max(...Object.values(retentionOf(storage))) / 24) }),
    ),
    Layer.provide([
      region.isAlone ? IdAllocator.oneServer : IdAllocator.clustered(region.prefix),
      Patience.layer,
    ]),
    Layer.provideMerge(AgentDirectory.layer),
  )

/** What is older than all tables of its kind keep. */
const keptSecondsOf = ({ days, event, fileEvent, hours, log, minutes, seconds }: Retention) => {
  const metrics = Math.max(seconds, minutes, hours, days) * 3_600
  return {
    l7: log * 3_600,
    l4: log * 3_600,
    application: metrics,
    network: metrics,
    file: fileEvent * 3_600,
    process: event * 3_600,
    span: log * 3_600,
  }
}

/** Changes of resources become events that carry the tags of the resource. */
const resourceEvents = Layer.unwrap(
  Effect.gen(function* () {
    const { idsOf } = yield* Enricher
    const { number } = yield* Region
    const nowMs = yield* Clock.currentTimeMillis
    const ids = new RowIds(number, Math.floor(nowMs / 1_000))
    return clickHouseEvents({ resourceIdsOf: idsOf, rowIds: (second, rows) => ids.take(second, rows) })
  }),
)

const tagging = (config: SondeConfig, whenLeader: LeaderGate, elsewhere: MachinesElsewhere) =>
  labeler(config, whenLeader).pipe(Layer.provide([resourceEvents, machineFeed(elsewhere)]))

/** Work of one server of the region at a time. */
const gateOf =
  (membership: Membership["Service"]): LeaderGate =>
  (work) =>
    whileLeading(membership, "server/labeler/leading", work)

/** Told at the start, and then left out. */
const warnOfRegions = ({ cluster }: SondeConfig) =>
  Effect.gen(function* () {
    for (const text of cluster.regions)
      if (parseRegion(text) === undefined)
        yield* Effect.logWarning(`cluster.regions: expected NAME=URL, found "${text}"; it is left out`)
    if (cluster.regionsCa !== "" && readAuthorities(cluster.regionsCa) === undefined)
      yield* Effect.logWarning(
        `cluster.regionsCa: ${cluster.regionsCa} cannot be read; the system's authorities are believed`,
      )
    if (cluster.spill && cluster.global.length === 0)
      yield* Effect.logWarning(
        "cluster.spill sends no agent elsewhere without cluster.global: regions do not know each other",
      )
  })

/** The directory's regions come and go while the server runs. */
const regionsFor = ({ cluster }: SondeConfig) =>
  Layer.effect(
    Regions,
    Effect.map(RegionDirectory, (directory) => {
      const configured = regionsOf(cluster)
      return {
        self: cluster.region,
        get others() {
          return regionsToAsk(configured, directory)
        },
      }
    }),
  )

const querier = (config: SondeConfig, door: AdminDoorway, tls: WebTls | undefined) =>
  QuerierHttp.layer({ ...config.http, tls, webDirectory }).pipe(
    Layer.provide([clickHouseStore, consoleSources(config), door.layer, regionsFor(config)]),
  )

const domainView = ({ domain, lastSuccessMs, problem, records }: SourceStatus) => ({
  name: domain,
  kind: domain.split("/", 1)[0],
  state: problem !== "" ? "failing" : lastSuccessMs === 0 ? "starting" : "running",
  resources: records,
  message: problem,
})

/** Whoever named the server should hear which key did. */
const naming = ({ storage }: SondeConfig, error: ServerError): ServerError =>
  storage.mode === "remote" && error._tag === "ClickHouseError"
    ? new ClickHouseError({
        code: error.code,
        message: `${error.message}: check storage.url (${storage.url})`,
        retriable: error.retriable,
        cause: error,
      })
    : error

/** Starts everything; it stops in the opposite order when the scope closes. */
export const startServer = (config: SondeConfig): Effect.Effect<RunningServer, ServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const health = yield* Health
    yield* exposeStats("server_process", processStats)
    yield* warnOfRegions(config)
    // The console comes before the controller, whose record names its port: it asks through a door that opens later.
    const door = new AdminDoorway(isLoopback(config.http.host))
    const elsewhere = new MachinesElsewhere()
    const region = yield* Layer.build(
      Layer.mergeAll(RegionSecurity.layer(config), sharing(config)).pipe(
        Layer.provideMerge(Region.layer(config, { version, roles })),
      ),
    )
    const security = Context.get(region, RegionSecurity)
    const services = yield* Layer.build(
      querier(config, door, security.webTls).pipe(
        Layer.provideMerge(tagging(config, gateOf(Context.get(region, Membership)), elsewhere)),
        Layer.provideMerge(ingester(config, Context.get(region, Region), security.dataTls)),
        Layer.provideMerge(tables(config)),
        Layer.provideMerge(storage(config)),
      ),
    ).pipe(Effect.provideContext(region))
    const http = Context.get(services, QuerierHttp)
    const ingestPort = Context.get(services, Receiver).port
    const agents = Context.get(services, AgentDirectory)
    const labels = Context.get(services, Labeler)
    const controller = yield* Layer.build(
      Controller.layer(config, {
        version,
        ports: { ingest: ingestPort, http: http.port },
        domains: () => Effect.sync(() => labels.sources().map(domainView)),
        machines: () => machinesOf(agents),
        countersOf: (id) => agents.list().find((agent) => agent.id === id)?.status?.counters,
      }),
    ).pipe(Effect.provideContext(Context.merge(region, services)))
    door.open(Context.get(controller, AdminCalls))
    for (const part of ["storage", "ingester", "querier"]) health.set(`server/${part}`, "running")
    const { admin, control, machinesElsewhere } = Context.get(controller, Controller)
    elsewhere.from(machinesElsewhere)
    const agentToken =
      security.serverTls === undefined
        ? Effect.succeed(config.ingest.token)
        : Context.get(region, Tokens)
            .make(
              { role: "agent", note: "agent of this machine", hours: 1, usesMost: 0 },
              Context.get(region, RegionAuthority).fingerprint,
            )
            .pipe(
              Effect.map(({ token }) => token),
              Effect.orDie,
            )
    return { url: http.url, ingestPort, controlPort: control, adminPort: admin, agentToken }
  }).pipe(Effect.mapError((error) => naming(config, error)))
