// The programs for old kernels: that they stay within what 4.14 has (no kernel older than 5.10 can be had to run them on), and that they
// capture, on this machine's kernel with its types hidden.

import { execFileSync, spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { compatObjectPath } from "../../src/agent/capture/native/Addon.ts"
import { describeSystem } from "../system/support/system.ts"
import { readBpfObject } from "./support/bpfObject.ts"
import type { Seen } from "./support/capturing.ts"

/** include/uapi/linux/bpf.h of 4.14: its last helper is sock_map_update, its last kind of map SOCKMAP. */
const lastHelper = 53
const lastMapKind = 15
const mostInstructions = 4_096

const capture = (scenario: string) => {
  const program = fileURLToPath(new URL("support/compatCapture.ts", import.meta.url))
  const hide = 'mount -t tracefs tracefs /sys/kernel/tracing; mount -t tmpfs none /sys/kernel/btf; exec "$@"'
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", program, scenario]
  const run = spawnSync("unshare", ["-m", "sh", "-c", hide, "sh", ...node], {
    encoding: "utf8",
    timeout: 90_000,
  })
  if (run.status !== 0) throw new Error(`${run.stderr}\n${run.stdout}`)
  return JSON.parse(run.stdout) as {
    readonly sessions: ReadonlyArray<Seen>
    readonly stats: Readonly<Record<string, number>>
  }
}

const texts = (sessions: ReadonlyArray<Seen>, side: Seen["side"]): ReadonlyArray<string> =>
  sessions.filter((one) => one.side === side).map(({ text }) => text)

describeSystem("programs for old kernels", ["/usr/sbin/bpftool", "/usr/bin/unshare"], () => {
  const object = readBpfObject(readFileSync(compatObjectPath))

  it("stay within the instructions, helpers and sections of 4.14", () => {
    expect(object.programs.map(({ section }) => section)).toEqual([
      "tp/raw_syscalls/sys_enter",
      "tp/raw_syscalls/sys_exit",
      "tp/sched/sched_process_exec",
      "tp/sched/sched_process_exit",
    ])
    for (const program of object.programs) {
      expect(program.instructions, program.section).toBeLessThan(mostInstructions)
      expect(program.helpers.filter((helper) => helper > lastHelper)).toEqual([])
      expect(program).toMatchObject({ calls: 0, jumps32: 0, hasLoop: false, atomics: 0 })
      // Nothing but maps is put in when it is loaded.
      expect(new Set(program.relocatedTo)).toEqual(new Set([".maps"]))
    }
    expect(object.dataSections).toEqual([])
    expect(object.typeRelocations).toBe(0)
  })

  it("have no kind of map that came later", () => {
    const types = JSON.parse(
      execFileSync("/usr/sbin/bpftool", ["-j", "btf", "dump", "file", compatObjectPath], {
        encoding: "utf8",
      }),
    ) as {
      readonly types: ReadonlyArray<{
        readonly id: number
        readonly kind: string
        readonly name: string
        readonly type_id?: number
        readonly nr_elems?: number
        readonly vars?: ReadonlyArray<{ readonly type_id: number }>
        readonly members?: ReadonlyArray<{ readonly name: string; readonly type_id: number }>
      }>
    }
    const byId = new Map(types.types.map((type) => [type.id, type]))
    const maps = types.types.find(({ kind, name }) => kind === "DATASEC" && name === ".maps")!.vars!
    const kinds = maps.map(({ type_id }) => {
      const struct = byId.get(byId.get(type_id)!.type_id!)!
      const pointer = byId.get(struct.members!.find(({ name }) => name === "type")!.type_id)!
      return byId.get(pointer.type_id!)!.nr_elems!
    })
    expect(kinds.length).toBeGreaterThan(8)
    expect(kinds.filter((kind) => kind > lastMapKind)).toEqual([])
  })
})

const needed = ["/usr/bin/unshare", "/usr/sbin/nginx", "/usr/bin/curl"]

describeSystem("capture by the programs for old kernels", needed, () => {
  it("HTTP over kept and short connections, both sides, with their ends", () => {
    const { sessions, stats } = capture("http")
    const wanted = [
      "http1 | GET | /ok/1 | 0 | 200",
      "http1 | GET | /big.bin | 0 | 200",
      "http1 | GET | /missing/2 | 4 | 404",
    ]
    expect(texts(sessions, "client")).toEqual(wanted)
    expect(texts(sessions, "server")).toEqual(wanted)
    for (const { client, responseLength, server, text } of sessions) {
      expect([client, server]).toContain("nginx")
      if (text.includes("big.bin")) expect(responseLength).toBe(300_000)
    }
    expect(stats["compat_found_total"]! + stats["compat_guessed_total"]!).toBeGreaterThanOrEqual(4)
  })

  describeSystem("MariaDB", ["/usr/sbin/mariadbd", "/usr/bin/mariadb"], () => {
    it("what user space has to recognise", () => {
      const { sessions } = capture("databases")
      for (const side of ["client", "server"] as const)
        expect(texts(sessions, side)).toEqual([
          "mysql | Login | Login username: root | 0 | -",
          "mysql | COM_QUERY | select ? as one | 0 | -",
          "mysql | COM_QUERY | select nope | 3 | 1054",
          "mysql | COM_QUIT |  | - | -",
        ])
    })
  })

  describeSystem("Redis", ["/usr/bin/redis-server", "/usr/bin/python3"], () => {
    it("connections that are older than it", () => {
      const { sessions } = capture("older")
      expect(texts(sessions, "client")).toEqual(["redis | GET | GET older | 0 | -"])
      expect(texts(sessions, "server")).toEqual(["redis | GET | GET older | 0 | -"])
    })
  })
})
