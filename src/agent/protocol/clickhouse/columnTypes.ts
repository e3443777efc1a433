// The types of ClickHouse's columns, as far as one must know them to pass over their values in the Native format.

/** What values of a type look like. */
export type ColumnType =
  | { readonly kind: "fixed"; readonly size: number }
  | { readonly kind: "string" }
  | { readonly kind: "nullable" | "array" | "lowCardinality"; readonly inner: ColumnType }
  | { readonly kind: "tuple"; readonly parts: ReadonlyArray<ColumnType> }

const fixed = (size: number): ColumnType => ({ kind: "fixed", size })
const string: ColumnType = { kind: "string" }
const array = (inner: ColumnType): ColumnType => ({ kind: "array", inner })

const sizes: Readonly<Record<string, number>> = {
  ...{ Nothing: 1, Bool: 1, Int8: 1, UInt8: 1, Enum8: 1 },
  ...{ Int16: 2, UInt16: 2, Date: 2, Enum16: 2, BFloat16: 2 },
  ...{ Int32: 4, UInt32: 4, Float32: 4, Date32: 4, DateTime: 4, IPv4: 4, Decimal32: 4, Time: 4 },
  ...{ Int64: 8, UInt64: 8, Float64: 8, DateTime64: 8, Decimal64: 8, Time64: 8 },
  ...{ Int128: 16, UInt128: 16, UUID: 16, IPv6: 16, Decimal128: 16 },
  ...{ Int256: 32, UInt256: 32, Decimal256: 32 },
}

const point: ColumnType = { kind: "tuple", parts: [fixed(8), fixed(8)] }
const shapes: Readonly<Record<string, ColumnType>> = {
  Point: point,
  Ring: array(point),
  LineString: array(point),
  Polygon: array(array(point)),
  MultiLineString: array(array(point)),
  MultiPolygon: array(array(array(point))),
}

const maxDepth = 8
const maxParts = 256
const maxFixedString = 0x100_0000

const decimalSize = (precision: number): number =>
  precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32

/** What stands between the parentheses of a type, cut at its own commas; texts in quotes may hold any character. */
const argumentsOf = (text: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  let depth = 0
  let from = 0
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (isQuoted) {
      if (c === "\\") i++
      else if (c === "'") isQuoted = false
    } else if (c === "'") isQuoted = true
    else if (c === "(") depth++
    else if (c === ")") depth--
    else if (c === "," && depth === 0) {
      parts.push(text.slice(from, i).trim())
      from = i + 1
    }
  }
  parts.push(text.slice(from).trim())
  return parts
}

/** `name Type` of a named element of a tuple; names may stand in backticks. */
const withoutName = (text: string): string => {
  const named = /^(?:`(?:[^`\\]|\\.)*`|[A-Za-z_]\w*) +(?=[A-Z])/.exec(text)
  return named === null ? text : text.slice(named[0].length)
}

const tuple = (parts: ReadonlyArray<string>, depth: number): ColumnType | undefined => {
  if (parts.length > maxParts) return undefined
  const types = parts.map((part) => parse(withoutName(part), depth))
  return types.includes(undefined) ? undefined : { kind: "tuple", parts: types as ReadonlyArray<ColumnType> }
}

const wrapped = (
  kind: "nullable" | "array" | "lowCardinality",
  text: string,
  depth: number,
): ColumnType | undefined => {
  const inner = parse(text, depth)
  return inner === undefined ? undefined : { kind, inner }
}

const parse = (text: string, depth: number): ColumnType | undefined => {
  if (depth > maxDepth) return undefined
  const open = text.indexOf("(")
  const name = open < 0 ? text : text.slice(0, open)
  const size = sizes[name] ?? (name.startsWith("Interval") ? 8 : undefined)
  if (size !== undefined) return fixed(size)
  if (name === "String") return string
  if (shapes[name] !== undefined) return shapes[name]
  if (open < 0 || !text.endsWith(")")) return undefined
  const parts = argumentsOf(text.slice(open + 1, -1))
  switch (name) {
    case "FixedString": {
      const length = Number(parts[0])
      return length > 0 && length <= maxFixedString ? fixed(length) : undefined
    }
    case "Decimal":
      return fixed(decimalSize(Number(parts[0])))
    case "Nullable":
      return wrapped("nullable", parts[0], depth + 1)
    case "LowCardinality":
      return wrapped("lowCardinality", parts[0], depth + 1)
    case "Array":
      return wrapped("array", parts[0], depth + 1)
    case "SimpleAggregateFunction":
      return parts.length === 2 ? parse(parts[1], depth + 1) : undefined
    case "Tuple":
      return tuple(parts, depth + 1)
    case "Map":
    case "Nested": {
      const element = tuple(parts, depth + 1)
      return element === undefined ? undefined : array(element)
    }
    default:
      return undefined
  }
}

/** The types of a few tables come again and again. */
const known = new Map<string, ColumnType | undefined>()
const maxKnown = 512
const maxKnownText = 256

/** Undefined for types whose values cannot be passed over: states of aggregate functions, Variant, Dynamic, JSON and the like. */
export const columnType = (text: string): ColumnType | undefined => {
  const found = known.get(text)
  if (found !== undefined || known.has(text)) return found
  const type = parse(text, 0)
  if (text.length > maxKnownText) return type
  if (known.size >= maxKnown) known.clear()
  known.set(text, type)
  return type
}
