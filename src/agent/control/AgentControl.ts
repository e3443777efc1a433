// The agent under a region's control: attaches to its server, delivers where it is told, waits while it may not work, takes the
// configuration and the packages it is given, reports how it fares. Without a controller configured it works by its own file alone.

import * as Effect from "effect/Effect"
import { arch, cpus, hostname, release, totalmem } from "node:os"
import type { AgentStatus } from "../../model/AgentStatus.ts"
import type { SondeConfig } from "../../runtime/configSchema.ts"
import { exposeStats, StatsSources } from "../../runtime/metrics.ts"
import { connectRpc } from "../../runtime/rpc/connectRpc.ts"
import { supervise } from "../../runtime/supervise.ts"
import { AgentRpc, controlProtocol } from "../../wire/control/AgentRpc.ts"
import type { ClientTls } from "../../runtime/tls/tlsOptions.ts"
import { type Address, parseAddress } from "../../wire/socket.ts"
import { aloneFeature } from "../capture/HostClaim.ts"
import { readMachine } from "../resource/machine.ts"
import type { Sender } from "../send/Sender.ts"
import type { UsedPackages } from "../upgrade/UsedPackages.ts"
import type { AgentIdentity } from "./AgentIdentity.ts"
import { stayAttached } from "./ControlClient.ts"
import type { ControlWork } from "./ControlSession.ts"
import { type GuestOptions, stayGuest } from "./GuestStay.ts"
import type { HomeContact } from "./HomeContact.ts"
import { KnownElsewhere } from "./KnownElsewhere.ts"
import type { RemoteConfig } from "./RemoteConfig.ts"
import { ServerList } from "./ServerList.ts"
import { supportBundle } from "./supportBundle.ts"

export interface AgentControlOptions {
  readonly config: SondeConfig
  readonly identity: AgentIdentity
  readonly version: string
  readonly sender: Sender["Service"]
  readonly status: () => AgentStatus | undefined
  readonly remoteConfig: RemoteConfig
  readonly mayWork: (may: boolean) => Effect.Effect<void>
  /** What the agent gives up to stay within its budget; empty: nothing. */
  readonly budgetTrouble: () => string
  readonly contact: HomeContact
  readonly packages: UsedPackages
}

const connectMs = 5_000

interface Waits {
  /** Why the agent may not work, by its server; empty: it may. */
  for: string
}

const work = (
  options: AgentControlOptions,
  servers: ServerList,
  elsewhere: KnownElsewhere,
  registry: typeof StatsSources.Service,
  waits: Waits,
): ControlWork => {
  const { config, contact, mayWork, packages, remoteConfig, sender, status } = options
  const machine = readMachine()
  const capabilities = () => (status()?.features ?? []).filter(({ on }) => on).map(({ name }) => name)
  const exceptions = () => {
    const told: Array<{ readonly code: string; readonly message: string }> = []
    const counters = sender.stats()
    if (remoteConfig.problem() !== "") told.push({ code: "config", message: remoteConfig.problem() })
    const { packageProblem } = packages.report()
    if (packageProblem !== "") told.push({ code: "package", message: packageProblem })
    if ((counters["send_connected"] ?? 0) === 0)
      told.push({ code: "not delivering", message: "the agent has no connection to its ingester" })
    if (options.budgetTrouble() !== "") told.push({ code: "budget", message: options.budgetTrouble() })
    else if (status()?.tier === 3) {
      const held = status()?.features.find(({ name }) => name === aloneFeature)
      told.push(
        held === undefined
          ? { code: "no capture", message: "neither system calls nor packets can be captured here" }
          : { code: "not alone", message: `${held.missing}. ${held.next}` },
      )
    }
    return told
  }
  return {
    hello: () => ({
      agent: options.identity.agentId,
      instance: sender.instance,
      protocol: controlProtocol,
      version: options.version,
      host: hostname(),
      machineId: machine.machineId,
      os: machine.os,
      kernel: release(),
      arch: arch(),
      cpuCount: cpus().length,
      memoryMiB: Math.round(totalmem() / 1_048_576),
      region: config.labeler.region,
      zone: config.agent.zone,
      capabilities: capabilities(),
      configVersion: remoteConfig.version(),
      configDigest: remoteConfig.digest(),
    }),
    assigned: (server, others, told) =>
      Effect.gen(function* () {
        const ingest = parseAddress(server.ingest)
        if (ingest === undefined)
          return yield* Effect.logWarning(
            `server ${server.id} names no address to deliver to: "${server.ingest}"`,
          )
        sender.deliverTo(ingest)
        const isKept = elsewhere.tell(told)
        contact.taken()
        if (!servers.tell(others, server) || !isKept)
          yield* Effect.logWarning(`the list of servers cannot be kept in ${config.data}`)
      }),
    waiting: (reason) =>
      Effect.gen(function* () {
        contact.taken()
        if (reason === undefined) {
          waits.for = ""
          return yield* mayWork(true)
        }
        if (reason !== waits.for) yield* Effect.logInfo(`this agent does not work: ${reason}`)
        waits.for = reason
        yield* mayWork(false)
      }),
    configure: remoteConfig.take,
    use: (offer, fetch) => packages.use(offer, fetch),
    useOnly: (names) => packages.only(names),
    support: Effect.sync(() =>
      supportBundle({
        agentId: options.identity.agentId,
        version: options.version,
        config,
        status: status(),
        counters: { ...status()?.counters, ...registry.snapshot() },
      }),
    ),
    report: () => {
      const counters = sender.stats()
      const told = exceptions()
      const cpu = process.cpuUsage()
      let droppedRows = 0
      for (const [name, value] of Object.entries(counters))
        if (/^send_dropped_(memory_full|spool_full|spool_damaged|refused|shutdown)_rows_total$/.test(name))
          droppedRows += value
      return {
        state: waits.for !== "" ? "waiting" : told.length > 0 ? "degraded" : "running",
        exceptions: told,
        capabilities: capabilities(),
        configVersion: remoteConfig.version(),
        configDigest: remoteConfig.digest(),
        configProblem: remoteConfig.problem(),
        ...packages.report(),
        rows: counters["send_acknowledged_rows_total"] ?? 0,
        bytes: 0,
        droppedRows,
        cpuMs: Math.round((cpu.user + cpu.system) / 1_000),
        memoryMiB: Math.round(process.memoryUsage().rss / 1_048_576),
      }
    },
  }
}

/** As a guest the agent works, delivers and tells how it fares; what it is to do it knows from home. */
const workOfGuest = (
  own: ControlWork,
  { contact, sender }: AgentControlOptions,
  elsewhere: KnownElsewhere,
): GuestOptions["workAt"] => {
  return (home, tls, turnAway) => ({
    ...own,
    hello: () => ({ ...own.hello(), guestOf: home }),
    assigned: (server) =>
      Effect.gen(function* () {
        const ingest = parseAddress(server.ingest)
        if (ingest === undefined)
          return yield* Effect.logWarning(`server ${server.id} names no address to deliver to`)
        contact.label = elsewhere.current?.label ?? home
        sender.deliverTo(ingest, tls)
        yield* Effect.logInfo(
          `this agent is a guest of server ${server.id}: nobody in region ${home} takes it`,
        )
      }),
    waiting: (reason) => (reason === undefined ? Effect.void : turnAway(reason)),
    configure: () => Effect.succeed(true),
    use: () => Effect.void,
    useOnly: () => Effect.void,
  })
}

/** Stays attached for as long as the scope is open. */
export const agentControl = (options: AgentControlOptions) =>
  Effect.gen(function* () {
    const { config, contact, identity } = options
    const registry = yield* StatsSources
    const servers = new ServerList(config.data, config.agent.controllers)
    const elsewhere = new KnownElsewhere(config.data)
    const waits: Waits = { for: "" }
    const own = work(options, servers, elsewhere, registry, waits)
    const connect = (address: Address, tls: ClientTls | undefined) =>
      connectRpc(AgentRpc, {
        address,
        timeoutMs: connectMs,
        ...(tls === undefined ? {} : { tls: tls() }),
      })
    yield* Effect.forkScoped(
      supervise("agent/control")(
        stayAttached({
          servers,
          connect: (address) => connect(address, identity.tls),
          work: own,
          enrolAgain: identity.enrolAgain,
          ended: (nowMs, isAnswer) => contact.ended(nowMs, isAnswer),
        }),
      ),
    )
    yield* Effect.forkScoped(
      supervise("agent/guest")(
        stayGuest({
          contact,
          elsewhere,
          agent: identity.agentId,
          host: hostname(),
          machineId: readMachine().machineId,
          credentials: identity.credentials,
          connect,
          workAt: workOfGuest(own, options, elsewhere),
          left: Effect.sync(() => {
            contact.label = ""
            const ingest = parseAddress(servers.home?.ingest ?? config.agent.server)
            if (ingest !== undefined) options.sender.deliverTo(ingest)
          }),
        }),
      ),
    )
    // A guest proves itself as well where it is.
    const trouble = () =>
      !contact.isTakenNow && contact.label === ""
        ? "it has no server"
        : waits.for === "" && (options.sender.stats()["send_connected"] ?? 0) === 0
          ? "it has no connection to deliver by"
          : ""
    yield* Effect.forkScoped(
      options.packages.prove(config.agent.proveSeconds * 1_000, trouble, () => waits.for === ""),
    )
    yield* exposeStats("agent_control", () => ({
      config_version: options.remoteConfig.version(),
      is_guest: contact.label === "" ? 0 : 1,
    }))
  })
