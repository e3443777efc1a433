import { spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, it } from "vitest"
import { isJavaAgentBuilt, JavaTls } from "./JavaTls.ts"

const make = (isForbidden = false) => {
  const warnings: Array<string> = []
  const java = new JavaTls({
    isForbidden: () => isForbidden,
    log: (_level, message) => warnings.push(message),
  })
  return { java, warnings }
}

/** Looks as often as an agent does, for a while. */
const look = async (java: JavaTls, ms: number): Promise<void> => {
  for (const until = performance.now() + ms; performance.now() < until; await sleep(20))
    java.look(performance.now())
}

describe.skipIf(!isJavaAgentBuilt())("JavaTls", () => {
  it("sends nothing to a process that would die of it, and forgets it when it ends", async () => {
    const child = spawn("/bin/sleep", ["60"])
    const ended = once(child, "exit")
    const { java, warnings } = make()
    java.found(child.pid!)
    java.found(child.pid!)
    await look(java, 1_500)
    expect(java.stats()).toEqual({
      java_tls_jvms: 0,
      java_tls_waiting: 1,
      java_tls_refused_total: 0,
      java_tls_full_total: 0,
    })
    expect([child.exitCode, child.signalCode, warnings]).toEqual([null, null, []])
    java.ended(child.pid!)
    expect(java.stats()["java_tls_waiting"]).toBe(0)
    child.kill()
    await ended
    await java.close()
  })

  it("leaves alone who may not be looked at", async () => {
    const { java } = make(true)
    java.found(process.pid)
    await look(java, 800)
    expect(java.stats()["java_tls_waiting"]).toBe(0)
    await java.close()
  })

  it("knows so many JVMs and counts the others", async () => {
    const { java } = make()
    for (let pid = 1; pid <= 1_030; pid++) java.found(2 ** 22 + pid)
    expect(java.stats()).toMatchObject({ java_tls_waiting: 1_024, java_tls_full_total: 6 })
    await look(java, 700)
    // None of these is a process.
    expect(java.stats()["java_tls_waiting"]).toBe(0)
    await java.close()
    java.found(process.pid)
    expect(java.stats()["java_tls_waiting"]).toBe(0)
  })
})
