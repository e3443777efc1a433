// Programs that trace themselves, with real ones that do not between them: a client with a span asks nginx, which hands the header on as
// it is, nginx asks a server that tells three spans and asks Redis. Spans of programs and of the kernel are one tree.

import { spawn } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { Trace } from "../../src/querier/trace/Trace.ts"
import { freePort, type Program, redis, start } from "./support/programs.ts"
import { nats, proxyTo } from "./support/servers.ts"
import { Sonde, sonde as run, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"
import { tracer } from "./support/tracer.ts"

const shop = (store: number, relay: number): Promise<Program> =>
  start("/usr/bin/python3", undefined, (port, folder) => {
    writeFileSync(
      join(folder, "shop.py"),
      `${tracer(relay, "shop")}
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        _, trace, parent, _ = self.headers["traceparent"].split("-")
        with span("GET /orders", "server", trace, parent, http_route="/orders", http_request_method="GET") as own:
            with span("look up", "internal", trace, own):
                store = socket.create_connection(("127.0.0.1", ${store}))
                store.sendall(b"*2\\r\\n$3\\r\\nGET\\r\\n$4\\r\\nitem\\r\\n")
                store.recv(100)
                store.close()
            self.send_response(200)
            self.send_header("content-length", "5")
            self.end_headers()
            self.wfile.write(b"hello")
    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", ${port}), Handler).serve_forever()
`,
    )
    return [join(folder, "shop.py")]
  })

const ask = async (url: string, relay: number, traceId: string): Promise<void> => {
  const script = `${tracer(relay, "front")}
import urllib.request
with span("ask", "client", "${traceId}", url_full="${url}", http_request_method="GET") as own:
    request = urllib.request.Request("${url}", headers={"traceparent": f"00-${traceId}-{own}-01"})
    urllib.request.urlopen(request).read()
`
  const child = spawn("/usr/bin/python3", ["-c", script], { stdio: "inherit" })
  const [code] = (await once(child, "exit")) as [number]
  expect(code).toBe(0)
}

const programs = ["/usr/sbin/nginx", "/usr/bin/python3", "/usr/bin/redis-server"]
const traceId = `4bf92f3577b34da6a3ce929d${process.pid.toString(16).padStart(8, "0")}`

describeSystem("spans of programs", programs, () => {
  let started: ReadonlyArray<Program> = []
  let sonde: Sonde
  let trace: Trace

  beforeAll(async () => {
    const relay = await freePort()
    const store = await redis("spans-redis")
    const app = await shop(store.port, relay)
    const web = await proxyTo(app.port)
    started = [store, app, web]
    sonde = new Sonde({ set: [`agent.relay.port=${relay}`] })
    await sonde.capturing(60)
    await ask(`http://127.0.0.1:${web.port}/orders?page=2`, relay, traceId)
    trace = await until(
      "the whole trace",
      () => sonde.get<Trace>(`/api/v1/traces/${traceId}`),
      ({ spans }) => spans.length === 9,
      30,
    )
  })
  afterAll(async () => {
    await sonde?.stop()
    for (const program of started) await program.stop()
  })

  it("stand around the calls that the kernel saw of them", () => {
    expect(
      trace.spans.map(
        ({ depth, link, point, type }) =>
          `${"  ".repeat(depth)}${point} ${type}${link === null ? "" : ` <${link.reason} ${link.confidence}`}`,
      ),
    ).toEqual([
      "c-app GET",
      "  c-p GET <span_id certain",
      "    s-p GET <tcp_seq certain",
      "      c-p GET <causal_id strong",
      "        s-p GET <tcp_seq certain",
      "          s-app GET <parent_span_id certain",
      "            app  <parent_span_id certain",
      "              c-p GET <causal_id strong",
      "                s-p GET <tcp_seq certain",
    ])
    expect([trace.roots, trace.limits]).toEqual([[0], []])
  })

  it("are of the processes that sent them, and called as these call themselves", () => {
    const [client, server] = [trace.spans[0]!, trace.spans[5]!]
    expect([client.service, server.service]).toEqual(["front", "shop"])
    expect(server.server.pid).toBe(started[1]!.pid)
    expect(client.client.pid).toBe(trace.spans[1]!.client.pid)
    expect(server.name).toBe("GET /orders")
    expect(server.tags["http.route"]).toBe("/orders")
    expect(server.tags["service.name"]).toBe("shop")
  })

  it("are printed in the tree", async () => {
    const { url } = await sonde.ready
    const { stderr, stdout } = await run(["trace", traceId, "--http", new URL(url).port])
    expect(stderr).toBe("")
    const lines = stdout.split("\n").filter((line) => /front|shop|nginx|look up/.test(line))
    expect(lines.findIndex((line) => line.includes("· front"))).toBe(0)
    expect(stdout).toMatch(/· shop {2}GET \/orders/)
    expect(stdout).toMatch(/· shop {2}look up/)
  })

  it("are counted, and rows like others", async () => {
    // The agent tells its counters now and then.
    for (const name of ["sonde_agent_relay_spans_total", "sonde_agent_relay_spans_of_processes_total"])
      await until(
        `${name} is 3`,
        () => sonde.metric(name),
        (count) => count === 3,
        15,
      )
    const rows = await sonde.sqlUntil(
      `SELECT endpoint, observation_point, span_kind, app_service FROM flow_log.l7_flow_log
       WHERE trace_id = '${traceId}' AND signal_source = 4 ORDER BY start_time`,
      (found) => found.length === 3,
    )
    expect(rows.map((row) => [row.endpoint, row.app_service])).toEqual([
      ["ask", "front"],
      ["GET /orders", "shop"],
      ["look up", "shop"],
    ])
  })
})

const exchange = (
  port: number,
  relay: number,
  service: string,
  work: string,
): string => `${tracer(relay, service)}
import socket
broker = socket.create_connection(("127.0.0.1", ${port}))
stream = broker.makefile("rb")
stream.readline()
broker.sendall(b'CONNECT {"verbose":false,"headers":true}\\r\\n')
def flushed():
    broker.sendall(b"PING\\r\\n")
    while stream.readline() != b"PONG\\r\\n":
        pass
${work}
`

const consumer = `
import sys
broker.sendall(b"SUB orders 1\\r\\n")
flushed()
print("ready", flush=True)
head = stream.readline().split()
payload = stream.read(int(head[-1]) + 2)
_, trace, parent, _ = payload.split(b"traceparent: ")[1].split(b"\\r\\n")[0].decode().split("-")
with span("receive", "consumer", trace, parent):
    pass
sys.stdin.read()
`

const producer = (traceId: string): string => `
with span("send", "producer", "${traceId}") as own:
    header = f"NATS/1.0\\r\\ntraceparent: 00-${traceId}-{own}-01\\r\\n\\r\\n".encode()
    broker.sendall(f"HPUB orders {len(header)} {len(header) + 5}\\r\\n".encode() + header + b"order\\r\\n")
    flushed()
`

describeSystem("spans around a message", ["/usr/bin/python3", "/usr/sbin/nats-server"], () => {
  const messageTrace = `5bf92f3577b34da6a3ce929d${process.pid.toString(16).padStart(8, "0")}`

  it("are one tree from the producer to the consumer", async () => {
    const relay = await freePort()
    const broker = await nats()
    const sonde = new Sonde({ set: [`agent.relay.port=${relay}`] })
    try {
      await sonde.capturing(60)
      const receiving = spawn("/usr/bin/python3", ["-c", exchange(broker.port, relay, "store", consumer)])
      receiving.stderr.pipe(process.stderr)
      await once(receiving.stdout, "data")
      const sending = spawn("/usr/bin/python3", [
        "-c",
        exchange(broker.port, relay, "front", producer(messageTrace)),
      ])
      sending.stderr.pipe(process.stderr)
      expect(await once(sending, "exit")).toEqual([0, null])
      const trace = await until(
        "the whole trace",
        () => sonde.get<Trace>(`/api/v1/traces/${messageTrace}`),
        ({ spans }) => spans.length === 6,
        30,
      )
      receiving.stdin.end()
      expect(
        trace.spans.map(
          ({ depth, link, name, point }) =>
            `${"  ".repeat(depth)}${point} ${name}${link === null ? "" : ` <${link.reason} ${link.confidence}`}`,
        ),
      ).toEqual([
        "c-app send",
        "  c-p Hpub orders <span_id certain",
        "    s-p Hpub orders <tcp_seq certain",
        "      s-p Hmsg orders <span_id strong",
        "        c-p Hmsg orders <tcp_seq certain",
        "          s-app receive <parent_span_id certain",
      ])
    } finally {
      await sonde.stop()
      await broker.stop()
    }
  })
})

const worker = (store: number): string => `
store = socket.create_connection(("127.0.0.1", ${store}))
broker.sendall(b"SUB orders 1\\r\\n")
flushed()
print("ready", flush=True)
while True:
    head = stream.readline().split()
    if head == [b"PING"]:
        broker.sendall(b"PONG\\r\\n")
        continue
    stream.read(int(head[-1]) + 2)
    store.sendall(b"*2\\r\\n$3\\r\\nGET\\r\\n$4\\r\\nitem\\r\\n")
    store.recv(100)
`

const needed = ["/usr/bin/python3", "/usr/sbin/nats-server", "/usr/bin/redis-server"]

describeSystem("calls for a message", needed, () => {
  it("hang below its delivery, once it is known how the consumer waits", async () => {
    const relay = await freePort()
    const broker = await nats()
    const store = await redis()
    const sonde = new Sonde({ set: [`agent.relay.port=${relay}`] })
    try {
      await sonde.capturing(60)
      const receiving = spawn("/usr/bin/python3", [
        "-c",
        exchange(broker.port, relay, "store", worker(store.port)),
      ])
      receiving.stderr.pipe(process.stderr)
      await once(receiving.stdout, "data")
      let sent = 0
      const treeOfNext = async (): Promise<ReadonlyArray<string>> => {
        const id = `6bf92f35${String(++sent).padStart(16, "0")}${process.pid.toString(16).padStart(8, "0")}`
        const sending = spawn("/usr/bin/python3", ["-c", exchange(broker.port, relay, "front", producer(id))])
        expect(await once(sending, "exit")).toEqual([0, null])
        const { spans } = await until(
          "the delivery",
          () => sonde.get<Trace>(`/api/v1/traces/${id}`),
          (trace) => trace.spans.length >= 5,
          30,
        )
        return spans.map(
          ({ depth, link, name, point }) => `${"  ".repeat(depth)}${point} ${name} ${link?.reason ?? ""}`,
        )
      }
      const tree = await until("its calls", treeOfNext, ({ length }) => length >= 7, 30)
      expect(tree.slice(4)).toEqual([
        "        c-p Hmsg orders tcp_seq",
        "          c-p GET causal_id",
        "            s-p GET tcp_seq",
      ])
      receiving.kill()
    } finally {
      await sonde.stop()
      await store.stop()
      await broker.stop()
    }
  })
})
