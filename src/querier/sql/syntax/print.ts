// Prints queries and expressions: the same tokens that were parsed, on one line, with single spaces.

import type {
  Call,
  Expression,
  FromItem,
  GroupBy,
  Limit,
  NamePart,
  OrderItem,
  Query,
  Select,
  Window,
  WithItem,
} from "./ast.ts"

/** In backticks, whatever it holds. */
export const quotedName = (text: string): string =>
  `\`${text.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``

export const printPart = ({ quoted, text }: NamePart): string => (quoted ? quotedName(text) : text)

export const printParts = (parts: ReadonlyArray<NamePart>): string => parts.map(printPart).join(".")

const list = (items: ReadonlyArray<Expression>): string => items.map(printExpression).join(", ")

/** A text as a ClickHouse literal, whatever it holds. */
export const textLiteral = (text: string): string =>
  `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\0", "\\0")}'`

export const printExpression = (node: Expression): string => {
  switch (node.kind) {
    case "name":
      return printParts(node.parts)
    case "text":
    case "number":
      return node.source
    case "constant":
      return node.word
    case "typedText":
      return node.tight ? `${node.word}${node.text}` : `${node.word} ${node.text}`
    case "made":
      return node.sql
    case "call":
      return printCall(node)
    case "star":
      return printStar(node)
    case "paren":
      return `(${printExpression(node.value)})`
    case "list":
      return node.open === "["
        ? `[${list(node.items)}]`
        : `(${list(node.items)}${node.items.length === 1 ? "," : ""})`
    case "unary":
      return printUnary(node.operator, printExpression(node.value))
    case "binary":
      return `${printExpression(node.left)} ${node.operator} ${printExpression(node.right)}`
    case "between":
      return (
        `${printExpression(node.value)} ${node.negated ? "NOT " : ""}BETWEEN ` +
        `${printExpression(node.low)} AND ${printExpression(node.high)}`
      )
    case "suffix":
      return `${printExpression(node.value)} ${node.words}`
    case "case":
      return printCase(node)
    case "cast":
      return node.short
        ? `${printExpression(node.value)}::${node.type}`
        : `CAST(${printExpression(node.value)} AS ${node.type})`
    case "index":
      return `${printExpression(node.value)}[${printExpression(node.index)}]`
    case "element":
      return `${printExpression(node.value)}.${node.element}`
    case "lambda":
      return `${printExpression(node.parameters)} -> ${printExpression(node.body)}`
    case "interval":
      return `INTERVAL ${printExpression(node.value)}${node.unit === "" ? "" : ` ${node.unit}`}`
    case "ternary":
      return `${printExpression(node.condition)} ? ${printExpression(node.yes)} : ${printExpression(node.no)}`
    case "subquery":
      return node.bare ? printQuery(node.query) : `(${printQuery(node.query)})`
    case "alias":
      return `${printExpression(node.value)} AS ${printPart(node.alias)}`
  }
}

/** Two signs side by side would begin a comment. */
const printUnary = (operator: string, value: string): string =>
  operator === "NOT"
    ? `NOT ${value}`
    : value.startsWith(operator)
      ? `${operator} ${value}`
      : `${operator}${value}`

const printStar = (node: Extract<Expression, { kind: "star" }>): string => {
  const qualifier = node.qualifier.map((part) => `${printPart(part)}.`).join("")
  const modifiers = node.modifiers.map(({ inParens, items, words }) =>
    inParens ? ` ${words}(${list(items)})` : ` ${words} ${list(items)}`,
  )
  return `${qualifier}*${modifiers.join("")}`
}

const printCase = (node: Extract<Expression, { kind: "case" }>): string => {
  const operand = node.operand === undefined ? "" : ` ${printExpression(node.operand)}`
  const branches = node.branches.map(
    ([when, then]) => ` WHEN ${printExpression(when)} THEN ${printExpression(then)}`,
  )
  const otherwise = node.otherwise === undefined ? "" : ` ELSE ${printExpression(node.otherwise)}`
  return `CASE${operand}${branches.join("")}${otherwise} END`
}

const printCall = (node: Call): string => {
  let args = ""
  node.args.forEach((arg, index) => {
    const separator = node.separators?.[index - 1] ?? ","
    if (index > 0) args += separator === "," ? ", " : ` ${separator} `
    args += printExpression(arg)
  })
  const parameters = node.parameters === undefined ? "" : `(${list(node.parameters)})`
  const lead = node.lead === undefined ? "" : `${node.lead} `
  const distinct = node.distinct ? "DISTINCT " : ""
  const nulls = node.nulls === undefined ? "" : ` ${node.nulls}`
  const filter = node.filter === undefined ? "" : ` FILTER (WHERE ${printExpression(node.filter)})`
  const over =
    node.over === undefined
      ? ""
      : ` OVER ${typeof node.over === "string" ? quotedName(node.over) : printWindow(node.over)}`
  return `${printPart(node.name)}${parameters}(${distinct}${lead}${args})${nulls}${filter}${over}`
}

export const printWindow = (window: Window): string => {
  const parts = [
    window.base === undefined ? "" : quotedName(window.base),
    window.partitionBy.length === 0 ? "" : `PARTITION BY ${list(window.partitionBy)}`,
    window.orderBy.length === 0 ? "" : `ORDER BY ${printOrderItems(window.orderBy)}`,
    window.frame,
  ]
  return `(${parts.filter((part) => part !== "").join(" ")})`
}

export const printOrderItems = (items: ReadonlyArray<OrderItem>): string =>
  items
    .map(({ fill, value, words }) => {
      const filling = fill?.map(([word, each]) => ` ${word} ${printExpression(each)}`).join("") ?? ""
      return `${printExpression(value)}${words}${fill === undefined ? "" : ` WITH FILL${filling}`}`
    })
    .join(", ")

export const printQuery = (query: Query): string => {
  switch (query.kind) {
    case "select":
      return printSelect(query)
    case "inParens":
      return `(${printQuery(query.query)})`
    case "union":
      return query.parts
        .map((part, at) => (at === 0 ? "" : ` ${query.words[at - 1]} `) + printQuery(part))
        .join("")
  }
}

const printSelect = (select: Select): string => {
  const parts = [
    select.with.length === 0
      ? ""
      : `WITH ${select.recursive ? "RECURSIVE " : ""}${select.with.map(printWithItem).join(", ")}`,
    `SELECT ${printDistinct(select)}${select.items.map(printExpression).join(", ")}`,
    select.from.length === 0 ? "" : `FROM ${select.from.map(printFromItem).join("")}`,
    select.prewhere === undefined ? "" : `PREWHERE ${printExpression(select.prewhere)}`,
    select.where === undefined ? "" : `WHERE ${printExpression(select.where)}`,
    select.groupBy === undefined ? "" : printGroupBy(select.groupBy),
    select.having === undefined ? "" : `HAVING ${printExpression(select.having)}`,
    select.windows.length === 0
      ? ""
      : `WINDOW ${select.windows.map(([name, window]) => `${quotedName(name)} AS ${printWindow(window)}`).join(", ")}`,
    select.qualify === undefined ? "" : `QUALIFY ${printExpression(select.qualify)}`,
    select.orderBy.length === 0 ? "" : `ORDER BY ${printOrderItems(select.orderBy)}`,
    select.limitBy === undefined
      ? ""
      : `${printLimit(select.limitBy[0])} BY ${select.limitBy[1].map(printExpression).join(", ")}`,
    select.limit === undefined ? "" : printLimit(select.limit),
    select.offset === undefined ? "" : `OFFSET ${printExpression(select.offset)}`,
    select.settings === "" ? "" : `SETTINGS ${select.settings}`,
  ]
  return parts.filter((part) => part !== "").join(" ")
}

const printDistinct = ({ distinct, distinctOn }: Select): string =>
  distinctOn === undefined
    ? distinct
      ? "DISTINCT "
      : ""
    : `DISTINCT ON (${distinctOn.map(printExpression).join(", ")}) `

const printWithItem = (item: WithItem): string =>
  item.kind === "value"
    ? printExpression(item.value)
    : `${printPart(item.name)} AS ${item.materialized ? "MATERIALIZED " : ""}(${printQuery(item.query)})`

const printFromItem = (item: FromItem): string => {
  if (item.kind === "arrayJoin") return ` ${item.words} ${item.items.map(printExpression).join(", ")}`
  const { source } = item
  const table =
    source.kind === "table"
      ? printExpression(source.name)
      : source.kind === "function"
        ? printExpression(source.call)
        : `(${printQuery(source.query)})`
  const join = item.join === "" ? "" : item.join === "," ? ", " : ` ${item.join} `
  const alias = item.alias === undefined ? "" : ` AS ${printPart(item.alias)}`
  const sample =
    item.sample === undefined ? "" : ` SAMPLE ${item.sample.map(printExpression).join(" OFFSET ")}`
  const on = item.on === undefined ? "" : ` ON ${printExpression(item.on)}`
  const using = item.using === undefined ? "" : ` USING (${item.using.map(printExpression).join(", ")})`
  return `${join}${table}${alias}${item.final ? " FINAL" : ""}${sample}${on}${using}`
}

const printGroupBy = ({ all, items, modifiers, sets }: GroupBy): string => {
  const keys = all
    ? "ALL"
    : sets === undefined
      ? items.map(printExpression).join(", ")
      : `GROUPING SETS (${sets.map(printExpression).join(", ")})`
  return `GROUP BY ${keys}${modifiers.map((modifier) => ` WITH ${modifier}`).join("")}`
}

const printLimit = ({ first, offset, second, withTies }: Limit): string =>
  `LIMIT ${printExpression(first)}` +
  (second === undefined ? "" : `, ${printExpression(second)}`) +
  (offset === undefined ? "" : ` OFFSET ${printExpression(offset)}`) +
  (withTies ? " WITH TIES" : "")
