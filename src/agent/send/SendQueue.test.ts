import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { EncodedBatch } from "../../wire/ColumnEncoder.ts"
import { type Outgoing, SendQueue } from "./SendQueue.ts"

const batch = (rows: number, bytes: number): EncodedBatch => ({
  kind: rows % 2 === 0 ? "l7" : "application",
  rows,
  body: new Uint8Array(bytes),
})

const assertBooks = ({ counters, inFlight, memoryBytes, spoolBytes }: SendQueue) => {
  for (const unit of ["rows", "batches"] as const) {
    const dropped = Object.values(counters.dropped).reduce((sum, tally) => sum + tally[unit], 0)
    assert.strictEqual(
      counters.pushed[unit] + counters.recovered[unit],
      counters.acknowledged[unit] + counters.memory[unit] + counters.spool[unit] + dropped,
    )
  }
  const byKind = Object.values(counters.droppedRows).reduce((sum, rows) => sum + rows, 0)
  const byReason = Object.values(counters.dropped).reduce((sum, { rows }) => sum + rows, 0)
  assert.strictEqual(byKind, byReason)
  for (const value of [inFlight, memoryBytes, spoolBytes]) assert.isAtLeast(value, 0)
  if (counters.memory.batches === 0) assert.strictEqual(memoryBytes, 0)
  if (counters.spool.batches === 0) assert.strictEqual(spoolBytes, 0)
}

const memoryMost = 20_000

describe("SendQueue", () => {
  it("keeps its books and its bounds, whatever happens in whatever order", () => {
    const step = fc.tuple(
      fc.constantFrom(
        "push",
        "next",
        "ack",
        "retry",
        "refuse",
        "lost",
        "refused",
        "take",
        "spooled",
        "failed",
        "full",
      ),
      fc.nat(4000),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const queue = new SendQueue("me", memoryMost)
        const sent: Array<Outgoing> = []
        const taken: Array<Outgoing> = []
        let nowMs = 1
        for (const [what, number] of steps) {
          const some = sent[number % Math.max(1, sent.length)]
          nowMs++
          if (what === "push") queue.push(batch(number % 50, number))
          if (what === "next") {
            const entry = queue.next()
            if (entry !== undefined) {
              assert.isFalse(entry.isDone)
              sent.push(entry)
              queue.framed(entry, new Uint8Array(number))
              queue.sent(entry, nowMs, "a:1")
            }
          }
          if (what === "ack" && some !== undefined) queue.acknowledge(some.instance, some.seq)
          if (what === "retry" && some !== undefined) queue.retry(some.instance, some.seq)
          if (what === "refuse" && some !== undefined) queue.refuse(some.instance, some.seq)
          if (what === "lost") queue.disconnected(false)
          if (what === "refused") queue.disconnected(true)
          if (what === "take") {
            queue.markSeen(nowMs)
            const entry = queue.takeForSpool(nowMs)
            if (entry !== undefined) taken.push(entry)
          }
          if (what === "spooled" || what === "failed") {
            const entry = taken.shift()
            if (entry !== undefined && what === "spooled") queue.spooled(entry, "file", 100)
            if (entry !== undefined && what === "failed") queue.notSpooling(entry)
          }
          if (what === "full") {
            const oldest = queue.oldestSpooled()
            if (oldest !== undefined) queue.drop(oldest, "spool_full")
          }
          assertBooks(queue)
        }
        queue.disconnected(false)
        assert.strictEqual(queue.inFlight, 0)
      }),
      { numRuns: 300 },
    )
  })

  it("gives up the oldest that is not in flight when memory is full", () => {
    const queue = new SendQueue("me", 10_000)
    for (let rows = 1; rows <= 3; rows++) queue.push(batch(rows, 2500))
    const first = queue.next()
    assert.strictEqual(first?.rows, 1)
    queue.push(batch(4, 2500))
    assert.strictEqual(queue.counters.dropped.memory_full.rows, 2)
    assert.strictEqual(queue.next()?.rows, 3)
    queue.push(batch(5, 20_000))
    assert.strictEqual(queue.counters.dropped.memory_full.rows, 2 + 4 + 5)
    assertBooks(queue)
  })

  it("finds the batch for which the server refuses connections, and drops no other", () => {
    const queue = new SendQueue("me", 1_000_000)
    for (let rows = 1; rows <= 10; rows++) queue.push(batch(rows, 10))
    const poison = 4
    for (let round = 0; round < 50 && queue.counters.memory.batches > 0; round++) {
      const window: Array<Outgoing> = []
      while (queue.inFlight < (queue.suspects > 0 ? 1 : 16)) {
        const entry = queue.next()
        if (entry === undefined) break
        window.push(entry)
      }
      if (window.some(({ rows }) => rows === poison)) queue.disconnected(true)
      else for (const { instance, seq } of window) queue.acknowledge(instance, seq)
    }
    assert.strictEqual(queue.counters.dropped.refused.rows, poison)
    assert.strictEqual(queue.counters.acknowledged.batches, 9)
    assert.strictEqual(queue.suspects, 0)
  })

  it("lets new and spooled batches take turns", () => {
    const queue = new SendQueue("me", 1_000_000)
    for (let seq = 0; seq < 3; seq++) queue.recover("before", seq, "l7", 1, `file ${seq}`, 10)
    for (let seq = 0; seq < 3; seq++) queue.push(batch(1, 10))
    const order = Array.from({ length: 6 }, () => queue.next()?.instance)
    assert.deepStrictEqual(order, ["before", "me", "before", "me", "before", "me"])
    assert.isUndefined(queue.next())
  })
})
