import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { crlfHeadLength, findHeadEnd } from "./headEnd.ts"

/** The definition: the first LF LF or LF CR LF. */
const plainEnd = (text: string): number => {
  const found = /\n\r?\n/.exec(text)
  return found === null ? -1 : found.index + found[0].length
}

describe("the end of a head", () => {
  it("is the first empty line, wherever it stands", () => {
    const text = fc
      .array(fc.constantFrom("\r", "\n", "a", "\t"), { maxLength: 30 })
      .map((parts) => parts.join(""))
    fc.assert(
      fc.property(text, fc.nat({ max: 3 }), (head, offset) => {
        const bytes = Uint8Array.from(`${"\n".repeat(offset)}${head}\n\n`, (c) => c.charCodeAt(0))
        const found = findHeadEnd(bytes, offset, offset + head.length)
        expect(found < 0 ? found : found - offset).toBe(plainEnd(head))
      }),
      { numRuns: 2000 },
    )
  })

  it("is the same in text whose lines end in CRLF", () => {
    const line = fc.constantFrom("a\r\n", "bc\r\n", "", "\r\n")
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const text = `GET\r\n${lines.join("")}`
        expect(crlfHeadLength(text)).toBe(plainEnd(text))
      }),
    )
    expect(crlfHeadLength("GET\n\r\n\r\n")).toBe(-1)
  })
})
