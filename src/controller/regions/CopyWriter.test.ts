import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Change, Coordination } from "../../runtime/coordination/Coordination.ts"
import { MemoryStore, serviceOf } from "../../runtime/coordination/memory.ts"
import { CopyWriter } from "./CopyWriter.ts"
import { decodeCopy, decodeState, globalPrefix, stateKey } from "./globalKeys.ts"

const prefix = "/sonde/eu/"

const put = (store: Coordination["Service"], key: string, value: string) =>
  store.commit({ writes: [{ put: globalPrefix + key, value }] })

const writerOf = (own: Coordination["Service"], global: Coordination["Service"]) =>
  new CopyWriter(own, global, prefix, (transaction) =>
    Effect.map(own.commit(transaction), ({ isDone }) => isDone),
  )

const copies = (own: Coordination["Service"]) =>
  Effect.map(own.list(`${prefix}global`), ({ entries }) =>
    Object.fromEntries(
      entries
        .filter(({ key }) => key !== prefix + stateKey)
        .map((entry) => [entry.key.slice(prefix.length), decodeCopy(entry)?.value]),
    ),
  )

const stateOf = (own: Coordination["Service"]) => Effect.map(own.get(prefix + stateKey), decodeState)

const stores = () => ({ own: serviceOf(new MemoryStore()), global: serviceOf(new MemoryStore()) })

describe("CopyWriter", () => {
  it.live(
    "copies settings, groups, regions and identities, and leaves history and marks where they are",
    () =>
      Effect.gen(function* () {
        const { global, own } = stores()
        const names = ["config/default/-", "group/edge", "region/us", "identity/a1", "conflict/a1/us"]
        for (const key of [...names, "history/default/-/1", "fence/us", "store"]) yield* put(global, key, key)
        const writer = writerOf(own, global)
        assert.strictEqual(yield* writer.resume("one", 8), "list")
        yield* writer.list()
        assert.deepStrictEqual(yield* copies(own), {
          "global/config/default/-": "config/default/-",
          "global/group/edge": "group/edge",
          "global-region/us": "region/us",
          "global-identity/a1": "identity/a1",
          "global-conflict/a1/us": "conflict/a1/us",
        })
      }),
  )

  it.live("a list writes what differs only, in parts when it is much", () =>
    Effect.gen(function* () {
      const { global, own } = stores()
      const writer = writerOf(own, global)
      yield* writer.resume("one", 0)
      for (let at = 0; at < 150; at++) yield* put(global, `identity/a${at}`, "x".repeat(10_000))
      yield* writer.list()
      assert.strictEqual(writer.counters.copied, 150)
      yield* put(global, "identity/a7", "y")
      yield* global.commit({ writes: [{ remove: `${globalPrefix}identity/a8` }] })
      yield* writer.list()
      assert.deepInclude(writer.counters, { copied: 151, removed: 1 })
      const found = yield* copies(own)
      assert.strictEqual(Object.keys(found).length, 149)
      assert.strictEqual(found["global-identity/a7"], "y")
    }),
  )

  it.live("a next leader goes on at the note; a store that is another one is listed", () =>
    Effect.gen(function* () {
      const { global, own } = stores()
      const first = writerOf(own, global)
      yield* first.resume("one", 0)
      const { revision } = yield* put(global, "config/default/-", "1")
      yield* first.list()
      const changeTo = (value: string, modified: number): Change => {
        const key = `${globalPrefix}config/default/-`
        return { kind: "put", entry: { key, value, modified, created: 1 } }
      }
      // What the list had already is not gone back to.
      yield* first.take([changeTo("0", revision)])
      assert.deepStrictEqual(yield* copies(own), { "global/config/default/-": "1" })
      yield* first.take([changeTo("2", revision + 1), changeTo("3", revision + 2)])
      assert.deepStrictEqual(yield* copies(own), { "global/config/default/-": "3" })
      assert.strictEqual((yield* stateOf(own)).revision, revision + 2)

      const next = writerOf(own, global)
      assert.strictEqual(yield* next.resume("one", revision + 5), "goes on")
      assert.strictEqual(next.revision, revision + 2)
      // Its backup was brought back: it is behind what was copied.
      assert.strictEqual(yield* next.resume("one", revision), "list")
      assert.strictEqual(yield* next.resume("two", revision + 5), "anew")
      yield* next.list()
      assert.deepStrictEqual(yield* copies(own), { "global/config/default/-": "1" })
      assert.strictEqual((yield* stateOf(own)).store, "two")
    }),
  )

  it.live("gives a store that was made anew the shared settings back, where nobody was first", () =>
    Effect.gen(function* () {
      const { global, own } = stores()
      const version = (number: number) =>
        JSON.stringify({ version: number, values: {}, author: "", comment: "", changedMs: 0, write: "" })
      const writer = writerOf(own, global)
      yield* writer.resume("one", 0)
      yield* put(global, "config/default/-", version(7))
      yield* put(global, "config/group/edge", version(2))
      yield* put(global, "group/edge", "{}")
      yield* put(global, "identity/a1", "{}")
      yield* writer.list()

      const empty = serviceOf(new MemoryStore())
      yield* put(empty, "config/group/edge", version(9))
      const next = writerOf(own, empty)
      assert.strictEqual(yield* next.resume("two", 1), "anew")
      assert.strictEqual(yield* next.restore(), 4)
      yield* next.list()
      const { entries } = yield* empty.list(globalPrefix)
      assert.deepStrictEqual(
        entries.map(({ key }) => key.slice(globalPrefix.length)),
        [
          ...["config/default/-", "config/group/edge", "group/edge"],
          ...["history/default/-/7", "history/group/edge/2"],
        ],
      )
      assert.deepStrictEqual(yield* copies(own), {
        "global/config/default/-": version(7),
        "global/config/group/edge": version(9),
        "global/group/edge": "{}",
      })
    }),
  )

  it.live("notes what hinders, until it does no longer", () =>
    Effect.gen(function* () {
      const { global, own } = stores()
      const writer = writerOf(own, global)
      yield* writer.note({ contactMs: 5 })
      yield* writer.note({ problem: "no answer" })
      assert.deepInclude(yield* stateOf(own), { contactMs: 5, problem: "no answer" })
      yield* writer.note({ contactMs: 9 })
      assert.deepInclude(yield* stateOf(own), { contactMs: 9, problem: "" })
    }),
  )
})
