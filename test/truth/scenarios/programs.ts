// Starts the suite's own programs, of ../programs.

import { execFileSync, spawnSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Program, start } from "../../system/support/programs.ts"
import { selfSigned } from "../../system/support/servers.ts"
import type { ShopOptions } from "../programs/shop.ts"
import { defaultJdk, type Jdk, newestJdk } from "./jdks.ts"
import { found } from "./found.ts"

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

const goPath = (): string => found("go", "/usr/local/go/bin", "/usr/lib/go/bin")

export const lacksGo = (): string => (goPath() === "" ? "no go" : "")

/** The service in Go, built into a folder of its own. */
export const go = (http: number, redis: number, way: "direct" | "channel"): Promise<Program> =>
  start("/usr/bin/env", undefined, (port, folder) => {
    const program = join(folder, "shop")
    const env = { ...process.env, GO111MODULE: "off", GOFLAGS: "" }
    execFileSync(goPath(), ["build", "-o", program, file("shop.go"), file("calls.go")], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    })
    return [program, ...[port, http, redis].map(String), way]
  })

const grpcProgram = fileURLToPath(new URL("../../../build/truth/grpc", import.meta.url))

/** Its modules are fetched once; where that cannot be done the scenario is not run. */
export const lacksGoGrpc = (): string => {
  const lack = lacksGo()
  if (lack !== "") return lack
  const { error, status, stderr } = spawnSync(
    goPath(),
    ["build", "-mod=readonly", "-buildvcs=false", "-o", grpcProgram, "."],
    { cwd: file("grpc"), env: { ...process.env, GOFLAGS: "" }, encoding: "utf8" },
  )
  if (status === 0) return ""
  return `not built: ${error?.message ?? stderr.trim().split("\n").at(-1)}`
}

/** The gRPC service in Go, as `lacksGoGrpc` built it. */
export const goGrpc = (http: number, redis: number): Promise<Program> =>
  start(grpcProgram, undefined, (port) => [port, http, redis].map(String))

export type JavaWay = "direct" | "handoff" | "nio" | "virtual"

/** Virtual threads came with it. */
const firstVirtual = 21

/** The default one for all but virtual threads. */
const jdkFor = (way: JavaWay): Jdk | undefined => (way === "virtual" ? newestJdk() : defaultJdk())

export const lacksJava = (way: JavaWay) => (): string => {
  const jdk = jdkFor(way)
  if (jdk === undefined) return "no JDK"
  return way === "virtual" && jdk.version < firstVirtual ? `Java ${jdk.version} has no virtual threads` : ""
}

export const java = (http: number, redis: number, way: JavaWay): Promise<Program> =>
  start(
    jdkFor(way)?.java ?? "java",
    undefined,
    (port) => [file("Shop.java"), ...[port, http, redis].map(String), way],
    30,
  )
