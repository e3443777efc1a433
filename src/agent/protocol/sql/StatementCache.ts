// The prepared statements of one connection: by number or name, what their execution is to be called.
// Bound: 256 statements and 64 Ki characters of text; the one that was used longest ago goes first.

export interface PreparedStatement {
  readonly text: string
  readonly endpoint: string
}

const maxStatements = 256
const maxCharacters = 65_536

export class StatementCache {
  characters = 0
  /** PostgreSQL's unnamed one, which every query replaces. */
  private unnamed: PreparedStatement | undefined
  private readonly statements = new Map<number | string, PreparedStatement>()

  get size(): number {
    return this.statements.size
  }

  set(key: number | string, statement: PreparedStatement): void {
    if (key === "") {
      this.unnamed = statement
      return
    }
    this.delete(key)
    this.statements.set(key, statement)
    this.characters += statement.text.length
    while (this.statements.size > maxStatements || this.characters > maxCharacters) {
      const oldest = this.statements.keys().next()
      if (oldest.done === true) return
      this.delete(oldest.value)
    }
  }

  get(key: number | string): PreparedStatement | undefined {
    if (key === "") return this.unnamed
    const statement = this.statements.get(key)
    if (statement !== undefined && this.statements.size > maxStatements / 2) {
      this.statements.delete(key)
      this.statements.set(key, statement)
    }
    return statement
  }

  delete(key: number | string): void {
    if (key === "") this.unnamed = undefined
    const statement = this.statements.get(key)
    if (statement === undefined) return
    this.characters -= statement.text.length
    this.statements.delete(key)
  }

  clear(): void {
    this.statements.clear()
    this.unnamed = undefined
    this.characters = 0
  }
}
