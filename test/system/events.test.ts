// From what programs do to what is asked for: waits for files with the request they held up, begins and ends of processes.

import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, it } from "vitest"
import { browserPath, consoleFile, launchBrowser, openPage } from "./support/browser.ts"
import { curl, type Program, renamed, start } from "./support/programs.ts"
import { Sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

interface RequestEvents {
  readonly threads: ReadonlyArray<{
    readonly side: string
    readonly pid: number
    readonly otherRequests: number
  }>
  readonly files: ReadonlyArray<Readonly<Record<string, unknown>>>
}

/** Syncs a file within each request. */
const serverSource = (file: string, port: number): string => `
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/kept": self.keep()
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def keep(self):
        fd = os.open(${JSON.stringify(file)}, os.O_CREAT | os.O_WRONLY, 0o600)
        for i in range(3): os.write(fd, b"x" * 1000000); os.fsync(fd)
        os.close(fd)
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", ${port}), Handler).serve_forever()`

const memory = "/sys/fs/cgroup/memory"

describeSystem("events of files and processes", ["/usr/bin/python3", "/usr/bin/curl"], () => {
  let folder: string
  let file: string
  let web: Program
  let sonde: Sonde

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sonde-events-"))
    file = join(folder, "kept.bin")
    web = await start("/usr/bin/python3", "syncing-server", (port) => ["-c", serverSource(file, port)])
    sonde = new Sonde({ data: join(folder, "data"), set: ["agent.fileSlowUs=0"] })
    await sonde.capturing(90)
  })
  afterAll(async () => {
    await sonde?.stop()
    await web?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it("waits for files are told with the request in whose thread they were", async () => {
    // What a thread serves is believed when it was seen not to be an event loop.
    curl([`http://127.0.0.1:${web.port}/warm`])
    await sleep(3_000)
    curl([`http://127.0.0.1:${web.port}/kept`])
    const [row] = await sonde.sqlUntil(
      `SELECT toString(_id) AS id, process_id_1, toUnixTimestamp64Micro(start_time) AS start,
         toUnixTimestamp64Micro(end_time) AS end
       FROM flow_log.l7_flow_log WHERE server_port = ${web.port} AND observation_point = 's-p' AND request_resource = '/kept'`,
      (rows) => rows.length === 1,
    )
    const { files, threads } = await until(
      "the request has events",
      () => sonde.get<RequestEvents>(`/api/v1/requests/${row!["id"]}/events`),
      (answer) => answer.files.filter(({ type }) => type === "sync").length === 3,
    )
    expect(threads).toEqual([
      { side: "server", pid: row!["process_id_1"], thread: row!["process_id_1"], otherRequests: 0 },
    ])
    for (const one of files.filter(({ type }) => type === "sync")) {
      expect(one).toMatchObject({ side: "server", path: file, error: "", bytes: 0, isCertain: true })
      expect(Number(one["startUs"])).toBeGreaterThanOrEqual(Number(row!["start"]))
      expect(Number(one["endUs"])).toBeLessThanOrEqual(Number(row!["end"]))
    }
  })

  it.skipIf(!existsSync(browserPath) || !existsSync(consoleFile))(
    "waits and processes are on the console's pages",
    async () => {
      const [row] = await sonde.sql(
        `SELECT toString(_id) AS id FROM flow_log.l7_flow_log WHERE server_port = ${web.port} AND observation_point = 's-p' AND request_resource = '/kept'`,
      )
      spawnSync(renamed("/bin/false", "seen-on-page", folder))
      const { url } = await sonde.ready
      const complaints: Array<string> = []
      const browser = await launchBrowser()
      try {
        const page = await openPage(browser, complaints)
        const seen = async (text: string | RegExp): Promise<void> =>
          page.getByText(text).first().waitFor({ state: "visible", timeout: 20_000 })
        await page.goto(new URL(`/requests/${row!["id"]}`, url).href)
        await seen("Waited for a file")
        await seen(`Sync of ${file}`)
        await page.goto(new URL("/processes", url).href)
        await page.getByRole("button", { name: "Began and ended" }).click()
        await seen("seen-on-page")
        await page.getByRole("button", { name: "Killed for memory" }).click()
        await seen("No process began or ended")
        expect(complaints).toEqual([])
      } finally {
        await browser.close()
      }
    },
    90_000,
  )

  it("waits for files are rows with the tags of their process", async () => {
    const [row] = await sonde.sql(
      `SELECT count() AS n, sum(duration) > 0 AS took, any(process_kname) AS kname, any(auto_instance) AS instance,
         any(mount_source) != '' AS mounted, any(Enum(file_type)) AS kind, any(signal_source) AS source
       FROM event.file_event WHERE file_name = 'kept.bin' AND event_type = 'sync'`,
    )
    expect(row).toEqual({
      n: 3,
      took: 1,
      kname: "syncing-server",
      instance: "syncing-server",
      mounted: 1,
      kind: "Regular File",
      source: 2,
    })
  })

  it("processes are told of, however short they live, without their secrets", async () => {
    const brief = renamed("/bin/false", "brief-program", folder)
    const ended = spawnSync(brief, ["--password=hunter2", "plain"])
    expect([ended.error, ended.status]).toEqual([undefined, 1])
    const rows = await sonde.sqlUntil(
      `SELECT event_type, process_kname, cmdline, exit_code, event_desc FROM event.proc_ops_event
       WHERE process_kname = 'brief-program' ORDER BY end_time`,
      (found) => found.length === 2,
      60,
    )
    expect(rows[0]).toMatchObject({
      event_type: "exec",
      cmdline: `${brief} --password=? plain`,
      exit_code: null,
    })
    expect(rows[1]).toMatchObject({ event_type: "exit", exit_code: 1, event_desc: "code 1" })
    const { events } = await sonde.get<{ events: ReadonlyArray<Record<string, unknown>> }>(
      "/api/v1/processes/events?q=brief-prog&type=exit",
    )
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ name: "brief-program", exitCode: 1, exitSignal: 0 })
    expect(Number(events[0]!["timeUs"])).toBeGreaterThan(Number(events[0]!["startUs"]))
  }, 90_000)

  it("says that both are on", async () => {
    const { agents } = await sonde.get<{
      agents: ReadonlyArray<{ features: ReadonlyArray<{ name: string; on: boolean; hook: string }> }>
    }>("/api/v1/status")
    const feature = agents[0]!.features.find(({ name }) => name === "file reads and writes")
    expect(feature).toMatchObject({ on: true })
    expect(feature!.hook).toMatch(/sched_switch/)
    for (const [name, least] of [
      ["sonde_agent_file_rows_total", 3],
      ["sonde_agent_process_rows_total", 2],
    ] as const) {
      await until(
        name,
        () => sonde.metric(name),
        (value) => value >= least,
      )
    }
  })

  it("sums what waited by process and file, once a minute", async () => {
    const rows = await sonde.sqlUntil(
      `SELECT event_type, event_count, duration >= duration_max AS whole, file_dir, process_kname FROM event.file_agg_event
       WHERE file_name = 'kept.bin' AND event_type = 'sync'`,
      (found) => found.length > 0,
      90,
    )
    expect(rows).toEqual([
      { event_type: "sync", event_count: 3, whole: 1, file_dir: folder, process_kname: "syncing-server" },
    ])
  }, 120_000)
})

describeSystem("kills for memory", ["/usr/bin/python3", `${memory}/memory.limit_in_bytes`], () => {
  const group = join(memory, `sonde-test-${process.pid}`)
  let sonde: Sonde
  beforeAll(async () => {
    mkdirSync(group)
    writeFileSync(join(group, "memory.limit_in_bytes"), String(48 * 1_048_576))
    sonde = new Sonde()
    await sonde.capturing(90)
  })
  afterAll(async () => {
    await sonde?.stop()
    rmdirSync(group)
  })

  it("are told of, and the end that follows", async () => {
    const { signal } = spawnSync("/bin/sh", [
      "-c",
      `echo $$ > ${group}/cgroup.procs; exec /usr/bin/python3 -c 'x = bytearray(500 << 20)'`,
    ])
    expect(signal).toBe("SIGKILL")
    const rows = await sonde.sqlUntil(
      `SELECT event_type, event_desc, exit_signal FROM event.proc_ops_event WHERE pid IN
         (SELECT pid FROM event.proc_ops_event WHERE event_type = 'oom_kill')
       AND event_type != 'exec' ORDER BY end_time`,
      (found) => found.length >= 2,
    )
    expect(rows.slice(0, 2)).toEqual([
      { event_type: "oom_kill", event_desc: "", exit_signal: 0 },
      { event_type: "exit", event_desc: "SIGKILL", exit_signal: 9 },
    ])
  })
})
