// The orderly end by signal: what was captured is stored, and no process, kernel program or temporary file is left.

import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { lockHolder } from "../../src/runtime/clickhouse/lockHolder.ts"
import { curl, nginx, type Program, programsOf, unloaded } from "./support/programs.ts"
import { isAlive, Sonde } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

const temporaryFiles = (): ReadonlyArray<string> =>
  readdirSync(tmpdir()).filter((name) => name.startsWith("sonde-"))

describeSystem("orderly end", ["/usr/sbin/nginx", "/usr/bin/curl", "/usr/sbin/bpftool"], () => {
  let web: Program

  beforeAll(async () => {
    web = await nginx()
  })
  afterAll(() => web?.stop())

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`${signal} stores everything, leaves nothing, ends with status 0`, async () => {
      const data = mkdtempSync(join(tmpdir(), "sonde-test-"))
      const temporary = temporaryFiles()
      const first = new Sonde({ data })
      try {
        await first.capturing()
        const pids = first.below()
        const loaded = programsOf(first.agentPid!)
        expect(pids).toHaveLength(2)
        expect(loaded.length).toBeGreaterThan(0)
        const paths = Array.from({ length: 50 }, (_, i) => `/ok/last/${i}`)
        curl(paths.map((path) => `http://127.0.0.1:${web.port}${path}`))
        // At once: nothing of the last half second has left the agent yet.
        const exit = await first.stop(signal)

        expect(pids.filter(isAlive)).toEqual([])
        await unloaded(loaded)
        expect(temporaryFiles().filter((name) => !temporary.includes(name))).toEqual([])
        expect(readdirSync(join(data, "spool"))).toEqual([])
        expect(readdirSync(join(data, "clickhouse/tmp"))).toEqual([])
        expect(lockHolder(join(data, "clickhouse/status"))).toBeUndefined()

        const second = new Sonde({ data, command: "server" })
        try {
          const [rows] = await second.sql(
            `SELECT countIf(observation_point = 'c-p') AS client, countIf(observation_point = 's-p') AS server
             FROM flow_log.l7_flow_log WHERE server_port = ${web.port}`,
          )
          expect(rows).toEqual({ client: paths.length, server: paths.length })
          for (const table of ["application.1s", "application.1m"]) {
            const [sums] = await second.sql(
              `SELECT sum(request) AS requests FROM flow_metrics.\`${table}\` WHERE server_port = ${web.port}`,
            )
            expect(sums).toEqual({ requests: 2 * paths.length })
          }
        } finally {
          await second.stop()
        }
        expect(exit).toEqual({ code: 0, signal: null })
      } finally {
        first.child.kill("SIGKILL")
        rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
      }
    })
  }
})
