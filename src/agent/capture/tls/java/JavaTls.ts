// Which JVMs lead their TLS through the library on which the kernel program sits (native/java): each that maps libjvm.so and may be looked at,
// one after the other. They are led back at the end. A JVM that refuses is left alone for good; one that is not up yet is asked again.

import { existsSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { Feature } from "../../../../model/AgentStatus.ts"
import { askJvm, AttachTooEarly, type JavaAgentFiles } from "./attach.ts"
import { readJvm } from "./jvm.ts"

/** A process that maps it to execute is a JVM. */
export const jvmFileName = "libjvm.so"

const built = (name: string): string =>
  fileURLToPath(new URL(`../../../../../build/java/${name}`, import.meta.url))

export const javaAgentFiles: JavaAgentFiles = {
  jar: built("sonde-java-tls.jar"),
  library: built("libsonde_java_tls.so"),
}

export const isJavaAgentBuilt = (): boolean =>
  existsSync(javaAgentFiles.jar) && existsSync(javaAgentFiles.library)

export interface JavaTlsOptions {
  readonly isForbidden: (pid: number) => boolean
  readonly log: (level: "info" | "warn", message: string) => void
}

/** A JVM is up a second after its start or so, and its first classes of TLS are not needed before. */
const firstMs = 500
const retryMs = 500
const maxTries = 60
const maxJvms = 1_024
/** How long an agent that ends waits for JVMs to be led back. */
const endMs = 3_000

interface Following {
  readonly pid: number
  state: "waiting" | "asked" | "led" | "refused"
  tries: number
  dueMs: number
}

export const javaTlsFeatureName = "encrypted traffic (TLS) of Java"

export const javaTlsFeature = (hook: string, missing = "", next = ""): Feature => ({
  name: javaTlsFeatureName,
  on: missing === "",
  hook,
  missing,
  next,
})

export const javaTlsOff = javaTlsFeature(
  "",
  "agent.javaTls is off: it changes classes within running JVMs",
  "set agent.javaTls to true (docs/tls.md says what that costs)",
)

const notBuilt = javaTlsFeature(
  "",
  "the part that a JVM loads is not built: there was no JDK",
  "install one (javac) and run scripts/setup.sh again",
)

export class JavaTls {
  readonly #options: JavaTlsOptions
  readonly #jvms = new Map<number, Following>()
  readonly #isBuilt = isJavaAgentBuilt()
  #asking: Promise<void> | undefined
  #refused = 0
  #full = 0
  #isClosed = false

  constructor(options: JavaTlsOptions) {
    this.#options = options
  }

  /** A process maps a JVM. */
  found(pid: number): void {
    if (!this.#isBuilt || this.#isClosed || this.#jvms.has(pid)) return
    if (this.#jvms.size >= maxJvms) {
      this.#full++
      return
    }
    this.#jvms.set(pid, { pid, state: "waiting", tries: 0, dueMs: performance.now() + firstMs })
  }

  ended(pid: number): void {
    this.#jvms.delete(pid)
  }

  /** Asks the next one, if it is time (`performance.now()`). To be called often. */
  look(nowMs: number): void {
    if (this.#asking !== undefined || this.#isClosed) return
    for (const jvm of this.#jvms.values()) {
      if (jvm.state !== "waiting" || jvm.dueMs > nowMs) continue
      if (this.#isUp(jvm, nowMs)) {
        this.#asking = this.#ask(jvm).finally(() => (this.#asking = undefined))
        return
      }
    }
  }

  /** Otherwise it is looked at later, or never again. */
  #isUp(jvm: Following, nowMs: number): boolean {
    const read = readJvm(jvm.pid)
    if (read === undefined || this.#options.isForbidden(jvm.pid)) {
      this.#jvms.delete(jvm.pid)
      return false
    }
    if (read.listensToSignal || read.isRefusing) return true
    this.#later(jvm, "it does not handle SIGQUIT", nowMs)
    return false
  }

  #later(jvm: Following, reason: string, nowMs: number): void {
    jvm.state = "waiting"
    jvm.dueMs = nowMs + retryMs
    if (++jvm.tries >= maxTries) this.#refuse(jvm, reason)
  }

  #refuse(jvm: Following, reason: string): void {
    jvm.state = "refused"
    this.#refused++
    this.#options.log("warn", `TLS of the JVM ${jvm.pid} is not read: ${reason}`)
  }

  async #ask(jvm: Following): Promise<void> {
    const read = readJvm(jvm.pid)
    if (read === undefined) return
    jvm.state = "asked"
    try {
      await askJvm(read, javaAgentFiles, "start")
      jvm.state = "led"
    } catch (cause) {
      const { message } = cause as Error
      if (cause instanceof AttachTooEarly) this.#later(jvm, message, performance.now())
      else this.#refuse(jvm, message)
    }
  }

  stats(): Record<string, number> {
    const count = (state: Following["state"]): number =>
      [...this.#jvms.values()].filter((jvm) => jvm.state === state).length
    return {
      java_tls_jvms: count("led"),
      java_tls_waiting: count("waiting") + count("asked"),
      java_tls_refused_total: this.#refused,
      java_tls_full_total: this.#full,
    }
  }

  get feature(): Feature {
    if (!this.#isBuilt) return notBuilt
    const led = this.stats()["java_tls_jvms"]!
    return javaTlsFeature(led === 0 ? "attach" : `attach to ${led} JVM${led === 1 ? "" : "s"}`)
  }

  /** Leads all back; as far as they answer. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#asking
    const led = [...this.#jvms.values()].filter(({ state }) => state === "led")
    const allBack = Promise.all(
      led.map(async ({ pid }) => {
        const read = readJvm(pid)
        if (read === undefined) return
        try {
          await askJvm(read, javaAgentFiles, "stop")
        } catch (cause) {
          this.#options.log("warn", `the JVM ${pid} was not led back: ${(cause as Error).message}`)
        }
      }),
    )
    await Promise.race([allBack, sleep(endMs, undefined, { ref: false })])
    this.#jvms.clear()
  }
}
