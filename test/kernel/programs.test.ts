// Real servers under the tracer, without the rest of the agent: nginx with and without sendfile, Redis.

import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { loadAddon } from "../../src/agent/capture/native/Addon.ts"
import { openSocketTracer, SocketTracer } from "../../src/agent/capture/native/SocketTracer.ts"
import { curl, freePort, type Program, redis, runProgram } from "../system/support/programs.ts"
import { until } from "../system/support/Sonde.ts"
import { describeSystem } from "../system/support/system.ts"
import { type DataEvent, decodeEvents } from "./support/events.ts"
import { needed, streams } from "./support/tracing.ts"

const bodyBytes = 300_000

/** nginx in the foreground, one process, with a file of 300 kB. */
const nginxWith = async (sendfile: "on" | "off"): Promise<Program> => {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), "sonde-kernel-"))
  writeFileSync(join(folder, "big.bin"), "y".repeat(bodyBytes))
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log; events {}
     http { access_log off; sendfile ${sendfile}; ${temporary.join(" ")}
       server { listen 127.0.0.1:${port}; root ${folder}; } }`,
  )
  const child = spawn("/usr/sbin/nginx", ["-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: "ignore",
  })
  await until(
    "nginx accepts",
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, "127.0.0.1", () => resolve(true))
        socket.once("error", () => resolve(false)).once("connect", () => socket.destroy())
      }),
    (accepts) => accepts,
  )
  const exited = new Promise((resolve) => child.once("exit", resolve))
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL")
    await exited
    rmSync(folder, { recursive: true, force: true })
  }
  return { port, pid: child.pid!, folder, stop }
}

describeSystem(
  "real programs",
  [...needed, "/usr/sbin/nginx", "/usr/bin/curl", "/usr/bin/redis-server", "/usr/bin/redis-cli"],
  () => {
    let tracer: SocketTracer
    const buffer = new Uint8Array(16 * 1_048_576)

    beforeAll(() => {
      const addon = loadAddon()
      if ("missing" in addon) throw new Error(addon.missing)
      const opened = openSocketTracer(addon, { payloadBytes: 1_024, ringMiB: 64 })
      if (!(opened instanceof SocketTracer)) throw new Error(opened.refused[0]!.missing)
      tracer = opened
    })
    afterAll(() => tracer?.close())

    /** What was seen meanwhile with this port at either end. */
    const during = (port: number, act: () => void): ReadonlyArray<DataEvent> => {
      const events: Array<DataEvent> = []
      const drain = (): void => {
        for (let length = tracer.poll(buffer); length > 0; length = tracer.poll(buffer)) {
          for (const event of decodeEvents(buffer, length)) {
            if (event.kind === "data" && (event.localPort === port || event.remotePort === port))
              events.push(event)
          }
        }
      }
      drain()
      events.length = 0
      act()
      // The client may have its answer before the server's call has returned.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
      drain()
      return events
    }

    for (const sendfile of ["on", "off"] as const) {
      it(`accounts for every byte of nginx with sendfile ${sendfile}`, async () => {
        const web = await nginxWith(sendfile)
        try {
          const events = during(web.port, () => {
            const url = `http://127.0.0.1:${web.port}`
            const { answers } = curl([`${url}/big.bin?1`, `${url}/big.bin?2`, `${url}/none`])
            expect(answers.map(({ status }) => status)).toEqual([200, 200, 404])
          })
          const server = events.filter(({ localPort }) => localPort === web.port)
          expect(server.every(({ role }) => role === "server")).toBe(true)
          const asked = server.filter(({ direction }) => direction === "received")
          expect(asked.map(({ payload }) => payload.split("\r\n")[0])).toEqual(
            ["/big.bin?1", "/big.bin?2", "/none"].map((path) => `GET ${path} HTTP/1.1`),
          )
          const sent = server.filter(({ direction }) => direction === "sent")
          const heads = sent.filter(({ payload }) => payload.startsWith("HTTP/1.1 "))
          expect(heads.map(({ payload }) => payload.slice(9, 12))).toEqual(["200", "200", "404"])
          const sentBytes = sent.reduce((sum, { length }) => sum + length, 0)
          expect(sentBytes).toBeGreaterThan(2 * bodyBytes)
          expect(sent.some(({ captured }) => captured === 0)).toBe(sendfile === "on")
          const received = events.filter(
            ({ role, direction }) => role === "client" && direction === "received",
          )
          expect(received.reduce((sum, { length }) => sum + length, 0)).toBe(sentBytes)
          const byStream = [...streams(events).values()]
          expect(byStream).toHaveLength(4)
          for (const stream of byStream) {
            for (const [at, { length, tcpSeq, timeNs }] of stream.entries()) {
              const next = stream[at + 1]
              if (next === undefined) continue
              expect(next.tcpSeq).toBe((tcpSeq + length) >>> 0)
              expect(next.timeNs).toBeGreaterThanOrEqual(timeNs)
            }
          }
        } finally {
          await web.stop()
        }
      })
    }

    it("sees Redis commands and their answers", async () => {
      const store = await redis()
      try {
        const ask = (...args: Array<string>): string =>
          runProgram("/usr/bin/redis-cli", ["-p", String(store.port), ...args]).output
        const events = during(store.port, () => {
          expect(ask("SET", "fruit", "apple")).toBe("OK\n")
          expect(ask("GET", "fruit")).toBe("apple\n")
        })
        const brief = (end: "client" | "server", direction: "sent" | "received") =>
          events
            .filter((event) => event.role === end && event.direction === direction)
            .map(({ payload, protocol }) => [protocol, payload])
        const commands = [
          [80, "*3\r\n$3\r\nSET\r\n$5\r\nfruit\r\n$5\r\napple\r\n"],
          [80, "*2\r\n$3\r\nGET\r\n$5\r\nfruit\r\n"],
        ]
        const answers = [
          [80, "+OK\r\n"],
          [80, "$5\r\napple\r\n"],
        ]
        expect(brief("client", "sent")).toEqual(commands)
        expect(brief("server", "received")).toEqual(commands)
        expect(brief("server", "sent")).toEqual(answers)
        expect(brief("client", "received")).toEqual(answers)
      } finally {
        await store.stop()
      }
    })
  },
)
