// Parses what follows the name of a function: parameters, arguments and the special forms of CAST, EXTRACT, SUBSTRING, TRIM; FILTER
// and OVER.

import type { Call, Expression, NamePart, Window } from "./ast.ts"
import { parseElement, parseExpression, parseType } from "./parseExpression.ts"
import { parseOrderItems } from "./parseOrder.ts"
import type { TokenReader } from "./TokenReader.ts"

export const parseCall = (reader: TokenReader, name: NamePart, at: number): Expression => {
  const lower = name.text.toLowerCase()
  reader.expectSymbol("(")
  if (lower === "cast") return parseCast(reader, name, at)
  const lead = lower === "trim" ? reader.takeAny("BOTH", "LEADING", "TRAILING") : undefined
  const distinct = reader.isWord("DISTINCT") && !reader.isSymbol(",", 1) && reader.takeWords("DISTINCT")
  const first = lower === "position" ? positionArguments(parseArguments(reader)) : parseArguments(reader)
  const hasParameters = reader.takeSymbol("(")
  const distinctInside = hasParameters && reader.takeWords("DISTINCT")
  const second = hasParameters ? parseArguments(reader) : undefined
  const nulls = reader.takeAny("IGNORE NULLS", "RESPECT NULLS")
  const filter = reader.takeWords("FILTER") ? parseFilter(reader) : undefined
  const over = reader.takeWords("OVER") ? parseOver(reader) : undefined
  return {
    kind: "call",
    name,
    ...(second === undefined ? {} : { parameters: first.args }),
    distinct: distinct || distinctInside,
    ...(second ?? first),
    ...(lead === undefined ? {} : { lead }),
    ...(nulls === undefined ? {} : { nulls }),
    ...(filter === undefined ? {} : { filter }),
    ...(over === undefined ? {} : { over }),
    at,
  }
}

/** `position(needle IN text)` is no condition. */
const positionArguments = (written: Pick<Call, "args" | "separators">): Pick<Call, "args" | "separators"> => {
  const [only, second] = written.args
  return only?.kind === "binary" && only.operator === "IN" && second === undefined
    ? { args: [only.left, only.right], separators: ["IN"] }
    : written
}

const parseCast = (reader: TokenReader, name: NamePart, at: number): Expression => {
  const value = parseExpression(reader)
  if (reader.takeWords("AS")) {
    const type = parseType(reader)
    reader.expectSymbol(")")
    return { kind: "cast", value, type, short: false, at }
  }
  reader.expectSymbol(",")
  const type = parseExpression(reader)
  reader.expectSymbol(")")
  return { kind: "call", name, distinct: false, args: [value, type], at }
}

const parseArguments = (reader: TokenReader): Pick<Call, "args" | "separators"> => {
  if (reader.takeSymbol(")")) return { args: [] }
  const args: Array<Expression> = []
  const separators: Array<string> = []
  for (;;) {
    args.push(
      reader.isQueryAt()
        ? { kind: "subquery", query: reader.grammar.query(reader), bare: true, at: reader.token.start }
        : parseElement(reader),
    )
    if (reader.takeSymbol(")")) break
    const separator = reader.takeSymbol(",") ? "," : reader.takeAny("FROM", "FOR")
    if (separator === undefined) reader.fail('"," or ")"')
    separators.push(separator!)
  }
  return separators.every((separator) => separator === ",") ? { args } : { args, separators }
}

const parseFilter = (reader: TokenReader): Expression =>
  reader.inParens(() => {
    reader.expectWords("WHERE")
    return parseExpression(reader)
  })

const parseOver = (reader: TokenReader): Window | string =>
  reader.isSymbol("(") ? parseWindow(reader) : reader.namePart("a window").text

export const parseWindow = (reader: TokenReader): Window => {
  reader.expectSymbol("(")
  const starts = reader.index
  const isBase =
    reader.token.kind === "name" && !/^(PARTITION|ORDER|ROWS|RANGE|GROUPS)$/.test(reader.token.word)
  const base = isBase ? reader.namePart().text : undefined
  const partitionBy = reader.takeWords("PARTITION BY") ? reader.list(() => parseExpression(reader)) : []
  const orderBy = reader.takeWords("ORDER BY") ? parseOrderItems(reader) : []
  const frameStart = reader.index
  while (reader.token.kind === "name" || reader.token.kind === "number") reader.next()
  const frame = reader.textOf(frameStart, reader.index)
  if (reader.index === starts && !reader.isSymbol(")")) reader.fail("PARTITION BY, ORDER BY or a frame")
  reader.expectSymbol(")")
  return { ...(base === undefined ? {} : { base }), partitionBy, orderBy, frame }
}
