// What is wrong with a statement, and where: the only thing that parser and translation throw; `translateSql` catches it.

export class SqlProblem extends Error {
  override readonly name = "SqlProblem"
  /** Index into the statement. */
  readonly at: number

  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

/** Counted from 1, as editors do. */
export const lineAndColumn = (sql: string, at: number): string => {
  const before = sql.slice(0, at)
  const line = before.split("\n").length
  return `line ${line}, column ${at - before.lastIndexOf("\n")}`
}
