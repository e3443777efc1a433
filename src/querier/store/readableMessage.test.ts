import { assert, describe, it } from "@effect/vitest"
import { readableMessage } from "./readableMessage.ts"

describe("readableMessage", () => {
  it("keeps what a person needs of a syntax error", () => {
    assert.strictEqual(
      readableMessage(
        "Code: 62. DB::Exception: Syntax error: failed at position 18 (frm) (line 1, col 18): frm t\nFORMAT " +
          "JSONCompactEachRowWithNamesAndTypes. Expected one of: token, FROM, end of query. (SYNTAX_ERROR) (version 26.7.2.1)\n",
      ),
      "Syntax error: failed at position 18 (frm) (line 1, col 18): frm t.",
    )
  })

  it("drops class names and version and keeps the reason", () => {
    assert.strictEqual(
      readableMessage("Code: 60. DB::Exception: Unknown table 'x'. (UNKNOWN_TABLE) (version 26.7.2.1)"),
      "Unknown table 'x'.",
    )
  })

  it("is bounded", () => {
    assert.isAtMost(readableMessage("x".repeat(100_000)).length, 500)
  })
})
