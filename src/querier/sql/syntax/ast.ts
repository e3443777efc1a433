// ClickHouse's SELECT as a small tree. Parentheses are nodes of their own and operators keep their spelling, so that what is not
// rewritten is printed as the same tokens again and means the same, whatever this parser believes about precedence.
// `at` is the index of the node's first character in the statement.

export interface NamePart {
  readonly text: string
  readonly quoted: boolean
}

export interface Name {
  readonly kind: "name"
  readonly parts: ReadonlyArray<NamePart>
  readonly at: number
}

export interface TextLiteral {
  readonly kind: "text"
  /** What it stands for. */
  readonly value: string
  /** As written, with quotes. */
  readonly source: string
  readonly at: number
}

export interface NumberLiteral {
  readonly kind: "number"
  readonly source: string
  readonly at: number
}

export interface Call {
  readonly kind: "call"
  readonly name: NamePart
  /** `quantile(0.9)(x)`: those in the first parentheses. */
  readonly parameters?: ReadonlyArray<Expression>
  readonly distinct: boolean
  /** `TRIM(BOTH ...`. */
  readonly lead?: string
  readonly args: ReadonlyArray<Expression>
  /** What stands before the second, third ... argument; comma where absent: `SUBSTRING(a FROM 1 FOR 2)`. */
  readonly separators?: ReadonlyArray<string>
  readonly filter?: Expression
  /** `IGNORE NULLS`. */
  readonly nulls?: string
  readonly over?: Window | string
  readonly at: number
}

export interface Window {
  readonly base?: string
  readonly partitionBy: ReadonlyArray<Expression>
  readonly orderBy: ReadonlyArray<OrderItem>
  readonly frame: string
}

export type Expression =
  | Name
  | TextLiteral
  | NumberLiteral
  | Call
  /** NULL, TRUE, FALSE. */
  | { readonly kind: "constant"; readonly word: string; readonly at: number }
  /** `DATE '2020-01-01'`, `x'ff'`. */
  | {
      readonly kind: "typedText"
      readonly word: string
      readonly text: string
      readonly tight: boolean
      readonly at: number
    }
  | {
      readonly kind: "star"
      readonly qualifier: ReadonlyArray<NamePart>
      readonly modifiers: ReadonlyArray<StarModifier>
      readonly at: number
    }
  | { readonly kind: "paren"; readonly value: Expression; readonly at: number }
  | {
      readonly kind: "list"
      readonly open: "(" | "["
      readonly items: ReadonlyArray<Expression>
      readonly at: number
    }
  /** NOT or a sign. */
  | { readonly kind: "unary"; readonly operator: string; readonly value: Expression; readonly at: number }
  /** Also IN, LIKE, REGEXP and their negations; words in capitals. */
  | {
      readonly kind: "binary"
      readonly operator: string
      readonly left: Expression
      readonly right: Expression
      readonly at: number
    }
  | {
      readonly kind: "between"
      readonly negated: boolean
      readonly value: Expression
      readonly low: Expression
      readonly high: Expression
      readonly at: number
    }
  /** `x IS NOT NULL`. */
  | { readonly kind: "suffix"; readonly value: Expression; readonly words: string; readonly at: number }
  | {
      readonly kind: "case"
      readonly operand?: Expression
      readonly branches: ReadonlyArray<readonly [when: Expression, then: Expression]>
      readonly otherwise?: Expression
      readonly at: number
    }
  | {
      readonly kind: "cast"
      readonly value: Expression
      readonly type: string
      readonly short: boolean
      readonly at: number
    }
  | { readonly kind: "index"; readonly value: Expression; readonly index: Expression; readonly at: number }
  | { readonly kind: "element"; readonly value: Expression; readonly element: string; readonly at: number }
  | {
      readonly kind: "lambda"
      readonly parameters: Expression
      readonly body: Expression
      readonly at: number
    }
  | { readonly kind: "interval"; readonly value: Expression; readonly unit: string; readonly at: number }
  | {
      readonly kind: "ternary"
      readonly condition: Expression
      readonly yes: Expression
      readonly no: Expression
      readonly at: number
    }
  /** `bare`: an argument without parentheses of its own. */
  | { readonly kind: "subquery"; readonly query: Query; readonly bare: boolean; readonly at: number }
  | { readonly kind: "alias"; readonly value: Expression; readonly alias: NamePart; readonly at: number }
  /** SQL that the translation made; whole by itself, so that it can stand anywhere. */
  | { readonly kind: "made"; readonly sql: string; readonly at: number }

export interface StarModifier {
  /** EXCEPT, REPLACE, APPLY. */
  readonly words: string
  readonly items: ReadonlyArray<Expression>
  readonly inParens: boolean
}

export interface OrderItem {
  readonly value: Expression
  /** ` DESC NULLS LAST`. */
  readonly words: string
  /** WITH FILL and what follows: word and value. */
  readonly fill?: ReadonlyArray<readonly [word: string, value: Expression]>
}

export type WithItem =
  | { readonly kind: "query"; readonly name: NamePart; readonly materialized: boolean; readonly query: Query }
  | { readonly kind: "value"; readonly value: Expression }

export type TableSource =
  | { readonly kind: "table"; readonly name: Name }
  | { readonly kind: "function"; readonly call: Call }
  | { readonly kind: "query"; readonly query: Query }

export type FromItem =
  | {
      readonly kind: "source"
      /** Empty for the first, else `,` or the words of the join. */
      readonly join: string
      readonly source: TableSource
      readonly alias?: NamePart
      readonly final: boolean
      readonly sample?: ReadonlyArray<Expression>
      readonly on?: Expression
      readonly using?: ReadonlyArray<Expression>
      readonly at: number
    }
  | { readonly kind: "arrayJoin"; readonly words: string; readonly items: ReadonlyArray<Expression> }

export interface GroupBy {
  readonly all: boolean
  readonly items: ReadonlyArray<Expression>
  readonly sets?: ReadonlyArray<Expression>
  /** TOTALS, ROLLUP, CUBE. */
  readonly modifiers: ReadonlyArray<string>
}

export interface Limit {
  readonly first: Expression
  /** `LIMIT first, second`. */
  readonly second?: Expression
  readonly offset?: Expression
  readonly withTies: boolean
}

export interface Select {
  readonly kind: "select"
  readonly recursive: boolean
  readonly with: ReadonlyArray<WithItem>
  readonly distinct: boolean
  readonly distinctOn?: ReadonlyArray<Expression>
  readonly items: ReadonlyArray<Expression>
  readonly from: ReadonlyArray<FromItem>
  readonly prewhere?: Expression
  readonly where?: Expression
  readonly groupBy?: GroupBy
  readonly having?: Expression
  readonly windows: ReadonlyArray<readonly [name: string, window: Window]>
  readonly qualify?: Expression
  readonly orderBy: ReadonlyArray<OrderItem>
  /** `LIMIT n BY ...`. */
  readonly limitBy?: readonly [limit: Limit, by: ReadonlyArray<Expression>]
  readonly limit?: Limit
  readonly offset?: Expression
  readonly settings: string
  readonly at: number
}

export type Query =
  | Select
  | {
      readonly kind: "union"
      readonly parts: ReadonlyArray<Query>
      /** Between the parts: UNION ALL, EXCEPT ... */
      readonly words: ReadonlyArray<string>
    }
  | { readonly kind: "inParens"; readonly query: Query }
