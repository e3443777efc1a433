// Nothing of an agent is left in the kernel when it is killed in the middle of its work: by system calls with hooks on TLS
// libraries, and by packets.

import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"
import { type Held, heldBy, lastingState, leftOf } from "../kernel/support/kernelTraces.ts"
import { secureNginx } from "../kernel/support/tlsServers.ts"
import { curl } from "./support/programs.ts"
import { bin, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

const programs = ["/usr/sbin/nginx", "/usr/bin/curl", "/usr/sbin/bpftool", "/usr/bin/unshare", "/usr/sbin/ip"]

describeSystem("an agent that is killed", programs, () => {
  /** What it held. It has no server: what it captures waits for one. */
  const killed = async (capture: string, isReady: (held: Held) => boolean): Promise<Held> => {
    const data = mkdtempSync(join(tmpdir(), "sonde-traces-"))
    const before = lastingState()
    const web = await secureNginx()
    const settings = ["agent.controllers=", "agent.server=127.0.0.1:1", `agent.capture=${capture}`]
    const agent = spawn(bin, ["agent", "--data", data, ...settings.flatMap((one) => ["--set", one])], {
      stdio: "ignore",
    })
    const ended = once(agent, "exit")
    try {
      const pid = agent.pid!
      const held = await until("it captures all it can", () => heldBy(pid), isReady, 60)
      curl(["--insecure", `https://127.0.0.1:${web.port}/`])
      expect(leftOf(held, pid).length).toBeGreaterThan(0)
      agent.kill("SIGKILL")
      await ended
      await until(
        "nothing is left",
        () => leftOf(held, pid),
        (left) => left.length === 0,
        20,
      )
      expect(lastingState()).toBe(before)
      return held
    } finally {
      agent.kill("SIGKILL")
      await web.stop()
      rmSync(data, { recursive: true, force: true })
    }
  }

  it("by system calls, with hooks on TLS libraries: no program, map, link or probe", async () => {
    const held = await killed("ebpf", ({ functions }) => functions > 5)
    expect(held.prog.length).toBeGreaterThan(10)
    expect(held.map.length).toBeGreaterThan(10)
  })

  it("by packets: no socket, and no interface in another mode", async () => {
    const held = await killed("packets", (now) => now.packetSockets.length === 1)
    expect(held.prog).toEqual([])
    expect(held.functions).toBe(0)
  })
})
