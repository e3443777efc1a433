import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { afterAll, describe, expect, it } from "vitest"
import type { SourceUpdate } from "../ResourceSource.ts"
import { kubernetesFileSource } from "./kubernetesFileSource.ts"

const directory = mkdtempSync(join(tmpdir(), "sonde-k8s-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const list = (kind: string, ...names: ReadonlyArray<string>) =>
  JSON.stringify({
    kind: `${kind}List`,
    items: names.map((name) => ({ metadata: { name, namespace: "x" } })),
  })

describe("kubernetesFileSource", () => {
  it("reads all files of a directory again when one changes, comes or goes", async () => {
    const told: Array<SourceUpdate> = []
    const next = async (): Promise<string> => {
      for (let tries = 0; told.length === 0 && tries < 150; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      const update = told.shift()
      if (update?.type === "problem") return update.message
      return update?.type === "snapshot"
        ? update.records.map(({ name }) => name).join(" ")
        : "nothing was told"
    }
    const path = join(directory, "prod")
    const file = (name: string) => join(path, name)
    await Effect.runPromise(
      Effect.gen(function* () {
        const source = kubernetesFileSource("prod", path)
        expect(source.domain).toBe("k8s:prod")
        const fiber = yield* Effect.forkChild(
          source.run((update) => Effect.sync(() => void told.push(update))),
        )
        yield* Effect.promise(async () => {
          expect(await next()).toBe(`${path}: no JSON file is there`)
          mkdirSync(path)
          writeFileSync(file("pods.json"), list("Pod", "a"))
          expect(await next()).toBe("prod x a")
          writeFileSync(file("services.json"), list("Service", "s"))
          writeFileSync(file("README"), "not JSON")
          expect(await next()).toBe("prod x a s")
          writeFileSync(file("pods.json"), list("Pod", "a", "b").slice(0, -9))
          expect(await next()).toMatch(/pods\.json: is not whole JSON: /)
          writeFileSync(file("pods.json"), Uint8Array.of(0xff))
          expect(await next()).toMatch(/pods\.json: is not whole JSON: /)
          writeFileSync(file("pods.json"), list("Pod", "a", "b"))
          expect(await next()).toBe("prod x a b s")
          rmSync(file("services.json"))
          expect(await next()).toBe("prod x a b")
        })
        yield* Fiber.interrupt(fiber)
      }),
    )
  }, 15_000)
})
