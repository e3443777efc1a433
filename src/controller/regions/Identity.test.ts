import { assert, describe, it } from "@effect/vitest"
import { type Identity, judge } from "./Identity.ts"

const identity = (changes: Partial<Identity> = {}): Identity => ({
  region: "eu",
  host: "box",
  machineId: "m1",
  keyDigest: "k1",
  permission: "allowed",
  ...changes,
})

describe("judge", () => {
  const known = identity()
  const here = identity({ region: "us" })

  it("takes what nobody has, and what the region itself has changed", () => {
    assert.strictEqual(judge(undefined, here, false), "take")
    assert.strictEqual(judge(known, known, false), "keep")
    assert.strictEqual(judge(known, identity({ keyDigest: "k2" }), false), "take")
    assert.strictEqual(judge(known, identity({ permission: "disabled" }), false), "take")
  })

  it("takes an agent that came from elsewhere, and leaves one that has gone on", () => {
    for (const wanted of [here, { ...here, keyDigest: "k2" }, { ...here, machineId: "" }]) {
      assert.strictEqual(judge(known, wanted, true), "take")
      assert.strictEqual(judge(known, wanted, false), "leave")
    }
  })

  it("never gives the name to another machine or key, whoever comes later", () => {
    const nameless = identity({ machineId: "", keyDigest: "" })
    for (const isMove of [true, false]) {
      assert.strictEqual(judge(known, { ...here, machineId: "m2", keyDigest: "k2" }, isMove), "conflict")
      assert.strictEqual(judge(known, { ...here, machineId: "", keyDigest: "k2" }, isMove), "conflict")
      assert.strictEqual(judge(nameless, { ...nameless, region: "us" }, isMove), "conflict")
    }
  })
})
