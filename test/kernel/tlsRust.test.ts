// What programs in Rust say over rustls, of each version that can be had and in each way in which they are built: every request once at
// both ends, beside plain TCP.

import { expect, it } from "vitest"
import { describeSystem } from "../system/support/system.ts"
import { type Capturing, runBeside, startCapturing } from "./support/capturing.ts"
import { needed } from "./support/tracing.ts"
import {
  allSeen,
  buildRust,
  cargo,
  clientArguments,
  rustServer,
  type RustProfile,
  type RustWay,
  tally,
} from "./support/victims.ts"
import { hooked } from "./support/hooked.ts"

const name = "rustvictim"

const ask = async (capturing: Capturing, path: string, way: RustWay, port: number): Promise<void> => {
  const { output, status } = await runBeside(path, clientArguments(way, port))
  expect([status, output]).toEqual([0, ""])
  await capturing.settle()
}

/** Each way once as server and client. */
const see = async (path: string, ways: ReadonlyArray<RustWay>): Promise<void> => {
  const capturing = await startCapturing({ tls: true })
  try {
    for (const way of ways) {
      const server = await rustServer(path, way)
      try {
        await hooked(capturing, 1)
        if (way !== "plain") expect(capturing.tlsHook()).toContain(`${name} (rustls)`)
        await ask(capturing, path, way, server.port)
        for (const side of ["server", "client"] as const)
          expect([way, side, tally(capturing, server.port, side, way !== "plain", name)]).toEqual([
            way,
            side,
            allSeen,
          ])
      } finally {
        await server.stop()
      }
    }
    expect(capturing.stats()["kernel_tls_full_total"]).toBe(0)
    expect(capturing.stats()["kernel_unreadable_total"]).toBe(0)
  } finally {
    await capturing.stop()
  }
}

const all: ReadonlyArray<RustWay> = ["plain", "20", "21", "22", "23", "tokio"]

describeSystem("rustls", [...needed, "/usr/bin/openssl", cargo ?? "cargo"], () => {
  const builds: ReadonlyArray<readonly [RustProfile, string]> = [
    ["release", ""],
    ["thin", ""],
    ["fat", ""],
    ["release", "-Csymbol-mangling-version=v0"],
  ]
  for (const [profile, flags] of builds)
    it(`sees every request once, of programs built as ${profile} ${flags}`, async (test) => {
      const built = buildRust(profile, flags)
      if ("missing" in built) return test.skip(`not built: ${built.missing}`)
      return see(built.path, all)
    }, 600_000)

  it("sees connections of a server that is older than the agent", async (test) => {
    const built = buildRust("release")
    if ("missing" in built) return test.skip(`not built: ${built.missing}`)
    const server = await rustServer(built.path, "tokio")
    try {
      const capturing = await startCapturing({ tls: true, isEverything: true })
      try {
        await hooked(capturing, 1)
        await ask(capturing, built.path, "tokio", server.port)
        for (const side of ["server", "client"] as const)
          expect(tally(capturing, server.port, side, true, name)).toEqual(allSeen)
      } finally {
        await capturing.stop()
      }
    } finally {
      await server.stop()
    }
    return undefined
  }, 300_000)
})
