// Parses one expression. Precedence follows ClickHouse's: OR, AND, NOT, IS, BETWEEN, comparisons, ||, + -, * / %, sign, then what
// stands behind a value: [index], .element, ::type.

import type { Expression, Name, NamePart } from "./ast.ts"
import { unescape } from "./lexer.ts"
import type { TokenReader } from "./TokenReader.ts"

const Level = {
  lambda: 1,
  ternary: 2,
  or: 3,
  and: 4,
  not: 5,
  is: 6,
  between: 7,
  comparison: 9,
  concat: 10,
  sum: 11,
  product: 12,
} as const

const symbolLevels: Readonly<Record<string, number>> = {
  "=": Level.comparison,
  "==": Level.comparison,
  "!=": Level.comparison,
  "<>": Level.comparison,
  "<": Level.comparison,
  "<=": Level.comparison,
  ">": Level.comparison,
  ">=": Level.comparison,
  "<=>": Level.comparison,
  "||": Level.concat,
  "+": Level.sum,
  "-": Level.sum,
  "*": Level.product,
  "/": Level.product,
  "%": Level.product,
}

const wordLevels: ReadonlyArray<readonly [words: string, level: number]> = [
  ["OR", Level.or],
  ["AND", Level.and],
  ["IS NOT DISTINCT FROM", Level.is],
  ["IS DISTINCT FROM", Level.is],
  ["LIKE", Level.comparison],
  ["ILIKE", Level.comparison],
  ["NOT LIKE", Level.comparison],
  ["NOT ILIKE", Level.comparison],
  ["REGEXP", Level.comparison],
  ["NOT REGEXP", Level.comparison],
  ["IN", Level.comparison],
  ["NOT IN", Level.comparison],
  ["GLOBAL IN", Level.comparison],
  ["GLOBAL NOT IN", Level.comparison],
  ["DIV", Level.product],
  ["MOD", Level.product],
]

const nullTests = ["NULL", "TRUE", "FALSE", "UNKNOWN"].flatMap((what) => [`IS NOT ${what}`, `IS ${what}`])

const operatorAt = (reader: TokenReader): readonly [operator: string, level: number] | undefined => {
  const { kind, text, word } = reader.token
  if (kind === "symbol") {
    const level = symbolLevels[text]
    return level === undefined ? undefined : [text, level]
  }
  return word === "" ? undefined : wordLevels.find(([words]) => reader.isWords(words))
}

const takeOperator = (reader: TokenReader, operator: string): void => {
  if (!reader.takeSymbol(operator)) reader.expectWords(operator)
}

export const parseExpression = (reader: TokenReader): Expression => reader.nested(() => parseFrom(reader, 0))

/** What binds at least as strongly as the given level. */
const parseFrom = (reader: TokenReader, least: number): Expression => {
  let left = parsePrefix(reader)
  for (;;) {
    const { at } = left
    if (least <= Level.lambda && reader.takeSymbol("->")) {
      return { kind: "lambda", parameters: left, body: parseExpression(reader), at }
    }
    if (least <= Level.ternary && reader.takeSymbol("?")) {
      reader.countOperator()
      const yes = parseExpression(reader)
      reader.expectSymbol(":")
      left = { kind: "ternary", condition: left, yes, no: parseExpression(reader), at }
      continue
    }
    const nullTest = least <= Level.is ? reader.takeAny(...nullTests) : undefined
    if (nullTest !== undefined) {
      reader.countOperator()
      left = { kind: "suffix", value: left, words: nullTest, at }
      continue
    }
    const between = least <= Level.between ? reader.takeAny("BETWEEN", "NOT BETWEEN") : undefined
    if (between !== undefined) {
      reader.countOperator()
      const low = reader.nested(() => parseFrom(reader, Level.comparison))
      reader.expectWords("AND")
      const high = reader.nested(() => parseFrom(reader, Level.comparison))
      left = { kind: "between", negated: between !== "BETWEEN", value: left, low, high, at }
      continue
    }
    const found = operatorAt(reader)
    if (found === undefined || found[1] < least) return left
    const [operator, level] = found
    takeOperator(reader, operator)
    reader.countOperator()
    const right = reader.nested(() => parseFrom(reader, level + 1))
    left = { kind: "binary", operator, left, right, at }
  }
}

const parsePrefix = (reader: TokenReader): Expression => {
  const at = reader.token.start
  // Also before parentheses: `NOT (a) AND b`.
  if (reader.takeWords("NOT")) {
    return { kind: "unary", operator: "NOT", value: reader.nested(() => parseFrom(reader, Level.is)), at }
  }
  const after = reader.peek(1)
  if (reader.isSymbol("-") && after.kind === "number" && after.start === reader.token.end) {
    reader.next()
    return parseSuffixes(reader, { kind: "number", source: `-${reader.next().text}`, at })
  }
  for (const sign of ["-", "+"]) {
    if (reader.takeSymbol(sign)) {
      return { kind: "unary", operator: sign, value: reader.nested(() => parsePrefix(reader)), at }
    }
  }
  return parseSuffixes(reader, parsePrimary(reader))
}

const parseSuffixes = (reader: TokenReader, primary: Expression): Expression => {
  let value = primary
  const { at } = primary
  for (;;) {
    const isSuffix = reader.isSymbol("[") || reader.isSymbol("::") || reader.isSymbol(".")
    if (isSuffix) reader.countOperator()
    if (reader.takeSymbol("[")) {
      value = { kind: "index", value, index: parseExpression(reader), at }
      reader.expectSymbol("]")
    } else if (reader.takeSymbol("::")) {
      value = { kind: "cast", value, type: parseType(reader), short: true, at }
    } else if (reader.isSymbol(".") && value.kind !== "star") {
      reader.next()
      const { kind, text } = reader.token
      if (kind !== "number" && kind !== "name" && kind !== "quotedName")
        reader.fail("an element's name or number")
      reader.next()
      value = {
        kind: "element",
        value,
        element: kind === "quotedName" ? `\`${text.replaceAll("`", "``")}\`` : text,
        at,
      }
    } else return value
  }
}

export const parseType = (reader: TokenReader): string => {
  const start = reader.index
  if (reader.token.kind !== "name") reader.fail("a type")
  reader.next()
  if (reader.takeSymbol("(")) reader.restOfParens()
  return reader.textOf(start, reader.index)
}

const parsePrimary = (reader: TokenReader): Expression => {
  const { kind, start: at, text, word } = reader.token
  switch (kind) {
    case "text":
      reader.next()
      return { kind: "text", value: unescape(text.slice(1, -1), "'"), source: text, at }
    case "number":
      reader.next()
      return { kind: "number", source: text, at }
    case "tagName":
      reader.next()
      return { kind: "name", parts: text.split(".").map(bareOrQuoted), at }
    case "name":
    case "quotedName":
      return (word === "" ? undefined : parseWord(reader)) ?? parseName(reader)
    case "symbol":
      if (text === "(") return parseParens(reader)
      if (text === "[") return parseArray(reader)
      if (text === "*") {
        reader.next()
        return parseStar(reader, [], at)
      }
  }
  return reader.fail("an expression")
}

const bareOrQuoted = (text: string): NamePart => ({ text, quoted: !/^[A-Za-z_][A-Za-z0-9_]*$/.test(text) })

/** What begins with a word of its own; undefined: it is a name like any other. */
const parseWord = (reader: TokenReader): Expression | undefined => {
  const { end, start: at, word } = reader.token
  const after = reader.peek(1)
  if (word === "CASE" && !reader.isSymbol(",", 1) && !reader.isSymbol(")", 1)) return parseCase(reader)
  if (word === "NULL" || word === "TRUE" || word === "FALSE") {
    reader.next()
    return { kind: "constant", word, at }
  }
  if (after.kind === "text" && /^(DATE|DATE32|TIMESTAMP|X|B)$/.test(word)) {
    reader.next()
    reader.next()
    return { kind: "typedText", word, text: after.text, tight: end === after.start, at }
  }
  const startsValue =
    after.kind === "text" || after.kind === "number" || after.text === "(" || after.kind === "name"
  if (word === "INTERVAL" && startsValue && !isClauseWord(after.word)) return parseInterval(reader)
  return undefined
}

const parseInterval = (reader: TokenReader): Expression => {
  const at = reader.next().start
  const value = reader.nested(() => parseFrom(reader, Level.sum))
  if (value.kind === "text" && /\s/.test(value.value)) return { kind: "interval", value, unit: "", at }
  const unit = reader.token.word
  if (!/^(NANO|MICRO|MILLI)?SECONDS?$|^(MINUTE|HOUR|DAY|WEEK|MONTH|QUARTER|YEAR)S?$/.test(unit))
    reader.fail("a unit such as MINUTE, HOUR or DAY")
  reader.next()
  return { kind: "interval", value, unit, at }
}

const parseCase = (reader: TokenReader): Expression => {
  const at = reader.next().start
  const operand = reader.isWord("WHEN") ? undefined : parseExpression(reader)
  const branches: Array<readonly [Expression, Expression]> = []
  while (reader.takeWords("WHEN")) {
    const when = parseExpression(reader)
    reader.expectWords("THEN")
    branches.push([when, parseExpression(reader)])
  }
  if (branches.length === 0) reader.fail("WHEN")
  const otherwise = reader.takeWords("ELSE") ? parseExpression(reader) : undefined
  reader.expectWords("END")
  return {
    kind: "case",
    branches,
    ...(operand === undefined ? {} : { operand }),
    ...(otherwise === undefined ? {} : { otherwise }),
    at,
  }
}

const parseParens = (reader: TokenReader): Expression => {
  const at = reader.next().start
  if (reader.isQueryAt()) {
    const query = reader.grammar.query(reader)
    reader.expectSymbol(")")
    return { kind: "subquery", query, bare: false, at }
  }
  if (reader.takeSymbol(")")) return { kind: "list", open: "(", items: [], at }
  const items: Array<Expression> = [parseElement(reader)]
  let isTuple = false
  while (reader.takeSymbol(",")) {
    isTuple = true
    if (reader.isSymbol(")")) break
    items.push(parseElement(reader))
  }
  reader.expectSymbol(")")
  return isTuple ? { kind: "list", open: "(", items, at } : { kind: "paren", value: items[0]!, at }
}

const parseArray = (reader: TokenReader): Expression => {
  const at = reader.next().start
  const items = reader.isSymbol("]") ? [] : reader.list(() => parseElement(reader))
  reader.expectSymbol("]")
  return { kind: "list", open: "[", items, at }
}

/** An element of a list: `AS alias` may follow. */
export const parseElement = (reader: TokenReader): Expression => {
  const value = parseExpression(reader)
  return reader.takeWords("AS")
    ? { kind: "alias", value, alias: reader.namePart("an alias"), at: value.at }
    : value
}

/** In a list of selected values AS may be left out. */
export const parseSelected = (reader: TokenReader): Expression => {
  const value = parseElement(reader)
  const { kind, word } = reader.token
  const isAlias = kind === "quotedName" || (kind === "name" && !isClauseWord(word) && !listWords.has(word))
  return value.kind !== "alias" && isAlias
    ? { kind: "alias", value, alias: reader.namePart(), at: value.at }
    : value
}

/** Words that may follow a list of values and open something else. */
const listWords = new Set(
  "ARRAY LEFT RIGHT INNER FULL CROSS GLOBAL ANY ALL ASOF SEMI ANTI PASTE FINAL SAMPLE WITH NOT DIV MOD".split(
    " ",
  ),
)

/** A column, a call, or everything of a table. */
const parseName = (reader: TokenReader): Expression => {
  const at = reader.token.start
  if (neverNames.has(reader.token.word)) reader.fail("an expression")
  const first = reader.namePart()
  if (reader.isSymbol("(")) return reader.grammar.call(reader, first, at)
  const parts = [first]
  while (reader.isSymbol(".")) {
    const after = reader.peek(1)
    if (after.kind === "symbol" && after.text === "*") {
      reader.next()
      reader.next()
      return parseStar(reader, parts, at)
    }
    if (after.kind !== "name" && after.kind !== "quotedName" && after.kind !== "tagName") break
    reader.next()
    if (after.kind === "tagName") {
      reader.next()
      parts.push(...after.text.split(".").map(bareOrQuoted))
    } else parts.push(reader.namePart())
  }
  return { kind: "name", parts, at } satisfies Name
}

const parseStar = (reader: TokenReader, qualifier: ReadonlyArray<NamePart>, at: number): Expression => {
  const modifiers = []
  for (;;) {
    const next = reader.peek(1)
    if (reader.isWord("EXCEPT") && (next.word === "SELECT" || reader.isQueryAt(reader.index + 1))) break
    const words = reader.takeAny("EXCEPT STRICT", "EXCEPT", "REPLACE STRICT", "REPLACE", "APPLY")
    if (words === undefined) break
    const inParens = reader.takeSymbol("(")
    const items = inParens ? reader.list(() => parseElement(reader)) : [parseElement(reader)]
    if (inParens) reader.expectSymbol(")")
    modifiers.push({ words, items, inParens })
  }
  return { kind: "star", qualifier, modifiers, at }
}

const clauseWords = new Set(
  (
    "FROM PREWHERE WHERE GROUP HAVING WINDOW QUALIFY ORDER LIMIT OFFSET SETTINGS FORMAT UNION EXCEPT INTERSECT " +
    "INTO FETCH JOIN ON USING AND OR IN IS LIKE ILIKE REGEXP BETWEEN THEN ELSE WHEN END AS ASC DESC SELECT"
  ).split(" "),
)

/** Other words of clauses are good names of columns: `format`, `window`, `offset`. */
const neverNames = new Set(
  "FROM PREWHERE WHERE GROUP HAVING ORDER LIMIT UNION EXCEPT INTERSECT JOIN AND OR THEN ELSE WHEN AS SELECT".split(
    " ",
  ),
)

/** A word that goes on with the statement where a value, or an alias without AS, could stand. */
export const isClauseWord = (word: string): boolean => clauseWords.has(word)
