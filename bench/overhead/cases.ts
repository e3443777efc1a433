// The programs whose cost is measured, each with its bar.

import { execFileSync, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { nginx, type Program, redis, start } from "../../test/system/support/programs.ts"
import { iperf3, postgresql, selfSigned } from "../../test/system/support/servers.ts"
import { familyOf, usage } from "../usage.ts"
import { bulk, httpsRequests, type Load, pgbench, requests } from "./Load.ts"

export interface Case {
  readonly name: string
  /** Most that CPU per request may be, with the agent over without. */
  readonly bar?: number
  /** Each is one row; 0: as fast as answers come. */
  readonly rates: ReadonlyArray<number>
  /** What is divided, where it is not CPU per request. */
  readonly metric?: string
  readonly unit?: string
  /** Of the agent, as `--set` takes them. */
  readonly settings?: ReadonlyArray<string>
  /** True where something is not installed that others can do without. */
  missing?(): boolean
  /** `tools`: a folder for what is compiled. */
  start(tools: string): Promise<Program>
  load(program: Program, perSecond: number, tools: string): Load
}

const http = (program: Program, perSecond: number, tools: string): Load =>
  requests(join(tools, "load"), program.port, perSecond, "http")

const ownProgram = (file: string): string => join(import.meta.dirname, "programs", file)

const go = ["/usr/local/go/bin/go", "/usr/bin/go"].find((path) => existsSync(path))

const nginxTls = (tools: string): Promise<Program> => {
  const [key, certificate] = selfSigned(tools)
  return nginx(`ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key}`)
}

const python = "/usr/bin/python3"

const lacksAiohttp = (): boolean => spawnSync(python, ["-c", "import aiohttp"]).status !== 0

const aiohttp = (): Promise<Program> =>
  start(python, undefined, (port) => [ownProgram("tasks.py"), String(port)])

export const cases: ReadonlyArray<Case> = [
  { name: "nginx (1 KB, keep-alive)", bar: 1.1, rates: [10_000, 0], start: () => nginx(), load: http },
  {
    name: "redis (GET)",
    bar: 1.25,
    rates: [10_000, 0],
    start: () => redis(),
    load: (program, perSecond, tools) => requests(join(tools, "load"), program.port, perSecond, "redis"),
  },
  {
    name: "nginx, agent.payload metrics",
    bar: 1.02,
    rates: [10_000, 0],
    settings: ["agent.payload=metrics"],
    start: () => nginx(),
    load: http,
  },
  {
    name: "redis, agent.payload metrics",
    bar: 1.12,
    rates: [10_000, 0],
    settings: ["agent.payload=metrics"],
    start: () => redis(),
    load: (program, perSecond, tools) => requests(join(tools, "load"), program.port, perSecond, "redis"),
  },
  {
    name: "PostgreSQL (pgbench -S)",
    bar: 1.1,
    rates: [3_000, 0],
    start: async () => {
      const program = await postgresql()
      execFileSync(
        "/usr/bin/pgbench",
        ["-i", "-q", "-s", "1", "-h", "127.0.0.1", "-p", String(program.port), "-U", "sonde", "postgres"],
        { stdio: "ignore", env: { ...process.env, PGPASSWORD: "secret" } },
      )
      return program
    },
    load: (program, perSecond) => pgbench(program.port, perSecond),
  },
  {
    name: "Node (http)",
    bar: 1.05,
    rates: [4_000, 0],
    start: () => start(process.execPath, undefined, (port) => [ownProgram("node.mjs"), String(port)]),
    load: http,
  },
  {
    name: "Go (net/http)",
    bar: 1.05,
    rates: [5_000, 0],
    missing: () => go === undefined,
    start: (tools) => {
      const file = join(tools, "go-server")
      execFileSync(go!, ["build", "-o", file, ownProgram("server.go")], {
        env: {
          ...process.env,
          CGO_ENABLED: "0",
          GOCACHE: join(tools, "go-cache"),
          GOFLAGS: "-mod=mod",
          GO111MODULE: "off",
        },
      })
      return start(file, undefined, (port) => [String(port)])
    },
    load: http,
  },
  {
    name: "Python (http.server)",
    bar: 1.05,
    rates: [1_000, 0],
    start: () => start(python, undefined, (port) => [ownProgram("server.py"), String(port)]),
    load: http,
  },
  {
    name: "Python (aiohttp)",
    bar: 1.05,
    rates: [1_000, 0],
    missing: lacksAiohttp,
    start: aiohttp,
    load: http,
  },
  {
    name: "Python (aiohttp), agent.asyncio false",
    rates: [1_000, 0],
    settings: ["agent.asyncio=false"],
    missing: lacksAiohttp,
    start: aiohttp,
    load: http,
  },
  {
    name: "nginx with TLS (uprobes)",
    rates: [3_000],
    start: nginxTls,
    load: (program, perSecond) => httpsRequests(program.port, perSecond),
  },
  {
    name: "iperf3 (bulk)",
    bar: 1.05,
    rates: [4],
    metric: "CPU per MiB with/without the agent",
    unit: "MiB",
    start: iperf3,
    load: (program, gigabits) => bulk(program.port, gigabits, () => usage(familyOf(program.pid)).readBytes),
  },
]
