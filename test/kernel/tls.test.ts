// What programs say within TLS, through the agent's whole way from their TLS libraries to sessions: real servers and clients, seen at
// both ends, each request once.

import { spawn } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { expect, it } from "vitest"
import type { Program } from "../system/support/programs.ts"
import { describeSystem } from "../system/support/system.ts"
import { type Capturing, runBeside, startCapturing } from "./support/capturing.ts"
import { postgresPrograms } from "../system/support/servers.ts"
import {
  secureAsyncio,
  secureEtcd,
  secureMariadb,
  secureNginx,
  secureNode,
  securePostgresql,
  secureRedis,
} from "./support/tlsServers.ts"
import { hooked } from "./support/hooked.ts"
import { needed } from "./support/tracing.ts"

const ssl = "/usr/lib/x86_64-linux-gnu/libssl.so.3"

/** A server beside a capture, started after it or before; both ended after `act`. */
const withServer = async (
  start: () => Promise<Program>,
  act: (port: number, capturing: Capturing) => Promise<void>,
  order: "after" | "before" = "after",
): Promise<void> => {
  const early = order === "before" ? await start() : undefined
  let server: Program | undefined
  try {
    const capturing = await startCapturing({ tls: true, isEverything: order === "before" })
    try {
      server = early ?? (await start())
      await hooked(capturing, 1)
      await act(server.port, capturing)
      expect(capturing.stats()["kernel_tls_full_total"]).toBe(0)
    } finally {
      await capturing.stop()
    }
  } finally {
    await (server ?? early)?.stop()
  }
}

/** Node gives its first thread, and so its process, another name some time after its start. */
const programName = (name: string): string => (name === "MainThread" ? "node" : name)

/** What was read within TLS between these two programs, in order of text; the server's side must be the client's. */
const within = (
  capturing: Capturing,
  port: number,
  client: string,
  server: string,
): ReadonlyArray<string> => {
  const of = (side: "client" | "server"): ReadonlyArray<string> =>
    capturing
      .sessions(port)
      .filter((seen) => seen.isTls && seen.side === side && programName(seen.client) === client)
      .map((seen) => `${programName(seen.server)}: ${seen.text}`)
      .toSorted()
  expect(of("server")).toEqual(of("client"))
  for (const text of of("client")) expect(text.startsWith(`${server}: `)).toBe(true)
  return of("client").map((text) => text.slice(server.length + 2))
}

/** Node as a client: 4 connections at a time, 5 requests on each. */
const nodeClient = (port: number): ReadonlyArray<string> => [
  "-e",
  `const { Agent, get } = require("node:https")
   const agent = new Agent({ keepAlive: true, maxSockets: 4, rejectUnauthorized: false })
   const ask = (path) => new Promise((resolve, reject) =>
     get({ host: "127.0.0.1", port: ${port}, path, agent }, (response) => response.resume().once("end", resolve)).once("error", reject))
   const round = (i) => Promise.all([0, 1, 2, 3].map((j) => ask("/" + i + j)))
   void [0, 1, 2, 3, 4].reduce((before, i) => before.then(() => round(i)), Promise.resolve()).then(() => agent.destroy())`,
]
const nodeRequests = [0, 1, 2, 3, 4].flatMap((i) =>
  [0, 1, 2, 3].map((j) => `http1 | GET | /${i}${j} | 0 | 200`),
)

/** asyncio as a client: 8 connections at the same time, a request on each. */
const asyncioClient = (port: number): ReadonlyArray<string> => [
  "-c",
  `
import asyncio, ssl
async def ask(i):
    context = ssl._create_unverified_context()
    reader, writer = await asyncio.open_connection("127.0.0.1", ${port}, ssl=context)
    writer.write(b"GET /%d HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n" % i)
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    assert b" 200 " in head, head
    writer.close()
async def main(): await asyncio.gather(*[ask(i) for i in range(8)])
asyncio.run(main())`,
]
const asyncioRequests = Array.from({ length: 8 }, (_, i) => `http1 | GET | /${i} | 0 | 200`)

const run = async (command: string, args: ReadonlyArray<string>): Promise<void> => {
  const { output, status } = await runBeside(command, args)
  expect([status, output]).toEqual([0, expect.not.stringContaining("rror")])
}

/** Paths of the files that this process has open. */
const openFiles = (): ReadonlyArray<string> =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  })

describeSystem("TLS", [...needed, "/usr/bin/openssl", ssl], () => {
  describeSystem("nginx", ["/usr/sbin/nginx", "/usr/bin/curl", "/usr/bin/wget"], () => {
    for (const order of ["after", "before"] as const) {
      it(`reads requests of OpenSSL and GnuTLS, in HTTP/1 and HTTP/2, of a server started ${order} the agent`, () =>
        withServer(
          secureNginx,
          async (port, capturing) => {
            const url = `https://127.0.0.1:${port}`
            const curl = ["--silent", "--insecure"]
            await run("/usr/bin/curl", [...curl, "--http1.1", `${url}/one`, `${url}/broken`])
            await run("/usr/bin/curl", [...curl, "--http2", `${url}/two`, `${url}/broken`])
            await run("/usr/bin/wget", ["--no-check-certificate", "-qO-", `${url}/three`])
            const python = `import ssl, urllib.request as u; u.urlopen("${url}/four", context=ssl._create_unverified_context())`
            await run("/usr/bin/python3", ["-c", python])
            await capturing.settle()
            expect(within(capturing, port, "curl", "nginx")).toEqual([
              "http1 | GET | /broken | 3 | 500",
              "http1 | GET | /one | 0 | 200",
              "http2 | GET | /broken | 3 | 500",
              "http2 | GET | /two | 0 | 200",
            ])
            expect(within(capturing, port, "wget", "nginx")).toEqual(["http1 | GET | /three | 0 | 200"])
            expect(within(capturing, port, "python3", "nginx")).toEqual(["http1 | GET | /four | 0 | 200"])
            const handshakes = capturing
              .sessions(port)
              .filter(({ text }) => text.startsWith("tls | ClientHello"))
            expect(handshakes.length).toBe(8)
            expect(capturing.sessions(port).length).toBe(8 + 2 * 6)
          },
          order,
        ))
    }
  })

  for (const order of ["after", "before"] as const) {
    it(`joins what Node says through memory to its sockets, started ${order} the agent`, () =>
      withServer(
        secureNode,
        async (port, capturing) => {
          // libssl, and Node's own.
          await hooked(capturing, 2)
          await run(process.execPath, nodeClient(port))
          await run("/usr/bin/python3", asyncioClient(port))
          await capturing.settle()
          expect(within(capturing, port, "node", "node")).toEqual(nodeRequests)
          expect(within(capturing, port, "python3", "node")).toEqual(asyncioRequests)
        },
        order,
      ))

    it(`joins what asyncio says through memory to its sockets, started ${order} the agent`, () =>
      withServer(
        secureAsyncio,
        async (port, capturing) => {
          await run("/usr/bin/python3", asyncioClient(port))
          await capturing.settle()
          expect(within(capturing, port, "python3", "python3")).toEqual(asyncioRequests)
        },
        order,
      ))
  }

  describeSystem("Go", ["/usr/bin/etcd", "/usr/bin/curl"], () => {
    for (const order of ["after", "before"] as const) {
      it(`reads a stripped Go program, started ${order} the agent`, () =>
        withServer(
          secureEtcd,
          async (port, capturing) => {
            for (let i = 0; i < 200 && !capturing.tlsHook().includes("etcd (Go)"); i++) await sleep(50)
            const url = `https://127.0.0.1:${port}`
            await run("/usr/bin/curl", [
              "--silent",
              "--insecure",
              "--http1.1",
              `${url}/version`,
              `${url}/none`,
            ])
            await run("/usr/bin/curl", [
              "--silent",
              "--insecure",
              "--http2",
              `${url}/version`,
              `${url}/health`,
            ])
            await capturing.settle()
            expect(within(capturing, port, "curl", "etcd")).toEqual([
              "http1 | GET | /none | 4 | 404",
              "http1 | GET | /version | 0 | 200",
              "http2 | GET | /health | 0 | 200",
              "http2 | GET | /version | 0 | 200",
            ])
          },
          order,
        ))
    }
  })

  describeSystem("Redis", ["/usr/bin/redis-server", "/usr/bin/redis-cli"], () => {
    it("reads commands", () =>
      withServer(secureRedis, async (port, capturing) => {
        const client = ["--tls", "--insecure", "-p", String(port)]
        await run("/usr/bin/redis-cli", [...client, "SET", "a", "1"])
        await run("/usr/bin/redis-cli", [...client, "GET", "a"])
        await capturing.settle()
        expect(within(capturing, port, "redis-cli", "redis-server")).toEqual([
          "redis | GET | GET a | 0 | -",
          "redis | SET | SET a ? | 0 | -",
        ])
      }))
  })

  describeSystem("PostgreSQL", [`${postgresPrograms()}/postgres`, "/usr/bin/psql"], () => {
    it("reads statements after the change to TLS", () =>
      withServer(securePostgresql, async (port, capturing) => {
        const database = `host=127.0.0.1 port=${port} user=sonde dbname=postgres sslmode=require`
        await run("/usr/bin/psql", ["-X", "-q", database, "-c", "select 1 as a", "-c", "select 2 as b"])
        await capturing.settle()
        expect(within(capturing, port, "psql", "postgres")).toEqual([
          "postgresql | Q | select ? as a | 0 | -",
          "postgresql | Q | select ? as b | 0 | -",
          "postgresql | Startup | Login username: sonde db: postgres | 0 | -",
          "postgresql | X |  | - | -",
        ])
      }))
  })

  describeSystem("MySQL", ["/usr/sbin/mariadbd", "/usr/bin/mariadb"], () => {
    it("reads statements after the change to TLS", () =>
      withServer(secureMariadb, async (port, capturing) => {
        const client = [
          "--no-defaults",
          "--protocol=tcp",
          "-h",
          "127.0.0.1",
          "-P",
          String(port),
          "-u",
          "root",
          "--ssl",
        ]
        await run("/usr/bin/mariadb", [...client, "-e", "create database d; select 1 as a"])
        await capturing.settle()
        const read = within(capturing, port, "mariadb", "mariadbd")
        expect(read).toContain("mysql | COM_QUERY | create database d | 0 | -")
        expect(read).toContain("mysql | COM_QUERY | select ? as a | 0 | -")
      }))
  })

  it("finds a library that a running process loads later, whatever it is called, and only where it may", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sonde-tls-"))
    const library = join(folder, "libodd.so")
    copyFileSync(ssl, library)
    // Loads the library when it is told to.
    const script = `
import ctypes, sys
for line in sys.stdin: ctypes.CDLL("${library}"); print("loaded", flush=True)`
    symlinkSync("/usr/bin/python3", join(folder, "checksitself"))
    const capturing = await startCapturing({ tls: true, tlsExcludePrograms: ["checksitself"] })
    const load = async (program: string): Promise<() => Promise<void>> => {
      const child = spawn(program, ["-c", script], { stdio: ["pipe", "pipe", "inherit"] })
      child.stdin.write("load\n")
      await once(child.stdout, "data")
      return async () => {
        child.stdin.end()
        await once(child, "close")
      }
    }
    try {
      const endForbidden = await load(join(folder, "checksitself"))
      await sleep(1_000)
      expect(capturing.tlsHook()).not.toContain("libodd.so")
      const end = await load("/usr/bin/python3")
      for (let i = 0; i < 200 && !capturing.tlsHook().includes("libodd.so"); i++) await sleep(50)
      expect(capturing.tlsHook()).toContain("libodd.so")
      await end()
      await endForbidden()
    } finally {
      await capturing.stop()
      rmSync(folder, { recursive: true, force: true })
    }
    expect(openFiles().filter((path) => path.includes("libodd.so"))).toEqual([])
  })
})
