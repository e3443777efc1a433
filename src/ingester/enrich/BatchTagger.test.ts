import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { describe, expect, it } from "vitest"
import { type ColumnBatch, makeBatch } from "../../model/ColumnBatch.ts"
import { parseIp } from "../../tags/ipAddress.ts"
import { BatchTagger } from "./BatchTagger.ts"
import { estate, record, ref } from "./records.testing.ts"
import { ResourceIndex } from "./ResourceIndex.ts"
import { SideCache } from "./SideCache.ts"
import { type InternerLimits, TagInterner, withGroup } from "./TagInterner.ts"

interface Side {
  readonly ip: string
  readonly pid?: number
  readonly gprocess?: string
}

const batchOf = (
  rows: ReadonlyArray<readonly [client: Side, server: Side, port: number]>,
): ColumnBatch<"l7"> => {
  const batch = makeBatch("l7", rows.length)
  batch.rows = rows.length
  rows.forEach(([client, server, port], row) => {
    const { columns } = batch
    columns.ip_0.set(parseIp(client.ip)!, row * 16)
    columns.ip_1.set(parseIp(server.ip)!, row * 16)
    columns.process_id_0[row] = client.pid ?? 0
    columns.process_id_1[row] = server.pid ?? 0
    columns.gprocess_0[row] = client.gprocess ?? ""
    columns.gprocess_1[row] = server.gprocess ?? ""
    columns.server_port[row] = port
  })
  return batch
}

const make = (capacity?: number, limits?: InternerLimits) => {
  const index = new ResourceIndex()
  index.apply(estate)
  const interner = new TagInterner(limits)
  const tagger = new BatchTagger(index, interner, new SideCache(capacity))
  let next = 1
  /** As the Enricher does, without a database. */
  const store = (day = 1) =>
    interner.takeNew().map((resource) => {
      for (const part of [resource.processGroup, resource.tagSet]) if (part?.id === 0) part.id = next++
      resource.entry.id = next++
      resource.entry.usedDay = day
      return withGroup(resource)
    })
  return { index, interner, tagger, store }
}

const pod: Side = { ip: "10.0.9.7" }
const shop: Side = { ip: "127.0.0.1", pid: 10, gprocess: "shop" }
const internet: Side = { ip: "8.8.8.8" }

describe("BatchTagger", () => {
  it("gives equal sides one id and others another, known only once it is stored", () => {
    const { store, tagger } = make()
    const batch = batchOf([
      [shop, pod, 8080],
      [shop, pod, 8080],
      [internet, shop, 80],
    ])
    const tags = tagger.tag(batch, "agent-3", 1)
    expect(tags.isComplete()).toBe(false)
    expect([...tags.sides[0]!.resourceId]).toEqual([0, 0, 0])
    // shop as client and as server are the same resource, whatever its port.
    expect(store()).toHaveLength(3)
    tags.complete()
    const [client, server] = tags.sides.map(({ resourceId }) => [...resourceId])
    expect(client![0]).toBe(client![1])
    expect(server![0]).toBe(server![1])
    expect(server![2]).toBe(client![0])
    expect(new Set([...client!, ...server!]).size).toBe(3)
    expect([...tags.sides[0]!.isNamed]).toEqual([1, 1, 0])

    const again = tagger.tag(batch, "agent-3", 1)
    expect(again.isComplete()).toBe(true)
    expect(again.sides.map(({ resourceId }) => [...resourceId])).toEqual([client, server])
    expect(tagger.stats()).toMatchObject({ side_cache_misses_total: 4, side_cache_hits_total: 8 })
  })

  it("looks a service up by the transport of the row", () => {
    const { index, store, tagger } = make()
    const dns = (id: number, name: string, protocol: number) =>
      record("pod_service", id, name, {
        ips: ["10.96.0.53"],
        ports: [{ protocol, port: 53 }],
        targets: [ref("pod", 7)],
        parents: [ref("vpc", 5)],
      })
    index.apply([dns(20, "dns-tcp", 6), dns(21, "dns-udp", 17)])
    const address: Side = { ip: "10.96.0.53" }
    const batch = batchOf([
      [internet, pod, 53],
      [internet, pod, 53],
      [internet, pod, 53],
      [internet, address, 53],
    ])
    batch.columns.protocol.set([6, 17, 6, 17])
    tagger.tag(batch, "agent-3", 1)
    const services = store().map(({ auto_service }) => auto_service)
    expect(services).toEqual(expect.arrayContaining(["dns-tcp", "dns-udp"]))
    expect(tagger.stats()).toMatchObject({ side_cache_hits_total: 4 })
  })

  it("gives a new id when tags change, and the old one when they change back", () => {
    const { index, store, tagger } = make()
    const batch = batchOf([[internet, pod, 8080]])
    const idNow = (): number => {
      const tags = tagger.tag(batch, "agent-3", 1)
      store()
      tags.complete()
      return tags.sides[1]!.resourceId[0]!
    }
    const first = idNow()
    const web = estate.find(({ kind }) => kind === "pod")!
    index.apply([{ ...web, tags: { "k8s.label.app": "web2" }, revision: 1_000 }])
    const second = idNow()
    expect(second).not.toBe(first)
    index.apply([{ ...web, revision: 1_001 }])
    expect(idNow()).toBe(first)
  })

  it("is not misled by a process id that is used again", () => {
    const { store, tagger } = make()
    const tags = tagger.tag(
      batchOf([
        [{ ip: "127.0.0.1", pid: 10, gprocess: "shop" }, pod, 80],
        [{ ip: "127.0.0.1", pid: 10, gprocess: "curl" }, pod, 80],
      ]),
      "agent-3",
      1,
    )
    expect(store().map(({ gprocess }) => gprocess)).toEqual(["shop", "curl", ""])
    tags.complete()
    expect(tags.sides[0]!.resourceId[0]).not.toBe(tags.sides[0]!.resourceId[1])
  })

  it("tells the processes of two agents apart", () => {
    const { store, tagger } = make()
    const batch = batchOf([[shop, internet, 80]])
    const one = tagger.tag(batch, "agent-3", 1)
    const other = tagger.tag(batch, "agent-4", 1)
    store()
    one.complete()
    other.complete()
    expect(one.sides[0]!.resourceId[0]).not.toBe(other.sides[0]!.resourceId[0])
  })

  it("answers the same when its cache is too small to be of use", () => {
    const [small, large] = [make(2), make()]
    const rows = Array.from({ length: 64 }, (_, i): readonly [Side, Side, number] => [
      { ip: `10.0.0.${i % 9}` },
      { ip: `2001:db8::${i % 5}` },
      80 + (i % 3),
    ])
    const idsOf = ({ store, tagger }: ReturnType<typeof make>) => {
      const tags = tagger.tag(batchOf(rows), "agent-3", 1)
      store()
      tags.complete()
      return tags.sides.map(({ resourceId }) => [...resourceId])
    }
    expect(idsOf(small)).toEqual(idsOf(large))
    expect(small.tagger.stats()["sides_cached"]).toBeLessThanOrEqual(2)
  })

  it("remembers which ids are in use, once a day each", () => {
    const { store, tagger } = make()
    const batch = batchOf([[shop, pod, 8080]])
    const first = tagger.tag(batch, "agent-3", 1)
    store()
    first.complete()
    tagger.tag(batch, "agent-3", 2)
    const used = tagger.takeUsed()
    expect(used).toHaveLength(2)
    tagger.tag(batch, "agent-3", 2)
    expect(tagger.takeUsed()).toEqual([])
  })

  it("resolves records that come later", () => {
    const { index, store, tagger } = make()
    const batch = batchOf([[{ ip: "10.3.3.3" }, pod, 8080]])
    tagger.tag(batch, "agent-3", 1)
    store()
    index.apply([record("chost", 30, "late", { ips: ["10.3.3.3"], revision: 500 })])
    tagger.tag(batch, "agent-3", 1)
    expect(store().map(({ chost }) => chost)).toEqual(["late"])
  })

  it("is not filled by processes of ever new names", () => {
    const { store, tagger, interner } = make(undefined, { resources: 100, groupsOfScope: 3 })
    const rows = Array.from({ length: 10 }, (_, i): readonly [Side, Side, number] => [
      { ip: "127.0.0.1", pid: i + 1, gprocess: `job-${i}` },
      pod,
      80,
    ])
    tagger.tag(batchOf(rows), "agent-3", 1)
    const names = store().map(({ gprocess }) => gprocess)
    expect(names.filter((name) => name !== "")).toEqual(["job-0", "job-1", "job-2", "other processes"])
    expect(interner.refused.groups).toBe(7)
  })

  it("leaves sides without tags rather than grow beyond its limit", () => {
    const { store, tagger, interner } = make(undefined, { resources: 2, groupsOfScope: 3 })
    const tags = tagger.tag(
      batchOf([
        [shop, pod, 80],
        [{ ip: "10.0.0.3" }, internet, 80],
      ]),
      "agent-3",
      1,
    )
    store()
    tags.complete()
    expect(tags.sides.map(({ resourceId }) => [...resourceId].map((id) => id > 0))).toEqual([
      [true, true],
      [false, false],
    ])
    expect(interner.refused.resources).toBe(2)
  })

  it("gives a new id to what was not used for as long as rows are kept", () => {
    const { store, tagger } = make()
    const batch = batchOf([[shop, pod, 8080]])
    const idsOn = (day: number): ReadonlyArray<number> => {
      const tags = tagger.tag(batch, "agent-3", day)
      store(day)
      tags.complete()
      return tags.sides.map(({ resourceId }) => resourceId[0]!)
    }
    const first = idsOn(10)
    tagger.forget(10)
    expect(idsOn(11)).toEqual(first)
    tagger.forget(12)
    expect(idsOn(12).some((id) => first.includes(id))).toBe(false)
  })

  it("keeps nothing of the batches alive", () => {
    setFlagsFromString("--expose-gc")
    const collect = runInNewContext("gc") as () => void
    const { tagger } = make()
    collect()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 100; i++) {
      // As decoded: a slice of the text of a whole column.
      const column = Buffer.alloc(1_000_000, 97 + (i % 26)).toString("latin1")
      const batch = batchOf([[{ ...shop, pid: 100 + i, gprocess: column.slice(0, 100) }, internet, 1]])
      batch.columns.container_0[0] = column.slice(0, 64)
      tagger.tag(batch, "agent", 1)
    }
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000)
    expect(tagger.stats()["sides_cached"]).toBeGreaterThanOrEqual(100)
  })
})
