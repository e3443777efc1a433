// Beginnings and ends: processes, connections, full rings, and what is left in the kernel when a tracer is gone.

import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { expect, it } from "vitest"
import { type Addon, kernelObjectPath, loadAddon } from "../../src/agent/capture/native/Addon.ts"
import { until } from "../system/support/Sonde.ts"
import { describeSystem } from "../system/support/system.ts"
import { packetSockets, packetSocketsOf, programsOf, remaining } from "./support/kernelObjects.ts"
import type { ProcessEvent } from "./support/events.ts"
import { hooks, needed, ownData, trace } from "./support/tracing.ts"

const holder = fileURLToPath(new URL("support/holder.ts", import.meta.url))

const addon = (): Addon => {
  const loaded = loadAddon()
  if ("missing" in loaded) throw new Error(loaded.missing)
  return loaded
}

const u32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer)

/**
 * Four hooks, one for kills for memory, two for io_uring, one for wake-ups, two iterators, and those that are attached to programs as
 * these are found: eight for TLS libraries and Java, five for rustls, six for Go, five for Python.
 */
const programsOfATracer = 34

describeSystem("beginnings and ends", [...needed, "/usr/sbin/bpftool"], () => {
  for (const hook of hooks) {
    it(`tells that a process begins a program and ends: ${hook}`, () => {
      const { events, pid, result } = trace({
        hook,
        script: `
import subprocess
child = subprocess.Popen(["/usr/bin/env", "sleep", "0.01"]); child.wait()
done(child=child.pid)`,
      })
      const of = (tgid: unknown): ReadonlyArray<unknown> =>
        events.flatMap((event) =>
          (event.kind === "exec" || event.kind === "exit") && event.tgid === tgid
            ? [[event.kind, event.comm, event.parent]]
            : [],
        )
      // `env` becomes `sleep`.
      expect(of(result["child"])).toEqual([
        ["exec", "env", pid],
        ["exec", "sleep", pid],
        ["exit", "sleep", pid],
      ])
      expect(of(pid).map((event) => (event as Array<unknown>)[0])).toEqual(["exec", "exit"])
    })

    it(`tells what a process was begun with and how it ended: ${hook}`, () => {
      const { events, result } = trace({
        hook,
        script: `
import subprocess
def run(*args, **options): child = subprocess.Popen(args, **options); child.wait(); return child.pid
coded = run("/bin/sh", "-c", "exit 7", "", "two words")
killed = run("/bin/sh", "-c", "kill -9 $$")
long = run("/bin/true", "x" * 1000)
threaded = run(sys.executable, "-c", "import threading, os, time; threading.Thread(target=lambda: os._exit(5)).start(); time.sleep(9)")
other = run("/bin/true", user=12345)
done(coded=coded, killed=killed, long=long, threaded=threaded, other=other)`,
      })
      const of = (name: string, kind: string): ProcessEvent => {
        const found = events.find(
          (event) => event.kind === kind && "tgid" in event && event.tgid === result[name],
        )
        return found as ProcessEvent
      }
      expect(of("coded", "exec").args).toEqual(["/bin/sh", "-c", "exit 7", "", "two words"])
      expect(of("long", "exec").args).toEqual(["/bin/true"])
      expect(["coded", "killed", "long", "threaded"].map((name) => of(name, "exit").status)).toEqual([
        7 << 8,
        9,
        0,
        5 << 8,
      ])
      expect(of("other", "exit").uid).toBe(12_345)
      for (const name of ["coded", "threaded"]) {
        expect(of(name, "exit").livedNs).toBeGreaterThan(0)
        expect(of(name, "exit").livedNs).toBeLessThan(30e9)
      }
    })

    it(`tells the end of a process with its last thread, not with its first: ${hook}`, () => {
      const traced = trace({
        hook,
        script: `
def rest():
    time.sleep(0.1)
    client, server = pair(); client.send(request); server.recv(4096)
    done(); os._exit(0)
threading.Thread(target=rest).start()
ctypes.CDLL(None).syscall(60, 0) # exit, of this thread alone`,
      })
      const own = traced.events.flatMap((event) =>
        "tgid" in event && event.kind !== "flow" && event.tgid === traced.pid ? [event.kind] : [],
      )
      expect(own.filter((kind) => kind !== "connect")).toEqual(["exec", "data", "data", "exit"])
    })
  }

  it("forgets that a process is excluded when it ends", () => {
    const native = addon()
    const object = native.openObject(kernelObjectPath, ["sonde_gone_btf"], {}, { excluded_tgids: 1 }, "")
    try {
      native.attach(object, "sonde_gone_btf")
      const child = spawn("/usr/bin/python3", ["-c", "import sys; sys.stdin.read()"])
      native.mapUpdate(object, "excluded_tgids", u32(child.pid!), new Uint8Array([1]))
      const isFull = (): boolean => {
        try {
          native.mapUpdate(object, "excluded_tgids", u32(1), new Uint8Array([1]))
          return false
        } catch {
          return true
        }
      }
      expect(isFull()).toBe(true)
      child.stdin.end()
      return once(child, "exit")
        .then(() => expect(isFull()).toBe(false))
        .finally(() => native.closeObject(object))
    } catch (cause) {
      native.closeObject(object)
      throw cause
    }
  })

  it("tells the end of a connection after the bytes that were still to be read", () => {
    const traced = trace({
      script: `
client, server = pair(); client.send(request); server.recv(4096)
client.shutdown(socket.SHUT_WR); server.send(answer); server.close(); time.sleep(0.05)
client.recv(5); client.recv(4096)
reset, there = pair(); reset.send(request); there.recv(4096); there.send(answer)
there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0"); there.close(); time.sleep(0.05)
reset.recv(4096)
done()`,
    })
    const sockets = new Set(ownData(traced).map(({ socket }) => socket))
    expect(sockets.size).toBe(4)
    for (const socket of sockets) {
      const kinds = traced.events.flatMap((event) =>
        "socket" in event && event.socket === socket ? [event.kind] : [],
      )
      expect(kinds.filter((kind) => kind === "close")).toHaveLength(1)
      expect(kinds.at(-1)).toBe("close")
    }
  })

  it("tells apart connections that use a kernel socket one after the other", () => {
    const traced = trace({
      script: `
for i in range(300):
    client, server = pair(); client.send(b"GET /%d HTTP/1.1\\r\\n" % i); server.recv(4096); client.close(); server.close()
done()`,
    })
    const byPath = Map.groupBy(ownData(traced), ({ payload }) => payload)
    expect(byPath.size).toBe(300)
    const sockets = [...byPath.values()].flat().map(({ socket }) => socket)
    expect(new Set(sockets).size).toBe(600)
    expect(new Set(sockets.map((socket) => socket.split("/")[0])).size).toBeLessThan(600)
  })

  it("counts each event that found no room", () => {
    const sent = 2_000
    const run = () => {
      const traced = trace({
        ringMiB: 1,
        isDrained: false,
        script: `
client, server = pair(); message = request.ljust(900, b".")
for i in range(${sent / 2}): client.send(message); exactly(server, 900)
done()`,
      })
      return { ...traced.counters, delivered: ownData(traced).length }
    }
    // A program that began meanwhile may have lost events, too: exact when there was none.
    for (let attempt = 0; ; attempt++) {
      const { delivered, ring_full: lost } = run()
      expect(delivered).toBeGreaterThan(500)
      expect(delivered).toBeLessThan(sent)
      expect(delivered + lost).toBeGreaterThanOrEqual(sent)
      if (delivered + lost === sent) break
      expect(attempt).toBeLessThan(10)
    }
  })

  it("leaves nothing behind when it is killed", async () => {
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", holder], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    let programs: ReadonlyArray<number> = []
    let sockets: ReadonlyArray<string> = []
    try {
      await once(child.stdout!, "data")
      programs = programsOf(child.pid!)
      sockets = packetSocketsOf(child.pid!)
      expect(programs).toHaveLength(programsOfATracer)
      expect(remaining(programs)).toEqual(programs)
      expect(sockets).toHaveLength(1)
    } finally {
      // Left alone, it would be another agent to all tests that come.
      child.kill("SIGKILL")
      await once(child, "exit")
    }
    await until(
      "programs are gone",
      () => remaining(programs),
      (left) => left.length === 0,
      5,
    )
    expect(packetSockets().filter((inode) => sockets.includes(inode))).toEqual([])
  })

  it("leaves nothing behind when its worker is terminated", async () => {
    const before = { programs: programsOf(process.pid), sockets: packetSocketsOf(process.pid) }
    for (let round = 0; round < 3; round++) {
      const worker = new Worker(holder)
      await once(worker, "message")
      const programs = programsOf(process.pid).filter((id) => !before.programs.includes(id))
      expect(programs).toHaveLength(programsOfATracer)
      expect(packetSocketsOf(process.pid)).toHaveLength(before.sockets.length + 1)
      await worker.terminate()
      expect(programsOf(process.pid)).toEqual(before.programs)
      expect(packetSocketsOf(process.pid)).toEqual(before.sockets)
      await until(
        "programs are gone",
        () => remaining(programs),
        (left) => left.length === 0,
        5,
      )
    }
  })

  it("says without privileges what is missing", () => {
    const script = `
      import { loadAddon } from ${JSON.stringify(new URL("../../src/agent/capture/native/Addon.ts", import.meta.url).href)}
      import { openSocketTracer } from ${JSON.stringify(new URL("../../src/agent/capture/native/SocketTracer.ts", import.meta.url).href)}
      console.log(JSON.stringify(openSocketTracer(loadAddon(), { payloadBytes: 64, ringMiB: 1 })))`
    const run = spawnSync(
      "setpriv",
      [
        "--bounding-set=-all",
        "--inh-caps=-all",
        process.execPath,
        "--disable-warning=ExperimentalWarning",
      ].concat(["--input-type=module-typescript", "-e", script]),
      { encoding: "utf8" },
    )
    const { refused } = JSON.parse(run.stdout) as { refused: Array<{ name: string; missing: string }> }
    expect(refused.map(({ name }) => name)).toEqual([
      "socket data",
      "connection roles",
      "process starts",
      "connection counters",
    ])
    for (const { missing } of refused) expect(missing).toContain("CAP_BPF and CAP_PERFMON")
  })
})
