// Answers of administration that a test's Sonde alone does not give: a region with several servers, many agents, and settings with a
// history. Changes of settings are kept, so that the page shows what it changed.

import * as Schema from "effect/Schema"
import type { Page } from "playwright-core"
import { AgentConfigSchema } from "../../src/runtime/agentConfig.ts"
import { jsonSchemaOf } from "../../src/runtime/schemaKeys.ts"
import {
  AdminRpc,
  type AgentView,
  type ConfigVersionView,
  type GroupView,
  type LayerRef,
  type PlanView,
  type ServerView,
} from "../../src/wire/control/AdminRpc.ts"

const states = [
  "running",
  "running",
  "running",
  "degraded",
  "lost",
  "disabled",
  "pending",
  "starting",
] as const
const dayMs = 86_400_000

export const manyAgents = (count: number): ReadonlyArray<AgentView> =>
  Array.from({ length: count }, (_, i) => ({
    id: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`,
    host: `web-${String(i).padStart(5, "0")}.example.org`,
    machineId: `machine-${i}`,
    version: "0.1.0",
    group: i % 3 === 0 ? "front" : "default",
    region: "eu",
    zone: `eu-${"abc"[i % 3]}`,
    state: states[i % states.length]!,
    server: `server-${i % 3}`,
    place: `server-${i % 17 === 0 ? (i + 1) % 3 : i % 3}`,
    capabilities: i % 2 === 0 ? ["socket data", "packets"] : ["packets"],
    exceptions: i % 8 === 3 ? [{ code: "ring full", message: "events were lost in the kernel" }] : [],
    configVersion: 3,
    configWanted: i % 8 === 7 ? 4 : 3,
    configProblem: "",
    packages: i % 5 === 0 ? [{ name: "sonde-agent", version: "0.1.0" }] : [],
    packageProblem: i % 40 === 5 ? "version 0.2.0: its self-check failed" : "",
    versionWanted: i % 5 === 0 ? "0.2.0" : "",
    versionLastGood: "0.1.0",
    load: (i * 37) % 2_000,
    cpuMs: Date.now() / 50,
    memoryMiB: 60 + (i % 90),
    clockOffsetUs: (i % 40) * 25,
    firstSeenMs: Date.now() - dayMs,
    lastSeenMs: Date.now() - (i % 9) * 100,
  }))

const server = (id: string, load: number, more: Partial<ServerView> = {}): ServerView => ({
  id,
  control: `${id}:20035`,
  ingest: `${id}:20033`,
  http: `${id}:20416`,
  roles: ["controller", "labeler", "ingester", "querier"],
  region: "eu",
  zone: "eu-a",
  version: "0.1.0",
  capacity: 100,
  startedMs: Date.now() - 2 * dayMs,
  isDraining: false,
  isLeader: false,
  agents: Math.round(load / 30),
  load,
  ...more,
})

export const servers: ReadonlyArray<ServerView> = [
  server("server-0", 4_100, { isLeader: true }),
  server("server-1", 1_400, { capacity: 50, zone: "" }),
  server("server-2", 900, { isDraining: true, zone: "eu-b" }),
]

export const plan: PlanView = {
  moves: [
    { agent: "a1", host: "web-00001", from: "server-2", to: "server-1", reason: "draining", load: 700 },
    { agent: "a2", host: "web-00002", from: "server-2", to: "server-1", reason: "draining", load: 200 },
    { agent: "a3", host: "web-00003", from: "server-0", to: "server-1", reason: "above its share", load: 90 },
  ],
  servers: [
    { id: "server-0", loadBefore: 4_100, loadAfter: 4_010, agentsBefore: 137, agentsAfter: 136 },
    { id: "server-1", loadBefore: 1_400, loadAfter: 2_390, agentsBefore: 47, agentsAfter: 50 },
    { id: "server-2", loadBefore: 900, loadAfter: 0, agentsBefore: 2, agentsAfter: 0 },
  ],
  unplaced: [{ agent: "a9", reason: "no server serves zone eu-z" }],
}

const regions = [
  {
    name: "eu",
    isHere: true,
    http: ["server-0:20416"],
    state: "reachable",
    servers: 3,
    agents: 186,
    message: "",
  },
  {
    name: "us",
    isHere: false,
    http: ["us-0:20416"],
    state: "unreachable",
    servers: 0,
    agents: 0,
    message: "no answer within 2 s",
  },
]

const front: GroupView = {
  name: "front",
  description: "What users talk to",
  priority: 10,
  agents: [],
  hosts: ["web-*"],
  zones: [],
  capabilities: [],
  tags: [],
  members: 62,
}

const packages = [
  {
    kind: "plugin",
    name: "billing.wasm",
    version: "1.2.0",
    digest: "5f3c9a".repeat(10),
    bytes: 48_200,
    signer: "ci",
    addedMs: Date.now() - dayMs,
    addedBy: "local",
    groups: ["front"],
  },
]

const tokens = [
  {
    id: "t1",
    role: "agent",
    note: "rollout of May",
    createdMs: Date.now() - dayMs,
    expiresMs: 0,
    uses: 3,
    usesMost: 0,
    isRevoked: false,
  },
  {
    id: "t2",
    role: "operator",
    note: "",
    createdMs: Date.now() - dayMs,
    expiresMs: Date.now() - 1,
    uses: 9,
    usesMost: 0,
    isRevoked: false,
  },
]

const rollout = {
  layer: { layer: "region", name: "-" },
  from: 6,
  to: 7,
  state: "running",
  stage: 1,
  stages: ["1", "10%", "100%"],
  applied: 11,
  troubled: 1,
  wanted: 18,
  reason: "waits until the stage has been well for 60 s",
}

const refused = (status: number, code: string, message: string) => ({
  status,
  json: { error: { code, message, next: "" } },
})

/** Settings as a server keeps them, but in the test. */
export class FakeSettings {
  readonly versions = new Map<string, Array<ConfigVersionView>>()
  groups: ReadonlyArray<GroupView> = [front]
  rollouts: ReadonlyArray<unknown> = [rollout]
  /** Payloads of all changes, in order. */
  readonly changes: Array<{ readonly call: string; readonly payload: Record<string, unknown> }> = []

  history({ layer, name }: LayerRef): Array<ConfigVersionView> {
    const key = `${layer}/${name}`
    const known = this.versions.get(key) ?? []
    this.versions.set(key, known)
    return known
  }

  add(layer: LayerRef, values: Readonly<Record<string, unknown>>, author: string, comment: string): void {
    const history = this.history(layer)
    const version = history.length + 1
    history.unshift({ version, values, author, comment, changedMs: Date.now() - 60_000 / version })
  }

  set({ layer, values, expected, comment }: { [key: string]: never }): object {
    const newest = this.history(layer)[0]
    const inForce = newest?.version ?? 0
    if (expected !== inForce)
      return refused(409, "conflict", `${newest?.author} was first: version ${inForce} is in force`)
    const merged = Object.entries({ ...newest?.values, ...(values as object) })
    this.add(layer, Object.fromEntries(merged.filter(([, value]) => value !== null)), "token t9", comment)
    return { json: this.history(layer)[0] }
  }
}

/** The page gets these answers instead of the server's, if it asks as the server expects; calls that are not here go to the server. */
export const answerAdmin = async (page: Page, settings: FakeSettings, agents = 60): Promise<void> => {
  const all = manyAgents(agents)
  await page.route("**/api/v1/admin/*", async (route) => {
    const call = route.request().url().split("/").at(-1)!
    const payload = route.request().postDataJSON() as { [key: string]: never }
    const answers: Readonly<Record<string, () => object>> = {
      Agents: () => ({ json: all }),
      Agent: () => ({
        json: {
          agent: all.find(({ id }) => id === payload["id"]),
          config: { flushMs: 200, excludePorts: [9_000, 9_001] },
          origins: { flushMs: "region", excludePorts: "group/front" },
        },
      }),
      Servers: () => ({ json: servers }),
      Plan: () => ({ json: plan }),
      Regions: () => ({ json: regions }),
      Groups: () => ({ json: settings.groups }),
      Packages: () => ({ json: packages }),
      Tokens: () => ({ json: tokens }),
      TokenMake: () => ({ json: { id: "t3", token: "secret-of-t3" } }),
      ConfigSchema: () => ({ json: jsonSchemaOf(AgentConfigSchema) }),
      ConfigGet: () => ({
        json: settings.history(payload["layer"]!)[0] ?? {
          version: 0,
          values: {},
          author: "",
          comment: "",
          changedMs: 0,
        },
      }),
      ConfigHistory: () => ({ json: settings.history(payload["layer"]!) }),
      ConfigSet: () => settings.set(payload),
      Rollouts: () => ({ json: settings.rollouts }),
      GroupSet: () => {
        settings.groups = [...settings.groups, payload["group"] as unknown as GroupView]
        return { json: null }
      },
    }
    const { payloadSchema } = AdminRpc.requests.get(call)!
    Schema.decodeUnknownSync(Schema.toCodecJson(payloadSchema as Schema.Codec<unknown, unknown>))(payload)
    const isChange = ["ConfigSet", "GroupSet", "TokenMake"].includes(call)
    if (isChange && (await route.request().headerValue("authorization")) === null)
      return route.fulfill(refused(403, "forbidden", `${call} needs the role operator`))
    if (isChange) settings.changes.push({ call, payload })
    const answer = answers[call]
    return answer === undefined ? route.fallback() : route.fulfill(answer())
  })
}
