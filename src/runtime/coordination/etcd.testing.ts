// etcd for tests: one or three members on free ports of the loopback, in a directory that goes away with the scope.

import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const program = "/usr/bin/etcd"
const startMs = 30_000
const pollMs = 50

/** False is said aloud: the tests that need it are skipped. */
export const hasEtcd = existsSync(program)
if (!hasEtcd)
  console.warn(
    `SKIPPED: ${program} is missing (apt-get install etcd-server), so nothing is tested against etcd`,
  )

const running = new Set<ChildProcess>()
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

export interface TestMember {
  readonly endpoint: string
  /** kill -9 */
  readonly kill: Effect.Effect<void>
  /** Begins again where it was killed. */
  readonly restart: Effect.Effect<void>
  /** SIGSTOP */
  readonly stop: Effect.Effect<void>
  readonly continue: Effect.Effect<void>
  /** Whether it leads its cluster, as it says itself. */
  readonly isLeader: Effect.Effect<boolean>
  /** Asks by etcd's JSON gateway (`kv/put`, `maintenance/alarm`, ...), whose keys and values are in base64. */
  readonly ask: <Answer>(path: string, request: unknown) => Effect.Effect<Answer, Error>
}

export interface TestEtcd {
  readonly members: ReadonlyArray<TestMember>
  readonly endpoints: ReadonlyArray<string>
}

export interface TestEtcdOptions {
  readonly members?: 1 | 3
  /** Besides those that every member gets. */
  readonly flags?: ReadonlyArray<string>
  /** Instead of http; files of a certificate and its key for 127.0.0.1. */
  readonly tls?: { readonly certificate: string; readonly key: string }
}

/** Below the range from which the system gives out ports, so that nobody is given it between now and its use. */
const portLeast = 10_300
const portsOwn = 20_000

export const freePort: Effect.Effect<number> = Effect.callback<number>((resume) => {
  const attempt = (): void => {
    const port = portLeast + Math.floor(Math.random() * portsOwn)
    const server = createServer()
    server.once("error", attempt)
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(port))))
  }
  attempt()
})

export const temporaryDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-etcd-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true })),
)

/** Repeats until it holds; fails as a defect after `withinMs`. */
export const until = (what: string, holds: Effect.Effect<boolean>, withinMs = startMs): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let waitedMs = 0; !(yield* holds); waitedMs += pollMs) {
      if (waitedMs > withinMs) return yield* Effect.die(new Error(`waited ${withinMs} ms for: ${what}`))
      yield* Effect.sleep(pollMs)
    }
  })

const ended = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) resume(Effect.void)
    else child.once("exit", () => resume(Effect.void))
  })

const kill = (child: ChildProcess): Effect.Effect<void> =>
  Effect.andThen(
    Effect.sync(() => child.kill("SIGKILL")),
    ended(child),
  )

export const startEtcd = ({ flags = [], members: count = 1, tls }: TestEtcdOptions = {}): Effect.Effect<
  TestEtcd,
  never,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const scheme = tls === undefined ? "http" : "https"
    const ports: Array<{ readonly client: number; readonly peer: number; readonly health: number }> = []
    for (let at = 0; at < count; at++)
      ports.push({ client: yield* freePort, peer: yield* freePort, health: yield* freePort })
    const cluster = ports.map(({ peer }, at) => `m${at}=http://127.0.0.1:${peer}`).join(",")

    const member = Effect.fnUntraced(function* (at: number) {
      const { client, health, peer } = ports[at]
      const endpoint = `${scheme}://127.0.0.1:${client}`
      const launch = (): ChildProcess => {
        const child = spawn(
          program,
          [
            ...["--name", `m${at}`, "--data-dir", join(directory, `m${at}`)],
            ...["--listen-client-urls", endpoint, "--advertise-client-urls", endpoint],
            ...["--listen-peer-urls", `http://127.0.0.1:${peer}`],
            ...["--initial-advertise-peer-urls", `http://127.0.0.1:${peer}`],
            ...["--initial-cluster", cluster, "--initial-cluster-token", directory],
            ...["--listen-metrics-urls", `http://127.0.0.1:${health}`],
            ...(tls === undefined ? [] : ["--cert-file", tls.certificate, "--key-file", tls.key]),
            ...flags,
          ],
          { stdio: "ignore" },
        )
        running.add(child)
        child.once("exit", () => running.delete(child))
        return child
      }
      let child = launch()
      yield* Effect.addFinalizer(() => kill(child))
      const page = (path: string): Effect.Effect<string> =>
        Effect.promise(() =>
          fetch(`http://127.0.0.1:${health}${path}`).then(
            (response) => response.text(),
            () => "",
          ),
        )
      const isReady = Effect.map(page("/health"), (text) => text.includes('"true"'))
      const signal = (name: NodeJS.Signals) => Effect.sync(() => void child.kill(name))
      return {
        isReady,
        member: {
          endpoint,
          kill: Effect.suspend(() => kill(child)),
          restart: Effect.gen(function* () {
            yield* kill(child)
            child = launch()
            yield* until(`${endpoint} to be back`, isReady)
          }),
          stop: signal("SIGSTOP"),
          continue: signal("SIGCONT"),
          isLeader: Effect.map(page("/metrics"), (text) => /^etcd_server_is_leader 1$/m.test(text)),
          ask: <Answer>(path: string, request: unknown) =>
            Effect.tryPromise({
              try: async () => {
                const response = await fetch(`${endpoint}/v3/${path}`, {
                  method: "POST",
                  body: JSON.stringify(request),
                })
                const text = await response.text()
                if (!response.ok) throw new Error(text)
                return JSON.parse(text) as Answer
              },
              catch: (cause) => new Error(`${endpoint}: ${path}: ${(cause as Error).message}`),
            }),
        } satisfies TestMember,
      }
    })

    const started = yield* Effect.forEach(
      ports.map((_, at) => at),
      member,
    )
    for (const {
      isReady,
      member: { endpoint },
    } of started)
      yield* until(`${endpoint} to be ready`, isReady)
    const members = started.map((one) => one.member)
    return { members, endpoints: members.map(({ endpoint }) => endpoint) }
  })
