import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isResourceKind, type ResourceKind } from "../../tags/ResourceKind.ts"
import type { ResourceRecord } from "../../tags/ResourceRecord.ts"
import type { SourceRecord } from "../source/ResourceSource.ts"
import { defaultLimits } from "./cleanRecord.ts"
import { runThrough } from "./inSteps.ts"
import { type PlanResult, Recorder, type StoredRecords } from "./Recorder.ts"
import { resourceEvents } from "./resourceEvents.ts"

const nothing: StoredRecords = { live: [], gone: [], lastIds: new Map(), revision: 0 }

const plan = (recorder: Recorder, nowMs = 1_000): PlanResult => runThrough(recorder.plan(nowMs))

const apply = (recorder: Recorder, domain: string, update: Parameters<Recorder["apply"]>[1]): void =>
  runThrough(recorder.apply(domain, update))

const snapshot = (records: ReadonlyArray<SourceRecord>) => ({ type: "snapshot", records }) as const

/** What the store would hold: the newest revision of each. */
const publishTo = (store: Map<string, ResourceRecord>, recorder: Recorder, most = 1_000): void => {
  while (recorder.pending.size > 0) {
    const taken = recorder.take(most)
    for (const record of taken) store.set(`${record.kind} ${record.id}`, record)
    recorder.published(taken)
  }
}

const storedOf = (store: Map<string, ResourceRecord>): StoredRecords => {
  const rows = [...store.values()]
  const lastIds = new Map<ResourceKind, number>()
  for (const { id, kind } of rows) lastIds.set(kind, Math.max(id, lastIds.get(kind) ?? 0))
  return {
    live: rows.filter((row) => !row.isDeleted),
    gone: rows.filter((row) => row.isDeleted),
    lastIds,
    revision: Math.max(0, ...rows.map(({ revision }) => revision)),
  }
}

const liveIn = (store: Map<string, ResourceRecord>) =>
  new Map(
    [...store.values()]
      .filter((record) => !record.isDeleted)
      .map((record) => [`${record.kind}/${record.uid}`, record]),
  )

const kinds = ["region", "az", "chost", "pod_ns", "pod_group", "pod", "pod_service"] as const
const uid = fc.constantFrom("a", "b", "c", "d")
const ref = fc.record({ kind: fc.constantFrom(...kinds), by: fc.constant("uid" as const), value: uid })
const sourceRecord: fc.Arbitrary<SourceRecord> = fc.record({
  kind: fc.constantFrom(...kinds),
  uid,
  name: fc.constantFrom("one", "two"),
  parents: fc.array(ref, { maxLength: 3 }),
  targets: fc.array(ref, { maxLength: 3 }),
  ips: fc.subarray(["10.0.0.1", "10.0.0.2", "2001:db8::1", "no address"]),
  tags: fc.dictionary(fc.constantFrom("k8s.label.app", "biz.owner"), fc.constantFrom("x", "y")),
})
const inventory = fc.uniqueArray(sourceRecord, {
  selector: (record) => `${record.kind} ${record.uid}`,
  maxLength: 16,
})

const content = (records: ReadonlyMap<string, ResourceRecord>) =>
  [...records]
    .map(([key, { parents, targets, ...rest }]) => ({
      key,
      ...rest,
      id: 0,
      changedMs: 0,
      revision: 0,
      parents: parents.map(({ kind }) => kind),
      targets: targets.length,
    }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))

describe("Recorder", () => {
  it("publishes what brings the store from any inventory to any other", () => {
    fc.assert(
      fc.property(
        fc.array(inventory, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 5 }),
        (states, most) => {
          const store = new Map<string, ResourceRecord>()
          const recorder = new Recorder(nothing, ["d"])
          for (const state of states) {
            apply(recorder, "d", snapshot(state))
            plan(recorder)
            publishTo(store, recorder, most)
          }
          const fresh = new Map<string, ResourceRecord>()
          const other = new Recorder(nothing, ["d"])
          apply(other, "d", snapshot(states.at(-1)!))
          plan(other)
          publishTo(fresh, other)
          expect(content(liveIn(store))).toEqual(content(liveIn(fresh)))
        },
      ),
    )
  })

  it("tells nothing new of the same inventory, in any order, before and after a restart", () => {
    fc.assert(
      fc.property(
        inventory.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
        ),
        ([all, shuffled]) => {
          const store = new Map<string, ResourceRecord>()
          const recorder = new Recorder(nothing, ["d"])
          apply(recorder, "d", snapshot(all))
          plan(recorder)
          publishTo(store, recorder)
          apply(recorder, "d", snapshot(shuffled))
          expect(plan(recorder).changes).toEqual([])
          const restarted = new Recorder(storedOf(store), ["d"])
          expect(plan(restarted).changes).toEqual([])
          apply(restarted, "d", snapshot(shuffled))
          expect(plan(restarted).changes).toEqual([])
        },
      ),
    )
  })

  it("gives every resource one number for good, and no number twice", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(inventory, fc.boolean(), fc.boolean()), { maxLength: 8 }), (steps) => {
        const store = new Map<string, ResourceRecord>()
        const owners = new Map<string, string>()
        let recorder = new Recorder(nothing, ["d"])
        let revision = 0
        for (const [state, isPublished, isRestarted] of steps) {
          apply(recorder, "d", snapshot(state))
          plan(recorder)
          for (const record of recorder.live.values()) {
            const number = `${record.kind} ${record.id}`
            expect(owners.get(number) ?? record.uid).toBe(record.uid)
            owners.set(number, record.uid)
          }
          // A try that failed: revisions are used up, records stay pending.
          for (const record of recorder.take(2)) expect(record.revision).toBeGreaterThan(revision)
          if (!isPublished) continue
          publishTo(store, recorder)
          const stored = storedOf(store)
          expect(stored.revision).toBeGreaterThanOrEqual(revision)
          revision = stored.revision
          if (isRestarted) recorder = new Recorder(stored, ["d"])
        }
        for (const record of store.values())
          expect(owners.get(`${record.kind} ${record.id}`)).toBe(record.uid)
      }),
    )
  })

  it("gives a resource that comes back its number again", () => {
    const recorder = new Recorder(nothing, ["d"])
    const host = (name: string): SourceRecord => ({ kind: "chost", uid: name, name })
    const idOf = (name: string) => [...recorder.live.values()].find((one) => one.uid === name)?.id
    apply(recorder, "d", snapshot([host("a"), host("b")]))
    plan(recorder)
    apply(recorder, "d", snapshot([host("b")]))
    plan(recorder)
    apply(recorder, "d", snapshot([host("a"), host("b"), host("c")]))
    plan(recorder)
    expect([idOf("a"), idOf("b"), idOf("c")]).toEqual([1, 2, 3])
  })

  it("leaves what a silent domain has told before alone, and takes out domains that are no more", () => {
    const store = new Map<string, ResourceRecord>()
    const first = new Recorder(nothing, ["d", "e"])
    apply(first, "d", snapshot([{ kind: "chost", uid: "a", name: "a", ips: ["10.0.0.1"] }]))
    apply(first, "e", snapshot([{ kind: "region", uid: "r", name: "r" }]))
    plan(first)
    publishTo(store, first)
    const second = new Recorder(storedOf(store), ["d"])
    expect(plan(second).changes.map(({ after }) => [after.kind, after.isDeleted])).toEqual([["region", true]])
    apply(second, "d", { type: "delta", set: [{ kind: "chost", uid: "b", name: "b" }], remove: [] })
    expect(plan(second).changes.map(({ after }) => after.uid)).toEqual(["b"])
    apply(second, "d", { type: "delta", set: [], remove: [{ kind: "chost", uid: "a" }] })
    expect(plan(second).changes.map(({ after }) => [after.uid, after.isDeleted])).toEqual([["a", true]])
  })

  it("adds annotations, parents of parents, and business services named as parents", () => {
    const recorder = new Recorder(nothing, ["cloud", "cmdb"])
    apply(
      recorder,
      "cloud",
      snapshot([
        { kind: "region", uid: "eu", name: "eu" },
        { kind: "az", uid: "1a", name: "eu-1a", parents: [{ kind: "region", by: "uid", value: "eu" }] },
        {
          kind: "chost",
          uid: "i-1",
          name: "web",
          ips: ["10.0.0.1"],
          parents: [{ kind: "az", by: "uid", value: "1a" }],
          tags: { "cloud.tag.a": "1" },
        },
      ]),
    )
    apply(recorder, "cmdb", {
      type: "snapshot",
      records: [{ kind: "biz_service", uid: "shop", name: "shop" }],
      annotations: [
        {
          target: { kind: "chost", by: "ip", value: "10.0.0.1" },
          parents: [{ kind: "biz_service", by: "name", value: "shop" }],
          tags: { "biz.owner": "alice" },
        },
        { target: { kind: "chost", by: "name", value: "nobody" }, tags: { "biz.owner": "bob" } },
      ],
    })
    plan(recorder)
    const all = [...recorder.live.values()]
    expect(all.find(({ kind }) => kind === "chost")).toMatchObject({
      parents: [
        { kind: "az", id: 1 },
        { kind: "region", id: 1 },
      ],
      tags: { "cloud.tag.a": "1", "biz.owner": "alice" },
    })
    expect(all.find(({ kind }) => kind === "biz_service")).toMatchObject({
      targets: [{ kind: "chost", id: 1 }],
    })
    expect(recorder.unresolved).toBe(1)
  })

  it("clips and counts what is too large, and keeps the rest", () => {
    const limits = { ...defaultLimits, records: 3, tagsOfOne: 2, listItems: 2, nameChars: 8, valueChars: 4 }
    const recorder = new Recorder(nothing, ["d"], limits)
    apply(
      recorder,
      "d",
      snapshot([
        {
          kind: "chost",
          uid: "a",
          name: "a very long name \ud800",
          ips: ["10.0.0.1", "10.0.0.2", "10.0.0.3", "x"],
          tags: { a: "12345", b: "\ud83d", c: "3" },
          parents: [{ kind: "pod", by: "uid", value: "p" }],
        },
        { kind: "chost", uid: "", name: "nothing" },
        { kind: "region", uid: "r", name: "r" },
        { kind: "region", uid: "s", name: "s" },
        { kind: "region", uid: "t", name: "t" },
      ]),
    )
    plan(recorder)
    expect(recorder.live.size).toBe(3)
    expect(recorder.leftOut).toBe(1)
    expect([...recorder.live.values()][0]).toMatchObject({
      name: "a very l",
      ips: ["10.0.0.1", "10.0.0.2"],
      tags: { a: "1234", b: "\ufffd" },
      parents: [],
    })
    expect(recorder.clips).toEqual({ records: 1, names: 1, values: 1, tags: 1, listItems: 1, invalid: 2 })
  })

  it("tells of changes as events", () => {
    const recorder = new Recorder(nothing, ["d"])
    const nodes: ReadonlyArray<SourceRecord> = ["n1", "n2"].map((name) => ({
      kind: "pod_node",
      uid: name,
      name,
    }))
    const pod = (node: string, more: Partial<SourceRecord>): SourceRecord => ({
      kind: "pod",
      uid: "p",
      name: "p",
      parents: [{ kind: "pod_node", by: "uid", value: node }],
      ...more,
    })
    const told = (records: ReadonlyArray<SourceRecord>, isKnown = true) => {
      apply(recorder, "d", snapshot(records))
      return resourceEvents(plan(recorder), () => isKnown, recorder.nameOf.bind(recorder), 5).map(
        ({ description, type }) => `${type}: ${description}`,
      )
    }
    expect(told(nodes, false)).toEqual([])
    const before = {
      ips: ["10.0.0.1"],
      tags: { a: "1", b: "1" },
      state: "Pending",
      containers: ["a".repeat(64)],
    }
    expect(told([...nodes, pod("n1", before)])).toEqual(["create: pod p appeared"])
    const after = {
      ips: ["10.0.0.2"],
      tags: { a: "2", c: "1" },
      state: "Running",
      containers: ["b".repeat(64)],
    }
    expect(told([...nodes, pod("n2", after)])).toEqual([
      "migrate: pod p moved from n1 to n2",
      "add-ip: pod p got 10.0.0.2",
      "remove-ip: pod p lost 10.0.0.1",
      "recreate: pod p has new containers",
      "modify: pod p changed: a: 1 -> 2, -b, +c=1",
      "update-state: pod p: Pending -> Running",
    ])
    expect(told(nodes)).toEqual(["delete: pod p is gone"])
  })

  it("never makes a cycle of parents", () => {
    fc.assert(
      fc.property(inventory, (all) => {
        const recorder = new Recorder(nothing, ["d"])
        apply(recorder, "d", snapshot(all))
        plan(recorder)
        const byNumber = new Map([...recorder.live.values()].map((one) => [`${one.kind} ${one.id}`, one]))
        for (const record of byNumber.values()) {
          expect(new Set(record.parents.map(({ kind }) => kind)).size).toBe(record.parents.length)
          for (const { id, kind } of record.parents) {
            const up = byNumber.get(`${kind} ${id}`)!
            expect(isResourceKind(kind)).toBe(true)
            expect(up.parents.some((one) => one.kind === record.kind && one.id === record.id)).toBe(false)
          }
        }
      }),
    )
  })
})
