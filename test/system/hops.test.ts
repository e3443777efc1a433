// One request over several hops, seen at every place of each: the processes at both ends by system calls, their network interfaces by
// packets of two more agents. curl asks nginx over HTTPS; nginx asks Node, which runs behind an interface of its own; Node asks a name
// server and PostgreSQL. No program hands an id on, and all of it is one trace.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { appendFileSync, chmodSync, mkdtempSync, rmSync } from "node:fs"
import { connect, createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { RequestList } from "../../src/querier/requests/requestList.ts"
import type { Trace, TraceSpan } from "../../src/querier/trace/Trace.ts"
import { curl, freePort, type Program, start } from "./support/programs.ts"
import { postgresPrograms, proxyTo } from "./support/servers.ts"
import { beside, bin, Sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

const ip = "/usr/sbin/ip"
const space = `sonde-hops-${process.pid}`
const [near, far] = [`snh${process.pid % 100_000}a`, `snh${process.pid % 100_000}b`]
/** Addresses of the two ends: of this host, and of the space in which Node runs. */
const subnet = `10.77.${process.pid % 250}`
const [host, inside] = [`${subnet}.1`, `${subnet}.2`]

const accepts = (address: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, address, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })

const postgresql = (): Promise<Program> => {
  const asUser = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
  return start("/usr/bin/setpriv", undefined, (port, folder) => {
    chmodSync(folder, 0o777)
    const data = join(folder, "data")
    const initialise = ["-D", data, "-U", "sonde", "-A", "trust", "--no-sync"]
    execFileSync("/usr/bin/setpriv", [...asUser, join(postgresPrograms(), "initdb"), ...initialise], {
      stdio: "ignore",
      cwd: folder,
    })
    appendFileSync(join(data, "pg_hba.conf"), `host all all ${subnet}.0/24 trust\n`)
    const addresses = ["-c", `listen_addresses=127.0.0.1,${host}`]
    return [
      ...asUser,
      join(postgresPrograms(), "postgres"),
      ...["-D", data, "-p", String(port), "-k", folder, "-F", ...addresses],
    ]
  })
}

const programs = [
  "/usr/sbin/nginx",
  "/usr/bin/curl",
  "/usr/bin/openssl",
  "/usr/sbin/dnsmasq",
  "/usr/bin/setpriv",
  join(postgresPrograms(), "postgres"),
  ip,
]

const drawn = ({ spans }: Trace): ReadonlyArray<string> =>
  spans.map(
    ({ depth, isTls, link, name, point, protocol, resource }) =>
      `${"  ".repeat(depth)}${point} ${isTls ? "TLS " : ""}${protocol} ${(protocol === "PostgreSQL" ? resource : name).split(" ")[0]}${link === null ? "" : ` <${link.reason}`}`,
  )

describeSystem("a request over four hops, seen at every place", programs, () => {
  const path = `/orders-${process.pid}`
  const children: Array<ChildProcess> = []
  const folders: Array<string> = []
  let started: Array<Program> = []
  let forwarder: Server
  let sonde: Sonde
  let trace: Trace

  const run = (...args: ReadonlyArray<string>): void => void execFileSync(ip, args, { stdio: "pipe" })
  const begin = (command: string, ...args: ReadonlyArray<string>): ChildProcess => {
    const child = spawn(command, args, { stdio: "ignore", env: { ...process.env, ...beside } })
    children.push(child)
    return child
  }
  /** An agent that sees packets, in the space or on the host, and delivers to the server. */
  const packetAgent = (server: string, within: ReadonlyArray<string>): void => {
    const data = mkdtempSync(join(tmpdir(), "sonde-hops-"))
    folders.push(data)
    const settings = [
      "agent.controllers=",
      `agent.server=${server}`,
      "agent.capture=packets",
      "agent.relay.enabled=false",
    ]
    const [command, ...args] = [...within, bin, "agent", "--data", data]
    begin(command!, ...args, ...settings.flatMap((one) => ["--set", one]))
  }

  beforeAll(async () => {
    run("netns", "add", space)
    run("link", "add", near, "type", "veth", "peer", "name", far, "netns", space)
    run("addr", "add", `${host}/24`, "dev", near)
    run("link", "set", near, "up")
    run("-n", space, "addr", "add", `${inside}/24`, "dev", far)
    run("-n", space, "link", "set", far, "up")
    run("-n", space, "link", "set", "lo", "up")

    const database = await postgresql()
    started.push(database)
    begin(
      "/usr/sbin/dnsmasq",
      ...["-k", "-C", "/dev/null", "-h", "-R", "-p", "53", `--listen-address=${host}`, "--bind-interfaces"],
      ...["--pid-file=", "--user=root", "--local=/shop.test/", `--address=/web.shop.test/${host}`],
    )
    await until(
      "the name server answers",
      () => accepts(host, 53),
      (isUp) => isUp,
    )
    const shopPort = await freePort()
    const shop = fileURLToPath(new URL("support/namedShop.ts", import.meta.url))
    begin(
      ip,
      ...["netns", "exec", space, process.execPath, shop],
      ...[inside, String(shopPort), host, String(database.port)],
    )
    const web = await proxyTo(shopPort, { host: inside, isTls: true })
    started.push(web)

    sonde = new Sonde()
    await sonde.capturing(60)
    const { ingest } = await sonde.ready
    const ingestPort = Number(ingest.slice(ingest.lastIndexOf(":") + 1))
    // The server listens on loopback, which the space does not reach.
    forwarder = createServer((socket) => {
      const onward = connect(ingestPort, "127.0.0.1")
      for (const one of [socket, onward]) one.on("error", () => undefined)
      socket.pipe(onward).pipe(socket)
    }).listen(0, host)
    await once(forwarder, "listening")
    const forwardPort = (forwarder.address() as { readonly port: number }).port
    packetAgent(`127.0.0.1:${ingestPort}`, [])
    packetAgent(`${host}:${forwardPort}`, [ip, "netns", "exec", space])

    const ask = (url: string): void => void curl(["--insecure", `https://127.0.0.1:${web.port}${url}`])
    await until(
      "packets are seen at both interfaces",
      () => {
        ask("/before")
        return sonde.sql(
          `SELECT observation_point, count() AS rows FROM flow_log.l7_flow_log
           WHERE l7_protocol = 61 AND observation_point IN ('c', 's') GROUP BY observation_point`,
        )
      },
      (rows) => rows.length === 2,
      60,
    )
    // How a program works as an event loop is learnt from what it does.
    for (let n = 0; n < 60; n++) ask(`/learn/${n}`)
    ask(path)
    const { rows } = await until(
      "the request",
      () => sonde.get<RequestList>(`/api/v1/requests?q=${encodeURIComponent(path)}`),
      (list) => list.rows.some(({ point }) => point === "c-p"),
      30,
    )
    await until(
      "the whole trace",
      async () => {
        trace = await sonde.get<Trace>(`/api/v1/traces/${rows[0]!.id}`)
        return drawn(trace)
      },
      (lines) => lines.length >= 22,
      30,
    )
  }, 180_000)
  afterAll(async () => {
    await sonde?.stop()
    forwarder?.close()
    for (const child of children) child.kill("SIGTERM")
    for (const program of started) await program.stop()
    spawnSync(ip, ["netns", "del", space])
    for (const folder of folders)
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  })

  it("is one trace with a span at each place", () => {
    const hop = (depth: number, what: string, first: string, same: string): ReadonlyArray<string> =>
      ["c-p", "c", "s", "s-p"].map(
        (point, at) => `${"  ".repeat(depth + at)}${point} ${what} <${at === 0 ? first : same}`,
      )
    expect(drawn(trace)).toEqual([
      "c-p TLS HTTP GET",
      "  s-p TLS HTTP GET <connection",
      ...hop(2, "HTTP GET", "causal_id", "tcp_seq"),
      ...hop(6, "DNS A", "causal_id", "request_id"),
      ...hop(6, "PostgreSQL BEGIN", "causal_id", "tcp_seq"),
      ...hop(6, "PostgreSQL SELECT", "causal_id", "tcp_seq"),
      ...hop(6, "PostgreSQL COMMIT", "causal_id", "tcp_seq"),
    ])
    expect(trace.roots).toEqual([0])
    expect(trace.limits).toEqual([])
  })

  it("has no id in any message", () => {
    const ids = ({ parentSpanId, spanId, traceId }: TraceSpan): string => traceId + spanId + parentSpanId
    expect(trace.spans.map(ids).filter((id) => id !== "")).toEqual([])
  })

  it("is the same from each of its rows", async () => {
    for (const { id } of trace.spans) {
      const { spans } = await sonde.get<Trace>(`/api/v1/traces/${id}`)
      expect(spans.map((span) => span.id)).toEqual(trace.spans.map((span) => span.id))
    }
  })
})
