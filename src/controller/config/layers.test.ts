import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { agentConfigKeys } from "../../runtime/agentConfig.ts"
import {
  agentValuesDigest,
  changedValues,
  changesBetween,
  diffValues,
  nestedValues,
  valueAt,
} from "../../runtime/agentValues.ts"
import { layerName, layerPath, layersOf, mergeLayers } from "./layers.ts"
import { changeProblems, layerBytesMost, layerProblems } from "./validate.ts"

const refs = layersOf("a1", "edge")

describe("mergeLayers", () => {
  it("lets the later win and says who decided", () => {
    const merged = mergeLayers([
      { ref: refs[0]!, values: { flushMs: 1, ringMiB: 1, capture: "none" } },
      { ref: refs[2]!, values: { flushMs: 2, ringMiB: 2 } },
      { ref: refs[3]!, values: { flushMs: 3 } },
    ])
    assert.deepStrictEqual(merged.values, { flushMs: 3, ringMiB: 2, capture: "none" })
    assert.deepStrictEqual(merged.origins, { flushMs: "agent/a1", ringMiB: "group/edge", capture: "default" })
  })

  it("has names for people and for keys", () => {
    assert.deepStrictEqual(refs.map(layerName), ["default", "region", "group/edge", "agent/a1"])
    assert.deepStrictEqual(refs.map(layerPath), ["default/-", "region/-", "group/edge", "agent/a1"])
  })
})

const values = fc.dictionary(
  fc.constantFrom("flushMs", "ringMiB", "a.b", "a.c", "__proto__", "constructor"),
  fc.oneof(fc.integer(), fc.string(), fc.array(fc.integer())),
)

describe("values", () => {
  it("are changed by exactly what differs", () => {
    fc.assert(
      fc.property(values, values, (before, after) => {
        const changed = changedValues(before, changesBetween(before, after))
        assert.deepStrictEqual(diffValues(changed, after), [])
        assert.strictEqual(agentValuesDigest(changed), agentValuesDigest(after))
      }),
    )
  })

  it("have one digest whatever the order of their keys, and another when they differ", () => {
    fc.assert(
      fc.property(values, values, (one, other) => {
        const turned = Object.fromEntries(Object.entries(one).toReversed())
        assert.strictEqual(agentValuesDigest(turned), agentValuesDigest(one))
        assert.strictEqual(
          agentValuesDigest(one) === agentValuesDigest(other),
          diffValues(one, other).length === 0,
        )
      }),
    )
    assert.strictEqual(agentValuesDigest({}), "")
  })

  it("nest by path", () => {
    assert.deepStrictEqual(nestedValues({ "a.b": 1, "a.c": 2, d: 3 }), { a: { b: 1, c: 2 }, d: 3 })
    assert.strictEqual(valueAt({ a: { b: 1 } }, "a.b"), 1)
    assert.strictEqual(valueAt({ a: 1 }, "a.b.c"), undefined)
  })
})

const byDefault = { layer: "default", name: "-" } as const

describe("layerProblems", () => {
  it("takes every default, and nothing at all", () => {
    assert.deepStrictEqual(
      layerProblems(byDefault, Object.fromEntries(agentConfigKeys.map((key) => [key.path, key.default]))),
      [],
    )
    assert.deepStrictEqual(layerProblems(byDefault, {}), [])
  })

  it("names key, value and what was expected, all at once", () => {
    assert.deepStrictEqual(
      layerProblems(byDefault, {
        flushMS: 100,
        "agent.ringMiB": 1,
        token: "secret",
        capture: "dtrace",
        payloadBytes: 1,
        excludePorts: [0],
        maskLiterals: "yes",
      }),
      [
        "flushMS: no such key that can be set for agents; did you mean flushMs?",
        "agent.ringMiB: no such key that can be set for agents; did you mean ringMiB?",
        "token: no such key that can be set for agents",
        'capture: expected one of auto, ebpf, packets, none, found "dtrace"',
        "payloadBytes: expected an integer from 64 to 4096, found 1",
        "excludePorts: expected a list of integers from 1 to 65535, found [0]",
        'maskLiterals: expected a boolean, found "yes"',
      ],
    )
  })

  it("refuses a layer that is too large", () => {
    const large = { excludePrograms: ["x".repeat(layerBytesMost)] }
    assert.match(layerProblems(byDefault, large)[0]!, /the layer has \d+ bytes as JSON; 65536 are the most/)
  })

  it("lets any key be taken out", () => {
    assert.deepStrictEqual(changeProblems(byDefault, { goneLongAgo: null }), [])
    assert.strictEqual(changeProblems(byDefault, { goneLongAgo: 1 }).length, 1)
  })

  it("takes versions for packages, and nothing else", () => {
    const ref = { layer: "packages", name: "edge" } as const
    assert.deepStrictEqual(layerProblems(ref, { "sonde-agent": "0.2.0", plug: "1" }), [])
    assert.lengthOf(layerProblems(ref, { flushMs: 100, "../x": "1", plug: "..", other: ".." }), 4)
    assert.deepStrictEqual(changeProblems(ref, { plug: null }), [])
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`p${at}`, "1"]))
    assert.deepStrictEqual(layerProblems(ref, many), ["65 packages; 64 are the most"])
  })

  it("never throws, whatever the values", () => {
    const keys = fc.oneof(fc.constantFrom(...agentConfigKeys.map(({ path }) => path)), fc.string())
    fc.assert(fc.property(fc.dictionary(keys, fc.jsonValue()), (any) => void layerProblems(byDefault, any)))
  })
})

describe("agentConfigKeys", () => {
  it("says of every key what its change asks of an agent", () => {
    for (const key of agentConfigKeys) {
      assert.include(["hot", "restart"], key.change)
      assert.notStrictEqual(key.description, "")
      assert.notStrictEqual(key.default, undefined)
    }
    const paths = agentConfigKeys.map(({ path }) => path)
    for (const own of ["server", "controllers", "token", "packageKeys", "zone"]) assert.notInclude(paths, own)
  })
})
