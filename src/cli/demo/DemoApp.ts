// A small real application for the first look: nginx in front of a Node shop, which asks a Python stock service (SQLite) and
// Redis. Starts the programs that are installed, drives them with requests, and leaves nothing behind.

import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { Agent, request } from "node:http"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

/** The demo cannot run here; the message says what to install. */
export class DemoUnavailable extends Data.TaggedError("DemoUnavailable")<{ readonly message: string }> {}

export interface DemoApp {
  /** Where requests go in. */
  readonly port: number
  /** What runs, for people: "nginx :41234". */
  readonly programs: ReadonlyArray<string>
  /** What was left out because it is not installed. */
  readonly absent: ReadonlyArray<string>
}

const found = (program: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/bin"]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path))

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() =>
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)),
    )
  })
})

/** The programs that the demo can start here, by whether they are installed. */
export const demoPrograms = (): {
  readonly missing: ReadonlyArray<string>
  readonly optional: ReadonlyArray<string>
} => ({
  missing: ["python3"].filter((program) => found(program) === undefined),
  optional: ["nginx", "redis-server"].filter((program) => found(program) === undefined),
})

const nginxConfig = (folder: string, port: number, shopPort: number): string => `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream shop { server 127.0.0.1:${shopPort}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://shop;
      proxy_http_version 1.1;
      proxy_set_header connection "";
      proxy_set_header host $host;
      proxy_set_header x-request-id $request_id;
    }
  }
}
`

const start = (command: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(command, args, { stdio: "ignore" })),
    (child: ChildProcess) =>
      Effect.callback<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
          return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGTERM")
        const hard = setTimeout(() => child.kill("SIGKILL"), 2_000)
        hard.unref()
      }),
  )

/** Waits until something accepts connections on the port, at most about ten seconds. */
const waitFor = (port: number): Effect.Effect<void, DemoUnavailable> =>
  Effect.callback<void, DemoUnavailable>((resume) => {
    const socket = connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", () => resume(new DemoUnavailable({ message: `nothing came up on port ${port}` })))
  }).pipe(Effect.retry({ times: 200, schedule: Schedule.spaced("50 millis") }))

const ask = (agent: Agent, port: number, method: string, path: string): Effect.Effect<number> =>
  Effect.callback<number>((resume) => {
    const outgoing = request({ agent, host: "127.0.0.1", port, method, path, timeout: 5_000 }, (response) => {
      response.resume()
      response.on("end", () => resume(Effect.succeed(response.statusCode ?? 0)))
      response.on("error", () => resume(Effect.succeed(0)))
    })
    outgoing.on("timeout", () => outgoing.destroy())
    outgoing.on("error", () => resume(Effect.succeed(0)))
    outgoing.end()
  })

/** Starts the application; it stops when the scope closes. */
export const startDemo: Effect.Effect<DemoApp, DemoUnavailable, Scope.Scope> = Effect.gen(function* () {
  const { missing, optional } = demoPrograms()
  if (missing.length > 0) {
    return yield* new DemoUnavailable({
      message: `the demo needs ${missing.join(", ")}: apt-get install ${missing.join(" ")}`,
    })
  }
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "sonde-demo-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true })),
  )
  const programs: Array<string> = []
  const stockPort = yield* freePort
  yield* start("python3", [
    fileURLToPath(new URL("stock.py", import.meta.url)),
    String(stockPort),
    join(folder, "stock.db"),
  ])
  programs.push(`python3 stock service :${stockPort}`)
  let redisPort = 0
  if (!optional.includes("redis-server")) {
    redisPort = yield* freePort
    yield* start(found("redis-server")!, [
      "--port",
      String(redisPort),
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--dir",
      folder,
    ])
    programs.push(`redis-server :${redisPort}`)
  }
  const shopPort = yield* freePort
  yield* waitFor(stockPort)
  if (redisPort !== 0) yield* waitFor(redisPort)
  yield* start(process.execPath, [
    fileURLToPath(new URL("shop.mjs", import.meta.url)),
    String(shopPort),
    String(stockPort),
    String(redisPort),
  ])
  programs.push(`node shop service :${shopPort}`)
  yield* waitFor(shopPort)
  let port = shopPort
  if (!optional.includes("nginx")) {
    port = yield* freePort
    const config = join(folder, "nginx.conf")
    yield* Effect.promise(() => writeFile(config, nginxConfig(folder, port, shopPort)))
    yield* start(found("nginx")!, ["-p", folder, "-c", config])
    programs.push(`nginx :${port}`)
    yield* waitFor(port)
  }
  return { port, programs, absent: optional }
})

/** What visitors of the shop do: mostly products, sometimes carts, now and then something slow, missing or broken. */
const visit = (n: number): readonly [method: string, path: string] => {
  if (n < 0.6) return ["GET", `/products/${1 + Math.floor(n * 100)}`]
  if (n < 0.8) return ["POST", `/cart/user-${Math.floor(n * 20)}`]
  if (n < 0.86) return ["GET", "/products/999"]
  if (n < 0.9) return ["GET", `/checkout/user-${Math.floor(n * 20)}`]
  if (n < 0.95) return ["GET", "/slow"]
  return ["GET", "/nowhere"]
}

/** Makes `perSecond` requests a second until it is interrupted; `answered` hears the status of each (0: none). */
export const driveDemo = (
  app: DemoApp,
  perSecond: number,
  answered: (status: number) => void,
): Effect.Effect<never> =>
  Effect.gen(function* () {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 })
    yield* Effect.addFinalizer(() => Effect.sync(() => agent.destroy()))
    const one = Effect.gen(function* () {
      const [method, path] = visit(yield* Random.next)
      answered(yield* ask(agent, app.port, method, path))
    })
    return yield* Effect.forever(
      Effect.gen(function* () {
        yield* Effect.forkScoped(one)
        yield* Effect.sleep(1_000 / perSecond)
      }),
    )
  }).pipe(Effect.scoped)
