// The addon's edge: what it refuses, and that the generated layout is that of the object it loads.

import { readFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { layoutSource } from "../../scripts/layout.ts"
import {
  type Addon,
  type BpfObject,
  kernelObjectPath,
  loadAddon,
} from "../../src/agent/capture/native/Addon.ts"
import { describeSystem } from "../system/support/system.ts"
import { needed } from "./support/tracing.ts"

describe("layout.gen.ts", () => {
  it("is what the compiled object says", () => {
    const generated = new URL("../../src/agent/capture/layout.gen.ts", import.meta.url)
    expect(readFileSync(generated, "utf8")).toBe(layoutSource(readFileSync(kernelObjectPath)))
  })
})

describeSystem("addon", needed, () => {
  let addon: Addon
  let object: BpfObject

  beforeAll(() => {
    const loaded = loadAddon()
    if ("missing" in loaded) throw new Error(loaded.missing)
    addon = loaded
    object = addon.openObject(kernelObjectPath, ["sonde_gone_btf"], {}, { events: 1_048_576 }, "")
  })
  afterAll(() => addon.closeObject(object))

  const bytes = (length: number): Uint8Array => new Uint8Array(length)
  const code = (body: () => unknown): string | undefined => {
    try {
      body()
      return undefined
    } catch (cause) {
      return (cause as { code?: string }).code
    }
  }

  it("takes keys and values of exactly the map's size", () => {
    for (const length of [0, 1, 3, 5, 8]) {
      expect(code(() => addon.mapUpdate(object, "excluded_tgids", bytes(length), bytes(1)))).toBe("EINVAL")
      expect(code(() => addon.mapDelete(object, "excluded_tgids", bytes(length)))).toBe("EINVAL")
    }
    for (const length of [0, 2, 8]) {
      expect(code(() => addon.mapUpdate(object, "excluded_tgids", bytes(4), bytes(length)))).toBe("EINVAL")
    }
    expect(code(() => addon.mapUpdate(object, "excluded_tgids", bytes(4), bytes(1)))).toBeUndefined()
    expect(code(() => addon.mapDelete(object, "excluded_tgids", bytes(4)))).toBeUndefined()
    expect(code(() => addon.mapDelete(object, "excluded_tgids", bytes(4)))).toBeUndefined()
    expect(() => addon.mapDelete(object, "excluded_ports", bytes(4))).toThrow(
      "map excluded_ports takes a key of 2 bytes, not of 4",
    )
  })

  it("takes many entries in one call, and says how many found room", () => {
    const many = (map: string, keys: number, values: number) => () =>
      addon.mapUpdateMany(object, map, bytes(keys), bytes(values))
    for (const [keys, values] of [
      [33, 2],
      [32, 1],
      [32, 3],
      [0, 1],
    ] as const)
      expect(code(many("verdicts", keys, values))).toBe("EINVAL")
    expect(code(many("counters", 4, 8))).toBe("EINVAL")
    expect(code(many("events", 4, 4))).toBe("EINVAL")
    expect(many("verdicts", 0, 0)()).toBe(0)
    expect(many("verdicts", 32, 2)()).toBe(2)
    const keys = new Uint8Array(new Uint32Array(Array.from({ length: 16_400 }, (_, i) => i)).buffer)
    expect(addon.mapUpdateMany(object, "excluded_tgids", keys, bytes(16_400))).toBe(16_384)
    for (let i = 0; i < 16_400; i++)
      addon.mapDelete(object, "excluded_tgids", keys.subarray(4 * i, 4 * i + 4))
  })

  it("reads sums only from counters, and events only from a ring", () => {
    expect(addon.mapSums(object, "counters").every((sum) => sum >= 0)).toBe(true)
    for (const map of ["scratch", "sockets", "events", ".rodata"]) {
      expect(code(() => addon.mapSums(object, map))).toBe("EINVAL")
    }
    for (const map of ["counters", "sockets", ".rodata"]) {
      expect(code(() => addon.openRing(object, map))).toBe("EINVAL")
    }
    expect(code(() => addon.mapUpdate(object, "counters", bytes(4), bytes(8)))).toBe("EINVAL")
  })

  it("names what there is not", () => {
    expect(() => addon.mapSums(object, "nothing")).toThrow("no map nothing")
    expect(() => addon.openRing(object, "nothing")).toThrow("no map nothing")
    expect(code(() => addon.attach(object, "nothing"))).toBe("ENOENT")
    const open = (programs: Array<string>, constants: object, sizes: object, path = kernelObjectPath) =>
      code(() =>
        addon.openObject(
          path,
          programs,
          constants as Record<string, number>,
          sizes as Record<string, number>,
          "",
        ),
      )
    expect(open(["nothing"], {}, {})).toBe("ENOENT")
    expect(open([], { nothing: 1 }, {})).toBe("ENOENT")
    expect(open([], {}, { nothing: 1 })).toBe("ENOENT")
    for (const number of [-1, Number.NaN, 2 ** 32]) {
      expect(open([], { payload_bytes: number }, {})).toBe("ERANGE")
    }
    expect(open([], {}, {}, "/nowhere/sonde.bpf.o")).toBe("ENOENT")
    expect(open([], {}, {}, process.execPath)).toBeDefined()
  })

  it("refuses handles of another kind, closed ones, and other types of arguments", () => {
    const call = addon as unknown as Record<string, (...args: Array<unknown>) => unknown>
    const ring = addon.openRing(object, "events")
    const wrong: ReadonlyArray<readonly [string, ...Array<unknown>]> = [
      ["pollRing", object, bytes(64)],
      ["pollRing", ring, "text"],
      ["pollRing", ring, new Uint16Array(64)],
      ["pollRing", ring],
      ["mapSums", ring, "counters"],
      ["mapSums", {}, "counters"],
      ["mapSums", object, 7],
      ["mapSums", object, "x".repeat(100)],
      ["pollPackets", ring, bytes(64)],
      ["closeObject", 1],
    ]
    for (const [name, ...args] of wrong)
      expect([name, code(() => call[name]!(...args))]).toEqual([name, "EINVAL"])
    const other = addon.openObject(kernelObjectPath, [], {}, { events: 4_096 }, "")
    const otherRing = addon.openRing(other, "events")
    addon.closeObject(other)
    addon.closeObject(other)
    expect(code(() => addon.mapSums(other, "counters"))).toBe("EBADF")
    expect(code(() => addon.attach(other, "sonde_gone_btf"))).toBe("EBADF")
    // The ring's memory is its own.
    expect(addon.pollRing(otherRing, bytes(64))).toBe(0)
  })
})
