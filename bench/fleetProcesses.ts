// The processes of a benchmarked region: controllers (fleetServer.ts) and agents (fleetAgents.ts), and questions to the former.

import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { connectRpc, withBearer } from "../src/runtime/rpc/connectRpc.ts"
import { AdminRpc } from "../src/wire/control/AdminRpc.ts"

export interface Server {
  readonly id: string
  readonly child: ChildProcess
  readonly control: number
  readonly admin: number
  readonly token: string
}

/** A line of fleetAgents.ts. */
export interface Told {
  readonly agent: string
  readonly event: "begins" | "assigned" | "config"
  readonly ms: number
  readonly server?: string
  readonly version?: number
}

const node = (name: string, args: ReadonlyArray<string>): ChildProcess =>
  spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", fileURLToPath(new URL(name, import.meta.url)), ...args],
    { stdio: ["pipe", "pipe", "inherit"] },
  )

export interface ServerOptions {
  readonly id: string
  readonly directory: string
  /** Endpoints, with commas. */
  readonly etcd: string
}

export const startServer = ({ directory, etcd, id }: ServerOptions): Promise<Server> =>
  new Promise((resolve, reject) => {
    const child = node("fleetServer.ts", [id, join(directory, id), etcd])
    child.once("exit", (code) => reject(new Error(`server ${id} ended with ${code}`)))
    createInterface({ input: child.stdout! }).once("line", (line) =>
      resolve({ id, child, ...(JSON.parse(line) as Pick<Server, "control" | "admin" | "token">) }),
    )
  })

export interface AgentsOptions {
  readonly count: number
  readonly directory: string
  readonly servers: ReadonlyArray<Server>
  readonly told: (told: Told) => void
}

/** They end with their standard input. */
export const startAgents = ({ count, directory, servers, told }: AgentsOptions): ChildProcess => {
  const controllers = servers.map(({ control }) => `127.0.0.1:${control}`).join(",")
  const child = node("fleetAgents.ts", [String(count), join(directory, "agents"), controllers])
  createInterface({ input: child.stdout! }).on("line", (line) => told(JSON.parse(line) as Told))
  return child
}

type Administered = Pick<Server, "admin" | "token">

const clientOf = ({ admin }: Administered, timeoutMs: number) =>
  Effect.map(
    connectRpc(AdminRpc, { address: { host: "127.0.0.1", port: admin }, timeoutMs }),
    ({ client }) => client,
  )

/** Asks a server by its administration port. */
export const ask = <A>(
  server: Administered,
  question: (
    client: Effect.Success<ReturnType<typeof clientOf>>,
  ) => Effect.Effect<A, { readonly message: string }>,
  timeoutMs = 10_000,
): Promise<A> =>
  Effect.runPromise(
    Effect.scoped(Effect.flatMap(clientOf(server, timeoutMs), question).pipe(withBearer(server.token))).pipe(
      Effect.timeout(timeoutMs),
      Effect.mapError(({ message }) => new Error(message)),
    ),
  )

/** Sets `flushMs` for all agents, at once. */
export const setFlushMs = (server: Administered, flushMs: number, timeoutMs?: number) =>
  ask(
    server,
    (client) =>
      client.ConfigSet({
        layer: { layer: "default", name: "-" },
        values: { flushMs },
        comment: "bench",
        stages: [],
      }),
    timeoutMs,
  )
