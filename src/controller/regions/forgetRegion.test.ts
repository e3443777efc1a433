import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { MemoryStore, serviceOf } from "../../runtime/coordination/memory.ts"
import { forgetRegion } from "./forgetRegion.ts"
import { globalPrefix } from "./globalKeys.ts"

describe("forgetRegion", () => {
  it.live("frees the names of the region's agents and leaves everything else", () =>
    Effect.gen(function* () {
      const store = serviceOf(new MemoryStore())
      const put = (key: string, value: string) =>
        store.commit({ writes: [{ put: globalPrefix + key, value }] })
      const identity = (region: string) =>
        JSON.stringify({ region, host: "", machineId: "", keyDigest: "", permission: "allowed" })
      for (let at = 0; at < 250; at++) yield* put(`identity/us${at}`, identity("us"))
      yield* put("identity/e1", identity("eu"))
      yield* put("identity/odd", "not what Sonde wrote")
      for (const key of [
        "region/us",
        "region/eu",
        "fence/us",
        "conflict/e1/us",
        "revoked/e1/us",
        "revoked/e1/eu",
        "config/default/-",
      ])
        yield* put(key, "{}")
      assert.strictEqual(yield* forgetRegion(store, "us"), 250)
      const { entries } = yield* store.list(globalPrefix)
      assert.deepStrictEqual(
        entries.map(({ key }) => key.slice(globalPrefix.length)),
        ["config/default/-", "identity/e1", "identity/odd", "region/eu", "revoked/e1/eu"],
      )
    }),
  )
})
