// The commands that people and scripts use beside a running Sonde: their output, their words when something is wrong, and
// their exit status.

import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { curl, freePort, nginx, type Program } from "./support/programs.ts"
import { Sonde, sonde } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

const jsonLines = (text: string): ReadonlyArray<Record<string, unknown>> =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describeSystem("commands that ask a running Sonde", ["/usr/sbin/nginx", "/usr/bin/curl"], () => {
  let web: Program
  let observer: Sonde
  let port: string

  beforeAll(async () => {
    web = await nginx()
    observer = new Sonde()
    await observer.capturing()
    port = new URL((await observer.ready).url).port
    curl(["/ok/a", "/ok/b", "/missing"].map((path) => `http://127.0.0.1:${web.port}${path}`))
    await observer.sqlUntil(
      `SELECT 1 FROM flow_log.l7_flow_log WHERE server_port = ${web.port}`,
      (rows) => rows.length === 6,
    )
  })
  afterAll(async () => {
    await observer?.stop()
    await web?.stop()
  })

  const ask = (...args: ReadonlyArray<string>) => sonde([...args, "--http", port])

  it("query prints a table for people", async () => {
    const { code, stdout } = await ask(
      "query",
      `SELECT request_resource, response_code FROM flow_log.l7_flow_log
       WHERE server_port = ${web.port} AND observation_point = 's-p' ORDER BY 1`,
    )
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split("\n")
    expect(lines.map((line) => line.split(/\s+/))).toEqual([
      ["request_resource", "response_code"],
      ["/missing", "404"],
      ["/ok/a", "200"],
      ["/ok/b", "200"],
    ])
  })

  it("query --json prints one object a line", async () => {
    const { code, stdout } = await ask("query", "--json", "SELECT number AS n, 'x' AS text FROM numbers(2)")
    expect(code).toBe(0)
    expect(jsonLines(stdout)).toEqual([
      { n: 0, text: "x" },
      { n: 1, text: "x" },
    ])
  })

  it("query refuses what writes and what is wrong, with status 1", async () => {
    for (const [sql, words] of [
      ["DROP TABLE flow_log.l7_flow_log", /SELECT|read/i],
      ["SELECT nonsense FROM flow_log.l7_flow_log", /nonsense/],
      ["SELECT * FROM file('/etc/passwd')", /file/i],
      ["SELECT 1; SELECT 2", /one|statement/i],
    ] as const) {
      const { code, stderr, stdout } = await ask("query", sql)
      expect(code, sql).toBe(1)
      expect(stdout).toBe("")
      expect(stderr).toMatch(words)
    }
    const [count] = await observer.sql("SELECT count() > 0 AS some FROM flow_log.l7_flow_log")
    expect(count).toEqual({ some: 1 })
  })

  it("top --once shows who calls whom", async () => {
    curl(Array.from({ length: 20 }, (_, i) => `http://127.0.0.1:${web.port}/ok/top/${i}`))
    await observer.sqlUntil(
      `SELECT 1 FROM flow_log.l7_flow_log WHERE server_port = ${web.port} AND startsWith(request_resource, '/ok/top')`,
      (rows) => rows.length === 40,
    )
    const { code, stdout } = await ask("top", "--once")
    expect(code).toBe(0)
    expect(stdout).toContain("CLIENT")
    expect(stdout).toMatch(/^curl +nginx +HTTP +\d/m)
    const machine = await ask("top", "--once", "--json")
    expect(jsonLines(machine.stdout)).toContainEqual(
      expect.objectContaining({ client: "curl", server: "nginx" }),
    )
  })

  it("says where it asked when nobody answers", async () => {
    const nobody = String(await freePort())
    for (const args of [
      ["query", "SELECT 1"],
      ["top", "--once"],
    ]) {
      const { code, stderr } = await sonde([...args, "--http", nobody])
      expect(code).toBe(1)
      expect(stderr).toContain(`127.0.0.1:${nobody}`)
      expect(stderr).toContain("sonde up")
    }
  })
})

describeSystem("doctor", [], () => {
  it("--json tells every feature, what is missing and what to do", async () => {
    const { code, stdout } = await sonde(["doctor", "--json"])
    expect(code).toBe(0)
    const features = jsonLines(stdout)
    expect(features.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["socket data", "packets", "process inventory", "embedded storage"]),
    )
    for (const { hook, missing, next, on } of features) {
      if (on === true) expect(hook).not.toBe("")
      else for (const text of [missing, next]) expect(text).not.toBe("")
    }
  })

  it("prints the same for people", async () => {
    const { code, stdout } = await sonde(["doctor"])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Kernel \S+, tier 1: /)
    expect(stdout).toMatch(/^socket data +on +tp_btf\/sys_exit$/m)
  })
})

describe("commands that need nothing running", () => {
  it("config show prints what is in force, secrets hidden", async () => {
    const { code, stdout } = await sonde(["config", "show", "--set", "http.port=1234"], {
      env: { SONDE_STORAGE_PASSWORD: "swordfish" },
    })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ http: { port: 1234 }, storage: { password: "***" } })
    expect(stdout).not.toContain("swordfish")
  })

  it("config schema prints a JSON Schema with every key described", async () => {
    const { code, stdout } = await sonde(["config", "schema"])
    expect(code).toBe(0)
    const schema = JSON.parse(stdout) as {
      properties: Record<string, { properties?: Record<string, unknown> }>
    }
    expect(Object.keys(schema.properties)).toEqual(
      expect.arrayContaining(["data", "log", "http", "ingest", "storage", "agent"]),
    )
    expect(schema.properties["http"]!.properties!["port"]).toMatchObject({ description: expect.any(String) })
  })

  it("completions come for the usual shells", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, stdout } = await sonde(["--completions", shell])
      expect(code).toBe(0)
      expect(stdout).toContain("sonde")
      expect(stdout).toContain("doctor")
    }
  })

  it("help and version end well", async () => {
    for (const args of [["--help"], ["up", "--help"], ["--version"]]) {
      const { code, stderr, stdout } = await sonde(args)
      expect(code).toBe(0)
      expect(stdout).not.toBe("")
      expect(stderr).toBe("")
    }
  })

  it("mistakes get a suggestion and status 1", async () => {
    for (const [args, suggestion] of [
      [["quer"], "query"],
      [["up", "--htp", "1"], "--http"],
      [["top", "--onec"], "--once"],
      [["config", "shw"], "show"],
      [["up", "--set", "http.prot=1"], "http.port"],
      [["--completions", "tcsh"], "bash"],
      [["demo", "--rate", "0"], "1 to 1000"],
    ] as const) {
      const { code, stderr } = await sonde(args)
      expect(code, args.join(" ")).toBe(1)
      expect(stderr).toContain(suggestion)
    }
  })
})

describeSystem("demo", ["/usr/sbin/nginx", "/usr/bin/redis-server", "/usr/bin/python3"], () => {
  it("runs for as long as told, answers by status, leaves nothing", async () => {
    const { code, stdout } = await sonde(["demo", "--seconds", "3", "--rate", "50", "--json"])
    expect(code).toBe(0)
    const [started, stopped] = jsonLines(stdout)
    expect(started).toMatchObject({ event: "started", absent: [] })
    const answers = (stopped as { requests: Record<string, number> }).requests
    expect(answers["200"]).toBeGreaterThan(50)
    expect(answers["404"]).toBeGreaterThan(0)
    // Nobody was left without an answer.
    expect(answers["0"]).toBeUndefined()
  })
})
