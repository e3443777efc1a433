// Parses what stands after FROM: tables, table functions and subqueries, their joins, and ARRAY JOIN.

import type { FromItem, TableSource } from "./ast.ts"
import { parseCall } from "./parseCall.ts"
import { isClauseWord, parseExpression, parseSelected } from "./parseExpression.ts"
import type { TokenReader } from "./TokenReader.ts"

const joinWords = new Set(
  "GLOBAL LOCAL ANY ALL ASOF SEMI ANTI PASTE INNER LEFT RIGHT FULL CROSS OUTER".split(" "),
)

/** Words that never are an alias without AS behind a table. */
const notAlias = new Set([...joinWords, "ARRAY", "FINAL", "SAMPLE", "WITH", "NOT"])

export const parseFromItems = (reader: TokenReader): ReadonlyArray<FromItem> => {
  const items: Array<FromItem> = [parseSourceItem(reader, "")]
  for (;;) {
    if (reader.takeSymbol(",")) items.push(parseSourceItem(reader, ","))
    else {
      const arrayJoin = reader.takeAny("ARRAY JOIN", "LEFT ARRAY JOIN", "INNER ARRAY JOIN")
      if (arrayJoin !== undefined) {
        items.push({ kind: "arrayJoin", words: arrayJoin, items: reader.list(() => parseSelected(reader)) })
        continue
      }
      const join = takeJoin(reader)
      if (join === undefined) return items
      items.push(parseSourceItem(reader, join))
    }
  }
}

const takeJoin = (reader: TokenReader): string | undefined => {
  let count = 0
  while (joinWords.has(reader.peek(count).word)) count++
  if (!reader.isWord("JOIN", count)) return count === 0 ? undefined : reader.fail("JOIN")
  const words: Array<string> = []
  for (let taken = 0; taken <= count; taken++) words.push(reader.next().word)
  return words.join(" ")
}

const parseSource = (reader: TokenReader): TableSource => {
  if (reader.isSymbol("("))
    return { kind: "query", query: reader.inParens(() => reader.grammar.query(reader)) }
  const at = reader.token.start
  const first = reader.namePart("a table")
  if (reader.isSymbol("(")) {
    const call = parseCall(reader, first, at)
    return call.kind === "call" ? { kind: "function", call } : reader.fail("a table function")
  }
  const parts = [first]
  while (parts.length < 3 && reader.takeSymbol(".")) parts.push(reader.namePart("a table"))
  return { kind: "table", name: { kind: "name", parts, at } }
}

const parseSourceItem = (reader: TokenReader, join: string): FromItem => {
  const at = reader.token.start
  const source = parseSource(reader)
  const { kind, word } = reader.token
  const hasAlias =
    reader.takeWords("AS") ||
    kind === "quotedName" ||
    (kind === "name" && !isClauseWord(word) && !notAlias.has(word))
  const alias = hasAlias ? reader.namePart("an alias") : undefined
  const final = reader.takeWords("FINAL")
  const sample = reader.takeWords("SAMPLE")
    ? reader.takeWords("OFFSET")
      ? reader.fail("a ratio")
      : sampleOf(reader)
    : undefined
  const isJoined = join !== "" && join !== ","
  const on = isJoined && reader.takeWords("ON") ? parseExpression(reader) : undefined
  const using = isJoined && on === undefined && reader.takeWords("USING") ? usingOf(reader) : undefined
  return {
    kind: "source",
    join,
    source,
    ...(alias === undefined ? {} : { alias }),
    final,
    ...(sample === undefined ? {} : { sample }),
    ...(on === undefined ? {} : { on }),
    ...(using === undefined ? {} : { using }),
    at,
  }
}

const sampleOf = (reader: TokenReader) => {
  const ratio = parseExpression(reader)
  return reader.takeWords("OFFSET") ? [ratio, parseExpression(reader)] : [ratio]
}

const usingOf = (reader: TokenReader) =>
  reader.isSymbol("(")
    ? reader.inParens(() => reader.list(() => parseExpression(reader)))
    : reader.list(() => parseExpression(reader))
