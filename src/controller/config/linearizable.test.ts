import { assert, describe, it } from "vitest"
import * as fc from "fast-check"
import { isLinearizable, type Operation } from "./linearizable.testing.ts"

const read = (began: number, ended: number, version: number, value: string): Operation => ({
  kind: "read",
  began,
  ended,
  version,
  value,
})
const write = (
  began: number,
  ended: number,
  expected: number | undefined,
  value: string,
  outcome: number | "conflict" | "unknown",
): Operation => ({ kind: "write", began, ended, expected, value, outcome })

describe("isLinearizable", () => {
  it("accepts what one after the other would do", () => {
    assert.isTrue(isLinearizable([]))
    assert.isTrue(
      isLinearizable([
        read(1, 2, 0, ""),
        write(3, 4, 0, "a", 1),
        read(5, 6, 1, "a"),
        write(7, 8, 0, "b", "conflict"),
        write(9, 10, undefined, "c", 2),
        read(11, 12, 2, "c"),
      ]),
    )
  })

  it("accepts either order of what happened at the same time", () => {
    const both = [write(1, 5, 0, "a", 1), write(2, 6, 0, "b", "conflict")]
    assert.isTrue(isLinearizable([...both, read(3, 4, 0, "")]))
    assert.isTrue(isLinearizable([...both, read(3, 4, 1, "a")]))
    assert.isFalse(isLinearizable([...both, read(3, 4, 1, "b")]))
  })

  it("refuses a write that was lost", () => {
    assert.isFalse(isLinearizable([write(1, 2, undefined, "a", 1), read(3, 4, 0, "")]))
    assert.isFalse(isLinearizable([write(1, 4, 0, "a", 1), write(2, 5, 0, "b", 1), read(6, 7, 1, "b")]))
  })

  it("refuses a version that was given twice, or skipped", () => {
    assert.isFalse(isLinearizable([write(1, 4, undefined, "a", 1), write(2, 3, undefined, "b", 1)]))
    assert.isFalse(isLinearizable([write(1, 2, undefined, "a", 2)]))
  })

  it("refuses a read of the past, and a conflict with nobody", () => {
    assert.isFalse(isLinearizable([write(1, 2, 0, "a", 1), write(3, 4, 1, "b", 2), read(5, 6, 1, "a")]))
    assert.isFalse(isLinearizable([write(1, 2, 0, "a", "conflict")]))
    assert.isFalse(isLinearizable([write(1, 3, 0, "a", 1), read(4, 5, 1, "a"), read(6, 7, 0, "")]))
  })

  it("lets what nobody knows have happened at any time, or never, but not twice", () => {
    const unknown = write(1, Infinity, 0, "a", "unknown")
    assert.isTrue(isLinearizable([unknown, read(2, 3, 0, "")]))
    assert.isTrue(isLinearizable([unknown, read(2, 3, 0, ""), read(4, 5, 1, "a")]))
    assert.isFalse(isLinearizable([unknown, read(2, 3, 1, "a"), read(4, 5, 0, "")]))
    assert.isFalse(isLinearizable([read(0, 1, 1, "a"), { ...unknown, began: 2 }]))
    assert.isFalse(isLinearizable([write(1, Infinity, undefined, "a", "unknown"), read(2, 3, 2, "a")]))
  })

  it("accepts every history of a true register, and refuses it with one answer forged", () => {
    const calls = fc.array(
      fc.record({ at: fc.nat(1_000), before: fc.nat(60), behind: fc.nat(60), isRead: fc.boolean() }),
      { minLength: 2, maxLength: 25 },
    )
    fc.assert(
      fc.property(calls, fc.nat(), (shapes, forgedAt) => {
        let version = 0
        let value = ""
        const history = shapes
          .toSorted((one, other) => one.at - other.at)
          .map((shape, index): Operation => {
            // Each takes effect at its own moment between begin and end.
            const moment = shape.at * 100 + index
            const began = moment - shape.before
            const ended = moment + shape.behind
            if (shape.isRead) return read(began, ended, version, value)
            value = `v${index}`
            return write(began, ended, version, value, ++version)
          })
        assert.isTrue(isLinearizable(history))
        const forged = history.map((operation, index) =>
          index === forgedAt % history.length
            ? operation.kind === "read"
              ? { ...operation, version: operation.version + 1_000 }
              : { ...operation, outcome: Number(operation.outcome) + 1_000 }
            : operation,
        )
        assert.isFalse(isLinearizable(forged))
      }),
      { numRuns: 300 },
    )
  })
})
