// How the dialects of SQL differ where a reader of their tokens must know.

export interface SqlDialect {
  /** "..." is text, not an identifier. */
  readonly doubleQuotesText: boolean
  /** A backslash in text escapes what follows. */
  readonly backslashes: boolean
  /** `#` begins a comment. */
  readonly hashComments: boolean
  /** `--` begins a comment only before white space. */
  readonly dashesNeedSpace: boolean
  /** $$...$$ and $tag$...$tag$ are text. */
  readonly dollarQuotes: boolean
  /** q'[...]' is text, with any character or pair of brackets. */
  readonly qQuotes?: boolean
  /** Passwords stand behind IDENTIFIED BY and REPLACE as words or in double quotes. */
  readonly bareSecrets?: boolean
}

export const mysqlDialect: SqlDialect = {
  doubleQuotesText: true,
  backslashes: true,
  hashComments: true,
  dashesNeedSpace: true,
  dollarQuotes: false,
}

export const postgresqlDialect: SqlDialect = {
  doubleQuotesText: false,
  backslashes: false,
  hashComments: false,
  dashesNeedSpace: false,
  dollarQuotes: true,
}

export const clickHouseDialect: SqlDialect = {
  doubleQuotesText: false,
  backslashes: true,
  hashComments: true,
  dashesNeedSpace: false,
  dollarQuotes: true,
}

/** Cassandra's CQL. */
export const cqlDialect: SqlDialect = {
  doubleQuotesText: false,
  backslashes: false,
  hashComments: false,
  dashesNeedSpace: false,
  dollarQuotes: true,
}

export const oracleDialect: SqlDialect = {
  qQuotes: true,
  bareSecrets: true,
  doubleQuotesText: false,
  backslashes: false,
  hashComments: false,
  dashesNeedSpace: false,
  dollarQuotes: false,
}
