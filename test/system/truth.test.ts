// What is stored is what was sent: real clients make a known set of requests of real servers, and exactly these are found, seen
// by both sides, in SQL, in the console's API, on the map and in the metrics.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { RequestList } from "../../src/querier/requests/requestList.ts"
import type { ServiceMap } from "../../src/querier/map/serviceMap.ts"
import { readProcess } from "../../src/agent/process/procfs.ts"
import { curl, nginx, type Program, python, redis, renamed, runProgram } from "./support/programs.ts"
import { type Row, Sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

/** One request as its client knows it. */
interface Sent {
  readonly pid: number
  readonly type: string
  readonly resource: string
  readonly code: number | null
  readonly status: "ok" | "client_error" | "server_error"
  /** Longest that its answer may have taken. */
  readonly totalUs: number
  readonly server: Program
  readonly client: string
}

const statusOf = (code: number): Sent["status"] =>
  code >= 500 ? "server_error" : code >= 400 ? "client_error" : "ok"

const needed = [
  "/usr/sbin/nginx",
  "/usr/bin/redis-server",
  "/usr/bin/redis-cli",
  "/usr/bin/python3",
  "/usr/bin/curl",
]

describeSystem("every request is found, and nothing else", needed, () => {
  const folder = mkdtempSync(join(tmpdir(), "sonde-truth-"))
  const sent: Array<Sent> = []
  let sonde: Sonde
  let web: Program
  let files: Program
  let store: Program
  let curlPath: string
  let redisPath: string
  /** Rows of the three servers, by SQL, once as many have come as were sent. */
  let rows: ReadonlyArray<Row>

  const services = (): ReadonlyArray<readonly [Program, string]> => [
    [web, "nginx"],
    [files, "http.server"],
    [store, "truth-redis"],
  ]

  /** One curl with one request for each path. */
  const http = (
    server: Program,
    method: string,
    paths: ReadonlyArray<string>,
    ...args: Array<string>
  ): void => {
    const urls = paths.map((path) => `http://127.0.0.1:${server.port}${path}`)
    const { answers, pid } = curl([...args, ...urls], curlPath)
    expect(answers).toHaveLength(paths.length)
    for (const [at, { status, totalUs }] of answers.entries()) {
      sent.push({
        pid,
        type: method,
        resource: paths[at]!,
        code: status,
        status: statusOf(status),
        totalUs,
        server,
        client: "truth-curl",
      })
    }
  }

  /** One redis-cli with commands that are its arguments or, as one pipeline, its input. */
  const resp = (
    args: ReadonlyArray<string>,
    input: string,
    ...expected: ReadonlyArray<readonly [type: string, resource: string, status: Sent["status"]]>
  ): void => {
    const started = performance.now()
    const { pid } = runProgram(redisPath, ["-p", String(store.port), ...args], input)
    const totalUs = Math.ceil((performance.now() - started) * 1_000)
    for (const [type, resource, status] of expected) {
      sent.push({ pid, type, resource, code: null, status, totalUs, server: store, client: "truth-cli" })
    }
  }

  const makeRequests = (): void => {
    http(web, "GET", ["/index.html"])
    http(web, "GET", ["/ok?name=value&page=2"])
    http(web, "GET", ["/index.html?n=1", "/missing/1", "/ok", "/index.html?n=2", "/broken", "/big.bin"])
    http(web, "GET", ["/big.bin"])
    http(web, "HEAD", ["/index.html", "/missing/2", "/big.bin", "/ok"], "--head")
    http(web, "POST", ["/ok/form"], "--data", "a=1&b=2")
    const big = join(folder, "big")
    writeFileSync(big, "z".repeat(300_000))
    http(web, "POST", ["/ok/upload", "/ok/upload2"], "--data-binary", `@${big}`, "--header", "Expect:")
    http(web, "POST", ["/ok/expect"], "--data-binary", `@${big}`, "--header", "Expect: 100-continue")
    http(web, "PUT", ["/ok/put"], "--upload-file", big, "--header", "Expect:")
    http(
      web,
      "POST",
      ["/ok/chunked"],
      "--data-binary",
      `@${big}`,
      "--header",
      "Transfer-Encoding: chunked",
      "--header",
      "Expect:",
    )
    http(web, "DELETE", ["/ok/item/17"], "--request", "DELETE")
    http(web, "OPTIONS", ["/ok"], "--request", "OPTIONS")
    for (let i = 0; i < 20; i++) http(web, "GET", [`/ok/many?n=${i}`])
    http(
      web,
      "GET",
      Array.from({ length: 60 }, (_, i) => `/ok/kept-alive/${i}`),
    )

    http(files, "GET", ["/", "/missing", "/again"])
    http(files, "HEAD", ["/"], "--head")
    http(files, "POST", ["/form"], "--data", "x=1")

    resp(["SET", "fruit", "apple"], "", ["SET", "SET fruit ?", "ok"])
    resp(["GET", "fruit"], "", ["GET", "GET fruit", "ok"])
    resp(["LPUSH", "fruit", "pear"], "", ["LPUSH", "LPUSH fruit ?", "server_error"])
    resp(["NOSUCHCOMMAND", "x"], "", ["NOSUCHCOMMAND", "NOSUCHCOMMAND x", "server_error"])
    resp(["SET", "large", "v".repeat(100_000)], "", ["SET", "SET large ?", "ok"])
    resp(["GET", "large"], "", ["GET", "GET large", "ok"])
    const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`
    // Within agent.payloadBytes: what a system call carries beyond them is not seen.
    const pipeline = Array.from(
      { length: 20 },
      (_, i) => `*3\r\n${bulk("SET")}${bulk(`key:${i}`)}${bulk(`value-${i}`)}`,
    ).join("")
    resp(
      ["--pipe"],
      pipeline,
      ...Array.from({ length: 20 }, (_, i) => ["SET", `SET key:${i} ?`, "ok"] as const),
      // redis-cli ends a pipeline with a mark of its own.
      ["ECHO", "ECHO ?", "ok"],
    )
  }

  beforeAll(async () => {
    curlPath = renamed("/usr/bin/curl", "truth-curl", folder)
    redisPath = renamed("/usr/bin/redis-cli", "truth-cli", folder)
    ;[web, files, store] = await Promise.all([nginx(), python(), redis("truth-redis")])
    sonde = new Sonde()
    await sonde.capturing()
    makeRequests()
    const ports = [web.port, files.port, store.port].join()
    rows = await until(
      `${2 * sent.length} rows`,
      () =>
        sonde.sql(
          `SELECT *, auto_service_0, auto_service_1, process_kname_0, process_kname_1 FROM flow_log.l7_flow_log WHERE server_port IN (${ports}) ORDER BY start_time, _id`,
        ),
      (found) => found.length >= 2 * sent.length,
      8,
    ).catch(() =>
      sonde.sql(
        `SELECT *, auto_service_0, auto_service_1, process_kname_0, process_kname_1 FROM flow_log.l7_flow_log WHERE server_port IN (${ports}) ORDER BY start_time, _id`,
      ),
    )
  })

  afterAll(async () => {
    await sonde?.stop()
    await Promise.all([web, files, store].map((program) => program?.stop()))
    rmSync(folder, { recursive: true, force: true })
  })

  const statusNumbers = { ok: 0, server_error: 3, client_error: 4 }

  for (const point of ["c-p", "s-p"]) {
    it(`finds exactly the requests that were sent, seen at ${point}`, () => {
      const expected = sent.map(
        ({ client, code, pid, resource, server, status, type }) =>
          `${server.port} ${type} ${resource} ${code ?? ""} ${statusNumbers[status]} ${client} ${pid}`,
      )
      const found = rows
        .filter((row) => row["observation_point"] === point)
        .map(
          (row) =>
            `${row["server_port"]} ${row["request_type"]} ${row["request_resource"]} ${row["response_code"] ?? ""}` +
            ` ${row["response_status"]} ${row["auto_service_0"]} ${row["process_id_0"]}`,
        )
      expect(found.toSorted()).toEqual(expected.toSorted())
    })
  }

  it("has no row of another kind for these servers", () => {
    expect(rows.filter(({ observation_point: point }) => point !== "c-p" && point !== "s-p")).toEqual([])
    expect(rows.filter(({ type }) => type !== 2)).toEqual([])
    expect(rows).toHaveLength(2 * sent.length)
  })

  it("names the server's service and process on both sides", () => {
    for (const [program, service] of services()) {
      const own = rows.filter(({ server_port: port }) => port === program.port)
      expect(new Set(own.map((row) => row["auto_service_1"]))).toEqual(new Set([service]))
      for (const pid of new Set(own.map((row) => Number(row["process_id_1"])))) {
        // nginx answers in a worker, a child of the process that was started.
        expect([pid, readProcess(pid)?.parentPid]).toContain(program.pid)
      }
    }
  })

  it("measures durations within the client's own", () => {
    for (const { pid, resource, totalUs } of sent) {
      const own = rows.filter((row) => row["process_id_0"] === pid && row["request_resource"] === resource)
      expect(own.length).toBeGreaterThanOrEqual(2)
      for (const row of own) {
        expect(Number(row["response_duration"])).toBeGreaterThan(0)
        expect(Number(row["response_duration"])).toBeLessThanOrEqual(totalUs)
      }
    }
  })

  it("measures bodies", () => {
    const lengths = (column: string, resource: string, type: string) =>
      new Set(
        rows
          .filter((row) => row["request_resource"] === resource && row["request_type"] === type)
          .map((row) => Number(row[column])),
      )
    expect(lengths("response_length", "/big.bin", "GET")).toEqual(new Set([300_000]))
    expect(lengths("request_length", "/ok/upload", "POST")).toEqual(new Set([300_000]))
    expect(lengths("request_length", "/ok/expect", "POST")).toEqual(new Set([300_000]))
  })

  it("answers the same by /api/v1/requests", async () => {
    const list = await sonde.get<RequestList>("/api/v1/requests?client=truth-curl&limit=1000&last=600")
    const expected = sent
      .filter(({ client }) => client === "truth-curl")
      .flatMap(({ code, pid, resource, server, status, type }) =>
        ["c-p", "s-p"].map((point) => ({
          point,
          protocol: "HTTP",
          type,
          resource,
          code,
          status,
          clientPid: pid,
          serverPort: server.port,
        })),
      )
    const found = list.rows.map(
      ({ clientPid, code, point, protocol, resource, serverPort, status, type }) => ({
        point,
        protocol,
        type,
        resource,
        code,
        status,
        clientPid,
        serverPort,
      }),
    )
    const byText = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
    expect(found.toSorted(byText)).toEqual(expected.toSorted(byText))
    expect(list.next).toBeNull()
  })

  it("draws exactly the edges that there are, each request counted once", async () => {
    const map = await sonde.get<ServiceMap>("/api/v1/map?last=600")
    const names = new Set(["truth-curl", "truth-cli", "truth-redis"])
    const found = map.edges
      .filter(({ client, server }) => names.has(client) || names.has(server))
      .map(({ client, errors, observedAt, requests, server }) => ({
        client,
        server,
        requests,
        errors,
        observedAt,
      }))
    const expected = [
      ["truth-curl", "nginx", web] as const,
      ["truth-curl", "http.server", files] as const,
      ["truth-cli", "truth-redis", store] as const,
    ].map(([client, server, program]) => {
      const own = sent.filter((one) => one.server === program)
      return {
        client,
        server,
        requests: own.length,
        observedAt: ["c-p", "s-p"],
        errors: own.filter(({ status }) => status !== "ok").length,
      }
    })
    const byServer = (a: { server: string }, b: { server: string }): number => (a.server < b.server ? -1 : 1)
    expect(found.toSorted(byServer)).toEqual(expected.toSorted(byServer))
  })

  it("tells the same requests of the connections that carried them", async () => {
    for (const program of [web, files, store]) {
      const own = sent.filter(({ server }) => server === program)
      const found = await sonde.sqlUntil(
        `SELECT observation_point, sum(l7_request) AS requests, sum(l7_response) AS responses, sum(l7_error) AS errors,
           min(l4_byte_tx > 0 AND l4_byte_rx > 0) AS has_bytes, uniq(flow_id) = uniq(client_port) AS is_told_once
         FROM flow_log.l4_flow_log WHERE server_port = ${program.port} GROUP BY observation_point ORDER BY observation_point`,
        (answer) => answer.length === 2 && answer.every((row) => Number(row["requests"]) >= own.length),
        90,
      )
      expect(found).toEqual(
        ["c-p", "s-p"].map((point) => ({
          observation_point: point,
          requests: own.length,
          responses: own.length,
          errors: own.filter(({ status }) => status !== "ok").length,
          has_bytes: 1,
          is_told_once: 1,
        })),
      )
    }
  })

  it("sums the same numbers in flow_metrics.application.1s", async () => {
    const programs = [web, files, store].toSorted((a, b) => a.port - b.port)
    const expected = programs.flatMap((program) => {
      const own = sent.filter(({ server }) => server === program)
      return [0, 1].map((role) => ({
        server_port: program.port,
        role,
        requests: own.length,
        responses: own.length,
        durations: own.length,
        timeouts: 0,
        client_errors: own.filter(({ status }) => status === "client_error").length,
        server_errors: own.filter(({ status }) => status === "server_error").length,
      }))
    })
    const found = await sonde.sqlUntil(
      `SELECT server_port, role, sum(request) AS requests, sum(response) AS responses, sum(rrt_count) AS durations,
         sum(timeout) AS timeouts, sum(client_error) AS client_errors, sum(server_error) AS server_errors
       FROM flow_metrics.\`application.1s\` WHERE server_port IN (${programs.map(({ port }) => port).join()})
       GROUP BY server_port, role ORDER BY server_port, role`,
      (answer) => answer.reduce((sum, row) => sum + Number(row["requests"]), 0) >= 2 * sent.length,
      5,
    )
    const numbers = found.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)])),
    )
    expect(numbers).toEqual(expected)
  })
})
