import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { Change, Entry } from "../../runtime/coordination/Coordination.ts"
import { Census } from "./Census.ts"
import { avoidedBy, avoidMs, encodePlace, Places } from "./Places.ts"

const prefix = "/place/"

const place = (server: string) => ({ server, sinceMs: 1 })

/** A store and its copy, which lags: `show` brings it up to a revision. */
class Lagging {
  readonly entries = new Map<string, Entry>()
  readonly #log: Array<{ readonly revision: number; readonly change: Change }> = []
  readonly #copied = new Map<string, Entry>()
  revision = 0
  shown = 0

  write(agent: string, server: string | undefined): number {
    const key = prefix + agent
    const revision = ++this.revision
    if (server === undefined) {
      this.entries.delete(key)
      this.#log.push({ revision, change: { kind: "removed", key, revision } })
    } else {
      const entry = { key, value: encodePlace(place(server)), modified: revision, created: 1 }
      this.entries.set(key, entry)
      this.#log.push({ revision, change: { kind: "put", entry } })
    }
    return revision
  }

  show(places: Places, upTo: number): void {
    const due = this.#log.filter(({ revision }) => revision > this.shown && revision <= upTo)
    this.shown = Math.max(this.shown, upTo)
    for (const { change } of due) {
      if (change.kind === "put") this.#copied.set(change.entry.key, change.entry)
      else this.#copied.delete(change.key)
    }
    places.take(
      due.map(({ change }) => change),
      this.shown,
      (key) => this.#copied.get(key),
    )
  }
}

const servers = ["a", "b", "c", "gone"]
const agents = ["x", "y", "z", "__proto__"]

describe("Places", () => {
  it("shows what was written here at once, and is not thrown back by what the copy shows later", () => {
    const store = new Lagging()
    const places = new Places(prefix, () => {})
    store.write("x", "a")
    const mine = store.write("x", "b")
    places.wrote("x", place("b"), mine, store.shown)
    assert.strictEqual(places.get("x")?.server, "b")
    store.show(places, 1)
    assert.strictEqual(places.get("x")?.server, "b")
    store.write("x", undefined)
    store.show(places, 3)
    assert.isUndefined(places.get("x"))
    assert.strictEqual(places.at("b").size, 0)
  })

  it("forgets after a time what an agent could not reach", () => {
    const known = { ...place("a"), avoid: [["b", 100] as const, ["c", 200] as const], revision: 1 }
    assert.deepStrictEqual(avoidedBy(known, 99), ["b", "c"])
    assert.deepStrictEqual(avoidedBy(known, 100), ["c"])
    assert.deepStrictEqual(avoidedBy(undefined, 0), [])
    // Written by a server whose clock was ahead.
    assert.deepStrictEqual(avoidedBy({ ...known, avoid: [["b", avoidMs + 1] as const] }, 0), [])
  })

  it("ends as the store does, however writes and what is seen of them mix; and the census counts each agent once", () => {
    const anyStep = fc.oneof(
      fc.record({
        agent: fc.constantFrom(...agents),
        server: fc.option(fc.constantFrom(...servers), { nil: undefined }),
        isMine: fc.boolean(),
      }),
      fc.record({ show: fc.nat({ max: 5 }) }),
    )
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const living = ["a", "b", "c"].map((id) => ({
          id,
          region: "here",
          zone: "",
          servesZones: [],
          capacity: 100,
          isDraining: false,
        }))
        const census = new Census({
          rules: { region: "here", allowSpill: false },
          wishOf: (id) => ({ id, region: "", zone: "" }),
          loadOf: () => 10,
          servers: () => living,
        })
        const store = new Lagging()
        const places = new Places(prefix, (agent, after) => census.changed(agent, after))
        // A first choice counts; from then on changes are counted one by one.
        census.choose({ id: "first", region: "", zone: "" }, places, 0)
        for (const step of steps) {
          if ("show" in step) store.show(places, Math.min(store.revision, store.shown + step.show))
          else {
            const revision = store.write(step.agent, step.server)
            if (step.isMine && step.server !== undefined)
              places.wrote(step.agent, place(step.server), revision, store.shown)
          }
        }
        store.show(places, store.revision)
        const expected = new Map<string, number>()
        for (const agent of agents) {
          const entry = store.entries.get(prefix + agent)
          const server = entry === undefined ? undefined : /"server":"(.*?)"/.exec(entry.value)![1]!
          assert.strictEqual(places.get(agent)?.server, server)
          if (server !== undefined) expected.set(server, (expected.get(server) ?? 0) + 1)
        }
        for (const server of servers) assert.strictEqual(places.at(server).size, expected.get(server) ?? 0)
        assert.strictEqual(places.size, store.entries.size)
        for (const { id } of living) {
          assert.strictEqual(census.board.agentsOf(id), expected.get(id) ?? 0)
          assert.strictEqual(census.board.loadOf(id), 10 * (expected.get(id) ?? 0))
        }
        assert.strictEqual(census.board.total, 10 * places.size)
        assert.strictEqual(census.made, 1)
      }),
      { numRuns: 500 },
    )
  })
})
