import { assert, describe, it } from "@effect/vitest"
import { spanOfCall, type WorkedSpan, type WorkersCall } from "./spanOfCall.ts"

const thread = { agent: 1, pid: 20, thread: 21, coroutine: "0" }
const span = (at: number, startUs: number, endUs: number, more: Partial<WorkedSpan> = {}): WorkedSpan => ({
  ...thread,
  span: at,
  side: "server",
  served: "0",
  startUs,
  endUs,
  ...more,
})
const call = (startUs: number, endUs: number, more: Partial<WorkersCall> = {}): WorkersCall => ({
  ...thread,
  served: "0",
  startUs,
  endUs,
  ...more,
})
const found = (spans: ReadonlyArray<WorkedSpan>, one: WorkersCall) => {
  const of = spanOfCall(spans, one)
  return of === undefined ? undefined : [of.span.span, of.isCertain]
}

describe("spanOfCall", () => {
  it("is the one that the worker had under way", () => {
    const spans = [span(0, 0, 100), span(1, 200, 300), span(2, 0, 300, { thread: 22 })]
    assert.deepStrictEqual(found(spans, call(10, 20)), [0, false])
    assert.deepStrictEqual(found(spans, call(290, 400)), [1, false])
    assert.isUndefined(found(spans, call(120, 180)))
    assert.isUndefined(found(spans, call(10, 20, { agent: 2 })))
  })

  it("is the served request before a call, and the later of two", () => {
    const asked = span(1, 50, 90, { side: "client" })
    assert.deepStrictEqual(found([span(0, 0, 100), asked], call(60, 70)), [0, false])
    assert.deepStrictEqual(found([asked], call(60, 70)), [1, false])
    assert.deepStrictEqual(found([span(0, 0, 100), span(2, 40, 100)], call(60, 70)), [2, false])
  })

  it("is the request that the agent knows, whatever thread read", () => {
    const spans = [span(0, 0, 100, { served: "77" }), span(1, 40, 100)]
    assert.deepStrictEqual(found(spans, call(60, 70, { served: "77", thread: 99 })), [0, true])
    assert.isUndefined(found(spans, call(60, 70, { served: "78" })))
  })

  it("follows goroutines over threads", () => {
    const spans = [span(0, 0, 100, { coroutine: "5", thread: 30 }), span(1, 0, 100)]
    assert.deepStrictEqual(found(spans, call(60, 70, { coroutine: "5", thread: 21 })), [0, false])
  })
})
