import { describe, expect, it } from "vitest"
import { ServedRequest } from "./Cause.ts"
import { WaitingQueue } from "./Waiting.ts"

const filled = (count: number): readonly [WaitingQueue, ReadonlyArray<ServedRequest>] => {
  const queue = new WaitingQueue(80)
  const requests = Array.from({ length: count }, (_, i) => new ServedRequest(i, i, null))
  for (const request of requests) queue.add(request)
  return [queue, requests]
}

describe("what waits for a connection", () => {
  it("is served in order, without those whose request is over", () => {
    const [queue, requests] = filled(4)
    requests[1]!.isOver = true
    expect([queue.take()?.cause, queue.take()?.cause, queue.take()?.cause]).toEqual([
      requests[0],
      requests[2],
      requests[3],
    ])
    expect(queue.take()).toBeNull()
  })

  it("gets into step when it is told whose turn it was, once for all that were taken meanwhile", () => {
    const [queue, requests] = filled(10)
    const [first, second] = [queue.take()!, queue.take()!]
    queue.correct(first, requests[2]!.waiting!)
    queue.correct(second, requests[3]!.waiting!)
    const next = queue.take()!
    expect(next.cause).toBe(requests[4])
    // And back: it was the turn of one that had been taken too soon.
    queue.correct(next, requests[3]!.waiting!)
    expect(queue.take()?.cause).toBe(requests[4])
  })

  it("is bounded: who waits longest is forgotten", () => {
    const [queue, requests] = filled(1_025)
    expect(queue.take()?.cause).toBe(requests[256])
    for (let i = 257; i < 1_025; i++) expect(queue.take()?.cause).toBe(requests[i])
    expect(queue.take()).toBeNull()
  })

  it("is forgotten when events were lost", () => {
    const [queue, requests] = filled(3)
    queue.clear()
    queue.add(requests[0]!)
    expect(queue.take()?.cause).toBe(requests[0])
    expect(queue.take()).toBeNull()
  })
})
