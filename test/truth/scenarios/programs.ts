// Starts the suite's own programs, of ../programs.

import { execFileSync, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Program, start } from "../../system/support/programs.ts"
import { selfSigned } from "../../system/support/servers.ts"
import type { ShopOptions } from "../programs/shop.ts"

const file = (name: string): string => fileURLToPath(new URL(`../programs/${name}`, import.meta.url))

export const pythonPath = "/usr/bin/python3"

/** One of the programs in Python; its port comes first of its arguments. */
export const python = (name: string, ...args: ReadonlyArray<number>): Promise<Program> =>
  start(pythonPath, undefined, (port) => [file(name), ...[port, ...args].map(String)])

/** The Node service; `isTls`: with a certificate of its own. */
export const node = (
  options: Omit<ShopOptions, "port" | "key" | "certificate">,
  isTls = false,
): Promise<Program> =>
  start(process.execPath, undefined, (port, folder) => {
    const [key, certificate] = isTls ? selfSigned(folder) : []
    const whole = {
      ...options,
      port,
      ...(key !== undefined && certificate !== undefined ? { key, certificate } : {}),
    }
    return [file("shop.ts"), JSON.stringify(whole satisfies ShopOptions)]
  })

const found = (program: string, ...more: ReadonlyArray<string>): string =>
  [...(process.env["PATH"] ?? "").split(delimiter), ...more]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path)) ?? ""

const goPath = (): string => found("go", "/usr/local/go/bin", "/usr/lib/go/bin")

export const lacksGo = (): string => (goPath() === "" ? "no go" : "")

/** The service in Go, built into a folder of its own. */
export const go = (http: number, redis: number, way: "direct" | "channel"): Promise<Program> =>
  start("/usr/bin/env", undefined, (port, folder) => {
    const program = join(folder, "shop")
    const env = { ...process.env, GO111MODULE: "off", GOFLAGS: "" }
    execFileSync(goPath(), ["build", "-o", program, file("shop.go")], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    })
    return [program, ...[port, http, redis].map(String), way]
  })

export type JavaWay = "direct" | "handoff" | "nio" | "virtual"

/** Versions since 21 have virtual threads; 0: no Java with a compiler. */
const javaVersion = (): number => {
  const { error, stderr, stdout } = spawnSync("java", ["-version"], { encoding: "utf8" })
  if (error !== undefined || found("javac") === "") return 0
  return Number(/version "(\d+)/.exec(stdout + stderr)?.[1] ?? 0)
}

export const lacksJava = (way: JavaWay) => (): string => {
  const version = javaVersion()
  if (version === 0) return "no java"
  return way === "virtual" && version < 21 ? `Java ${version} has no virtual threads` : ""
}

export const java = (http: number, redis: number, way: JavaWay): Promise<Program> =>
  start(found("java"), undefined, (port) => [file("Shop.java"), ...[port, http, redis].map(String), way], 30)
