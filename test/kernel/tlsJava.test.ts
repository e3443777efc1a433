// What programs in Java say over the JDK's TLS, by sockets and by engines, and over plain TCP: every request once at both ends; and that a JVM is
// as before when the agent is gone.

import { readdirSync, readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { beforeAll, describe, expect, it } from "vitest"
import { describeSystem } from "../system/support/system.ts"
import { askJvm } from "../../src/agent/capture/tls/java/attach.ts"
import { readJvm } from "../../src/agent/capture/tls/java/jvm.ts"
import { isJavaAgentBuilt, javaAgentFiles } from "../../src/agent/capture/tls/java/JavaTls.ts"
import { type Capturing, runBeside, startCapturing } from "./support/capturing.ts"
import { hooked } from "./support/hooked.ts"
import { needed } from "./support/tracing.ts"
import { allSeen, buildJava, javaClient, javaServer, type JavaWay, jdks, tally } from "./support/victims.ts"

/** Until an agent follows a JVM that just began. */
const clientWaitMs = 4_000

const ask = async (
  capturing: Capturing,
  jdk: string,
  classes: string,
  way: JavaWay,
  port: number,
): Promise<void> => {
  const waitMs = way === "socket" || way === "engine" ? clientWaitMs : 0
  const { output, status } = await runBeside(...javaClient(jdk, classes, way, port, waitMs))
  // A JDK may warn of agents that come at run time.
  expect([status, output]).toEqual([0, expect.not.stringMatching(/rror|xception/)])
  await capturing.settle()
}

const followed = async (capturing: Capturing, count: number): Promise<void> => {
  for (let i = 0; i < 400 && (capturing.stats()["java_tls_jvms"] ?? 0) < count; i++) await sleep(50)
  expect(capturing.stats()["java_tls_jvms"]).toBe(count)
  for (let i = 0; i < 100 && !capturing.tlsHook().includes("libsonde_java_tls.so"); i++) await sleep(50)
  await hooked(capturing, 1)
}

const leftovers = (): ReadonlyArray<string> =>
  readdirSync("/tmp").filter((name) => name.startsWith(".sonde-") || name.startsWith(".attach_pid"))

describeSystem("Java", [...needed, "/usr/bin/openssl", javaAgentFiles.jar], () => {
  for (const jdk of isJavaAgentBuilt() ? jdks() : [])
    describe(jdk, () => {
      let classes = ""
      beforeAll(() => {
        classes = buildJava(jdk)
      }, 60_000)

      for (const way of ["plain", "nio", "socket", "engine"] as const)
        it(`sees every request once: ${way}`, async () => {
          const isTls = way === "socket" || way === "engine"
          const capturing = await startCapturing({ tls: true, javaTls: true })
          try {
            const server = await javaServer(jdk, classes, way)
            try {
              await followed(capturing, 1)
              await ask(capturing, jdk, classes, way, server.port)
              for (const side of ["server", "client"] as const)
                expect([side, tally(capturing, server.port, side, isTls, "java")]).toEqual([side, allSeen])
              expect(capturing.stats()["kernel_tls_full_total"]).toBe(0)
              expect(capturing.stats()["java_tls_refused_total"]).toBe(0)
              expect(leftovers()).toEqual([])
            } finally {
              await server.stop()
            }
          } finally {
            await capturing.stop()
          }
        }, 120_000)

      it("follows a JVM that is older than the agent, leads it back, and follows it again", async () => {
        const server = await javaServer(jdk, classes, "socket")
        try {
          for (const _ of [1, 2]) {
            const capturing = await startCapturing({ tls: true, javaTls: true, isEverything: true })
            try {
              await followed(capturing, 1)
              await ask(capturing, jdk, classes, "socket", server.port)
              expect(tally(capturing, server.port, "server", true, "java")).toEqual(allSeen)
            } finally {
              await capturing.stop()
            }
            expect(leftovers()).toEqual([])
            // Served as before, and unseen.
            const silent = await startCapturing({ tls: true, isEverything: true })
            try {
              await hooked(silent, 1)
              await ask(silent, jdk, classes, "socket", server.port)
              expect(tally(silent, server.port, "server", true, "java").seen).toBe(0)
            } finally {
              await silent.stop()
            }
          }
        } finally {
          await server.stop()
        }
      }, 180_000)

      it("is led and led back as often as it is asked, and serves meanwhile", async () => {
        for (const way of ["socket", "engine"] as const) {
          const server = await javaServer(jdk, classes, way)
          try {
            // Twice each: the second has nothing to do. Calls that were not given back would not be found again.
            for (const command of ["start", "start", "stop", "stop", "start", "stop"] as const) {
              await askJvm(readJvm(server.pid)!, javaAgentFiles, command)
              const { output, status } = await runBeside(...javaClient(jdk, classes, way, server.port, 0))
              expect([way, command, status, output]).toEqual([way, command, 0, ""])
            }
            expect(leftovers()).toEqual([])
          } finally {
            await server.stop()
          }
        }
      }, 120_000)

      it("leaves JVMs alone that it may not look at", async () => {
        const capturing = await startCapturing({ tls: true, javaTls: true, tlsExcludePrograms: ["java"] })
        try {
          const server = await javaServer(jdk, classes, "socket")
          try {
            await sleep(2_000)
            expect(capturing.stats()["java_tls_jvms"]).toBe(0)
            expect(readFileSync(`/proc/${server.pid}/maps`, "utf8")).not.toContain("sonde")
          } finally {
            await server.stop()
          }
        } finally {
          await capturing.stop()
        }
      }, 60_000)
    })
})
