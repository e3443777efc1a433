// Parses the list behind ORDER BY, of a query or of a window.

import type { Expression, OrderItem } from "./ast.ts"
import { parseElement, parseExpression } from "./parseExpression.ts"
import type { TokenReader } from "./TokenReader.ts"

export const parseOrderItems = (reader: TokenReader): ReadonlyArray<OrderItem> =>
  reader.list(() => {
    const value = parseElement(reader)
    let words = ""
    const direction = reader.takeAny("ASC", "DESC", "ASCENDING", "DESCENDING")
    if (direction !== undefined) words += ` ${direction}`
    const nulls = reader.takeAny("NULLS FIRST", "NULLS LAST")
    if (nulls !== undefined) words += ` ${nulls}`
    if (reader.takeWords("COLLATE")) words += ` COLLATE ${reader.next().text}`
    if (!reader.takeWords("WITH FILL")) return { value, words }
    const fill: Array<readonly [string, Expression]> = []
    for (;;) {
      const word = reader.takeAny("FROM", "TO", "STEP", "STALENESS")
      if (word === undefined) return { value, words, fill }
      fill.push([word, parseExpression(reader)])
    }
  })
