// The agent's wiring: capture worker -> sender -> ingester, the worker's status beside it, and the region's control over it all.

import * as Effect from "effect/Effect"
import { hostname } from "node:os"
import { join, resolve } from "node:path"
import type { AgentStatus } from "../model/AgentStatus.ts"
import type { SondeConfig } from "../runtime/configSchema.ts"
import { exposeStats, processStats, StatsSources } from "../runtime/metrics.ts"
import { monotonicMs } from "../runtime/monotonicMs.ts"
import { supervise } from "../runtime/supervise.ts"
import { type Address, parseAddress } from "../wire/socket.ts"
import { AgentStartError, readAgentId } from "./agentId.ts"
import { makeBudgetKeeper } from "./budget/BudgetKeeper.ts"
import { makeCaptureRunner } from "./capture/CaptureRunner.ts"
import { makeHostTurn } from "./capture/HostTurn.ts"
import { agentIdentity, type AgentIdentity } from "./control/AgentIdentity.ts"
import { agentControl } from "./control/AgentControl.ts"
import { HomeContact } from "./control/HomeContact.ts"
import { makeFollowedConfig } from "./control/FollowedConfig.ts"
import { PackageStore } from "./control/PackageStore.ts"
import { relaySpans } from "./relay/relay.ts"
import { readMachine } from "./resource/machine.ts"
import { limiting, sendLimits } from "./send/limitSender.ts"
import { Sender } from "./send/Sender.ts"
import type { LauncherMessage } from "./upgrade/launcherMessages.ts"
import { readRelease } from "./upgrade/ReleaseFile.ts"
import { UsedPackages } from "./upgrade/UsedPackages.ts"

export interface AgentOptions {
  readonly version: string
  /** Processes to leave alone: Sonde's own. */
  readonly excludePids: ReadonlyArray<number>
  /** Was the key of the configuration set on this machine? Then no server changes it. */
  readonly isExplicit: (path: string) => boolean
  /** What started this agent and can start another version in its place; undefined: nothing does. */
  readonly launcher?:
    | {
        /** Of Sonde, as the launcher is. */
        readonly version: string
        readonly tell: (message: LauncherMessage) => void
        /** With which an agent of this machine is started: a version that comes as a package is checked with them. */
        readonly startArguments: ReadonlyArray<string>
      }
    | undefined
}

/** Ports of Sonde's own conversations: none of them is a request to show. */
const ownPorts = (config: SondeConfig, server: Address | undefined): ReadonlyArray<number> =>
  [
    server?.port ?? 0,
    config.ingest.port,
    config.http.port,
    config.control.port,
    config.admin.port,
    config.agent.relay.enabled ? config.agent.relay.port : 0,
    ...config.agent.controllers.map((controller) => parseAddress(controller)?.port ?? 0),
    ...config.agent.excludePorts,
  ].filter((port) => port > 0)

const usedPackages = (
  { agent, data }: SondeConfig,
  { launcher }: AgentOptions,
  tier: () => number,
): UsedPackages =>
  new UsedPackages({
    data,
    store: new PackageStore(join(data, "packages"), agent.packageKeys),
    launcher:
      launcher === undefined ? undefined : { ...launcher, release: readRelease(data, launcher.version) },
    tier,
  })

const capture = (
  config: SondeConfig,
  identity: AgentIdentity,
  server: Address | undefined,
  options: AgentOptions,
) =>
  Effect.gen(function* () {
    const sender = yield* Sender
    const registry = yield* StatsSources
    yield* exposeStats("agent_process", processStats)
    const followed = yield* makeFollowedConfig({
      directory: config.data,
      version: options.version,
      local: config.agent,
      isExplicit: (path) => options.isExplicit(`agent.${path}`),
    })
    sender.limit(sendLimits(followed.config()))
    let latest: AgentStatus | undefined
    const contact = new HomeContact(yield* monotonicMs)
    const isControlled = config.agent.controllers.length > 0
    const settings = () => (isControlled ? followed.config() : config.agent)
    const budget = yield* makeBudgetKeeper(settings)
    const turn = yield* makeHostTurn(resolve(config.data), settings())
    const runner = yield* makeCaptureRunner(
      settings(),
      (agent, shed) => ({
        agent,
        other: turn.otherFor(agent),
        shed,
        excludePids: options.excludePids,
        excludePorts: ownPorts({ ...config, agent }, server),
      }),
      {
        onBatch: (batch) => sender.push(batch),
        onBegin: budget.begun,
        onFailed: budget.failed,
        onCost: budget.costs,
        onStatus: (status) => {
          const reported = budget.report(status)
          latest = {
            ...status,
            ...reported,
            machine: { ...readMachine(), ...(contact.label === "" ? {} : { region: contact.label }) },
            counters: { ...reported.counters, ...registry.snapshot() },
          }
          sender.tell(latest)
        },
      },
    )
    yield* turn.follow(runner.anew)
    yield* relaySpans(config.agent, sender)
    yield* Effect.forkScoped(supervise("agent/budget")(budget.keep(runner)))
    if (isControlled) {
      yield* followed.follow(limiting(sender, runner))
      yield* agentControl({
        config,
        identity,
        version: options.version,
        sender,
        status: () => latest,
        remoteConfig: followed,
        mayWork: (may) => Effect.andThen(runner.mayWork(may), may ? Effect.void : turn.leave),
        budgetTrouble: budget.trouble,
        contact,
        packages: usedPackages(config, options, () => latest?.tier ?? 3),
      })
    }
    return yield* runner.run
  })

const addressOf = (config: SondeConfig): Effect.Effect<Address | undefined, AgentStartError> => {
  const { controllers, server } = config.agent
  const wrong = controllers.find((controller) => parseAddress(controller) === undefined)
  const expected = (key: string, found: string) =>
    Effect.fail(new AgentStartError({ message: `${key}: expected host:port, found "${found}"` }))
  if (wrong !== undefined) return expected("agent.controllers", wrong)
  if (server === "" && controllers.length > 0) return Effect.succeed(undefined)
  const address = parseAddress(server)
  return address === undefined ? expected("agent.server", server) : Effect.succeed(address)
}

/** Runs the agent until it is interrupted; then it flushes, detaches and keeps in the spool what the server did not take. */
export const runAgent = (config: SondeConfig, options: AgentOptions): Effect.Effect<void, AgentStartError> =>
  Effect.gen(function* () {
    const server = yield* addressOf(config)
    const identity = yield* agentIdentity({
      data: config.data,
      agentId: yield* readAgentId(config.data),
      token: config.agent.token,
      controllers: config.agent.controllers,
    }).pipe(Effect.mapError(({ message }) => new AgentStartError({ message })))
    const { agentId, tls } = identity
    const { memoryBytes, spoolBytes } = sendLimits(config.agent)
    const sender = Sender.layer({
      ...(server === undefined ? {} : { server }),
      token: config.agent.token,
      agentId,
      ...(tls === undefined ? {} : { tls }),
      host: hostname(),
      version: options.version,
      memoryBytes,
      spool: { directory: join(config.data, "spool"), maxBytes: spoolBytes },
    })
    yield* Effect.provide(capture(config, identity, server, options), sender)
  }).pipe(Effect.scoped)
