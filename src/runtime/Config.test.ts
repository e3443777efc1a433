import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll } from "vitest"
import { type ConfigSources, loadConfig, loadConfigWithOrigins } from "./Config.ts"
import { configJsonSchema, configKeys } from "./configKeys.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sonde-config-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

const file = (content: string): string => {
  const path = join(folder, "sonde.yaml")
  writeFileSync(path, content)
  return path
}

const problems = (sources: Partial<ConfigSources>) =>
  loadConfig({ environment: {}, flags: new Map(), ...sources }).pipe(
    Effect.flip,
    Effect.map((error) => error.problems),
  )

describe("loadConfig", () => {
  it.effect("takes flags over environment over file over defaults", () =>
    Effect.gen(function* () {
      const config = yield* loadConfig({
        file: file("http: {port: 1000, host: 127.0.0.2}\nagent: {payloadBytes: 2048, excludePorts: [22]}\n"),
        environment: { SONDE_HTTP_PORT: "2000", SONDE_AGENT_EXCLUDE_PROGRAMS: "sshd, ntpd", HOME: "/root" },
        flags: new Map([["http.port", "3000"]]),
      })
      assert.strictEqual(config.http.port, 3000)
      assert.strictEqual(config.http.host, "127.0.0.2")
      assert.strictEqual(config.agent.payloadBytes, 2048)
      assert.deepStrictEqual(config.agent.excludePorts, [22])
      assert.deepStrictEqual(config.agent.excludePrograms, ["sshd", "ntpd"])
      assert.strictEqual(config.ingest.port, 20033)
    }),
  )

  it.effect("knows what was set, also to the default, and where", () =>
    Effect.gen(function* () {
      const path = file("agent: {flushMs: 500, ringMiB: 8}\n")
      const { origins } = yield* loadConfigWithOrigins({
        file: path,
        environment: {
          SONDE_AGENT_CAPTURE: "none",
          SONDE_AGENT_SPOOL_MI_B: "256",
          SONDE_DEFAULTED: "SONDE_AGENT_SPOOL_MI_B,SONDE_AGENT_MEMORY_MI_B",
        },
        flags: new Map([["agent.ringMiB", "4"]]),
      })
      assert.deepStrictEqual(
        origins,
        new Map([
          ["agent.flushMs", path],
          ["agent.ringMiB", "command line"],
          ["agent.capture", "environment SONDE_AGENT_CAPTURE"],
        ]),
      )
    }),
  )

  it.effect("names key, value, expectation and origin, all problems at once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* problems({
          environment: { SONDE_AGENT_CAPTURE: "dtrace", SONDE_AGENT_TUNNELS: "vxlan,stt" },
          flags: new Map([["http.port", "70000"]]),
        }),
        [
          "http.port: expected an integer from 0 to 65535, found 70000 (command line)",
          'agent.capture: expected one of auto, ebpf, packets, none, found "dtrace" (environment SONDE_AGENT_CAPTURE)',
          'agent.tunnels: expected a list of any of vxlan, geneve, gre, teb, erspan, ipip, found ["vxlan","stt"] (environment SONDE_AGENT_TUNNELS)',
        ],
      )
    }),
  )

  it.effect("refuses unknown keys with the nearest known one", () =>
    Effect.gen(function* () {
      const path = file("http: {prot: 1}\nstorage: 5\n")
      assert.deepStrictEqual(yield* problems({ file: path }), [
        `http.prot: no such key (${path}); did you mean http.port?`,
        `storage: expected a section with keys, found 5 (${path})`,
      ])
      assert.deepStrictEqual(yield* problems({ environment: { SONDE_HTP_PORT: "1" } }), [
        "SONDE_HTP_PORT: no such key (environment); did you mean SONDE_HTTP_PORT?",
      ])
    }),
  )

  it.effect("says where a file is broken or missing", () =>
    Effect.gen(function* () {
      const broken = file("http: {port: 1\nagent: 2")
      assert.match((yield* problems({ file: broken }))[0]!, /sonde\.yaml: .* at line \d+, column \d+/)
      assert.match(
        (yield* problems({ file: join(folder, "absent.yaml") }))[0]!,
        /absent\.yaml: cannot be read \(ENOENT\)/,
      )
      assert.match(
        (yield* problems({ file: file("- 1\n- 2\n") }))[0]!,
        /expected keys and values, found a list/,
      )
    }),
  )
})

describe("configKeys", () => {
  it("describes every key", () => {
    assert.isAbove(configKeys.length, 20)
    for (const key of configKeys) {
      assert.notStrictEqual(key.description, "", key.path)
      assert.notStrictEqual(key.default, undefined, key.path)
    }
  })

  it("has one environment name a key", () => {
    assert.strictEqual(new Set(configKeys.map((key) => key.variable)).size, configKeys.length)
  })

  it("prints a schema of draft 2020-12", () => {
    assert.include(JSON.stringify(configJsonSchema()), "https://json-schema.org/draft/2020-12/schema")
  })
})
