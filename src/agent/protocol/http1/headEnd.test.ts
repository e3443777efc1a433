import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { emptyMessage, RecordType } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { findHeadEnd } from "./headEnd.ts"
import { HeadReader, openHead } from "./HeadReader.ts"

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

  it("is the same for the reader of heads whose lines end in CRLF", () => {
    const reader = new HeadReader(2)
    const read = (text: string): number => {
      const bytes = Uint8Array.from(`\r\n${text}\r\n`, (c) => c.charCodeAt(0))
      const message = emptyMessage(RecordType.request, L7Protocol.http1, 0, 0)
      return reader.readRequest(bytes, 2, 2 + text.length, message)
    }
    const line = fc.constantFrom("a\r\n", "host: c\r\n", "", "\r\n")
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const text = `GET / HTTP/1.1\r\n${lines.join("")}`
        expect(read(text) || -1).toBe(plainEnd(text))
      }),
    )
    expect(read("GET / HTTP/1.1\n\r\n\r\n")).toBe(openHead)
  })
})
