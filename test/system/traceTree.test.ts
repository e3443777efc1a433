// One request through real programs, none of which hands anything on: curl asks nginx, nginx asks Python, Python asks Redis twice. From
// any of its rows it is one tree, with the reason of every link, in every form in which it is answered.

import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { RequestList } from "../../src/querier/requests/requestList.ts"
import type { Trace, TraceList } from "../../src/querier/trace/Trace.ts"
import { nameOfRow } from "../../src/querier/trace/traceIds.ts"
import { curl, type Program, redis, start } from "./support/programs.ts"
import { proxyTo } from "./support/servers.ts"
import { Sonde, sonde as run, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

const shop = (store: number): Promise<Program> =>
  start("/usr/bin/python3", undefined, (port, folder) => {
    writeFileSync(
      join(folder, "shop.py"),
      `
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        store = socket.create_connection(("127.0.0.1", ${store}))
        for command in (b"*2\\r\\n$3\\r\\nGET\\r\\n$4\\r\\nitem\\r\\n", b"*2\\r\\n$4\\r\\nINCR\\r\\n$4\\r\\nhits\\r\\n"):
            store.sendall(command)
            store.recv(100)
        store.close()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", ${port}), Handler).serve_forever()
`,
    )
    return [join(folder, "shop.py")]
  })

const programs = ["/usr/sbin/nginx", "/usr/bin/python3", "/usr/bin/redis-server", "/usr/bin/curl"]

describeSystem("a request through nginx, Python and Redis", programs, () => {
  const path = `/basket-${process.pid}`
  let started: ReadonlyArray<Program> = []
  let sonde: Sonde
  let url: string
  let trace: Trace

  beforeAll(async () => {
    const store = await redis("tree-redis")
    const app = await shop(store.port)
    const web = await proxyTo(app.port)
    started = [store, app, web]
    sonde = new Sonde()
    await sonde.capturing()
    url = (await sonde.ready).url
    curl([`http://127.0.0.1:${web.port}${path}`])
    // Rows of calls wait in the agent for the end of the request that they may belong to.
    const { rows } = await until(
      "all rows of HTTP",
      () => sonde.get<RequestList>(`/api/v1/requests?q=${encodeURIComponent(path)}`),
      (list) => list.rows.length === 4,
      30,
    )
    trace = await until(
      "the whole trace",
      () => sonde.get<Trace>(`/api/v1/traces/${rows[0]!.id}`),
      ({ spans }) => spans.length === 8,
      30,
    )
  })
  afterAll(async () => {
    await sonde?.stop()
    for (const program of started) await program.stop()
  })

  it("is one tree with a reason for every link", () => {
    expect(
      trace.spans.map(
        ({ depth, link, name, point }) =>
          `${"  ".repeat(depth)}${point} ${name.replace(/ .*/, "")}${link === null ? "" : ` <${link.reason} ${link.confidence}`}`,
      ),
    ).toEqual([
      "c-p GET",
      "  s-p GET <tcp_seq certain",
      "    c-p GET <causal_id strong",
      "      s-p GET <tcp_seq certain",
      "        c-p GET <causal_id strong",
      "          s-p GET <tcp_seq certain",
      "        c-p INCR <causal_id strong",
      "          s-p INCR <tcp_seq certain",
    ])
    expect(trace.services.map(({ service }) => service).toSorted()).toEqual(
      expect.arrayContaining(["curl", "nginx", "tree-redis"]),
    )
    expect([trace.roots, trace.limits]).toEqual([[0], []])
    expect(trace.criticalPath[0]!.startUs).toBe(trace.startUs)
  })

  it("is the same tree from each of its rows", async () => {
    for (const { id } of trace.spans) {
      const { spans } = await sonde.get<Trace>(`/api/v1/traces/${id}`)
      expect(spans.map((span) => span.id)).toEqual(trace.spans.map((span) => span.id))
    }
  })

  it("is one line of the list, told by the request that it begins with", async () => {
    const begun = await sonde.get<TraceList>(`/api/v1/traces?last=600&q=${encodeURIComponent(path)}`)
    expect(begun.traces.map(({ id }) => id)).toContain(trace.spans[0]!.id)
  })

  it("is printed as a tree, and as a request for a collector", async () => {
    const port = ["--http", new URL(url).port]
    const tree = await run(["trace", trace.spans[3]!.id, "--why", ...port])
    expect(tree.stderr).toBe("")
    expect(tree.stdout).toContain("└─● nginx  GET")
    expect(tree.stdout).toContain("same TCP sequence on both ends (certain)")
    expect(tree.stdout).toMatch(/same causal id \d+ in process nginx \(\d+\) \(strong\)/)
    const otlp = await run(["trace", trace.spans[3]!.id, "--otlp", ...port])
    const told = JSON.parse(otlp.stdout) as {
      resourceSpans: Array<{ scopeSpans: Array<{ spans: Array<{ spanId: string; parentSpanId?: string }> }> }>
    }
    const spans = told.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
    const ids = new Set(spans.map(({ spanId }) => spanId))
    expect(ids.size).toBe(8)
    expect(
      spans.filter(({ parentSpanId }) => parentSpanId === undefined || !ids.has(parentSpanId)),
    ).toHaveLength(1)
    const none = await run(["trace", "5", ...port])
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("trace 5 is not here")])
  })

  it("is answered to Grafana's sources and to DeepFlow's panel", async () => {
    const name = nameOfRow(trace.spans[7]!.id)
    const tempo = await fetch(new URL(`/api/v2/traces/${name}`, url), {
      headers: { accept: "application/protobuf" },
    })
    expect(tempo.headers.get("content-type")).toBe("application/protobuf")
    expect(
      Buffer.from(await tempo.arrayBuffer()).includes(Buffer.from(nameOfRow(trace.spans[0]!.id), "hex")),
    ).toBe(true)
    const jaeger = await sonde.get<{ data: Array<{ spans: Array<unknown> }> }>(`/jaeger/api/traces/${name}`)
    expect(jaeger.data[0]!.spans).toHaveLength(8)
    const deepflow = await fetch(new URL("/v1/stats/querier/L7FlowTracing", url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ _id: trace.spans[5]!.id, DATABASE: "flow_log", TABLE: "l7_flow_log" }),
    })
    const { DATA } = (await deepflow.json()) as { DATA: { tracing: Array<{ parent_id: number }> } }
    expect(DATA.tracing.map(({ parent_id }) => parent_id)).toEqual([-1, 0, 1, 2, 3, 4, 3, 6])
  })
})
