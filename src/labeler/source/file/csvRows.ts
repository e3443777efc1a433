// CSV after RFC 4180: commas, quotes, quotes doubled inside quotes, line breaks inside quotes; CRLF or LF. The first line names the
// columns. Stricter where leniency would hide a half-written file: every line has as many fields as the first.

import { type Field, FileFault, fault, type FileRow, fileLimits, shown } from "./FileRow.ts"

/** Between the items of a list in one field. */
const listSeparator = ";"

interface CsvLine {
  readonly line: number
  readonly fields: ReadonlyArray<string>
}

class CsvReader {
  readonly #text: string
  #at: number
  #line = 1

  constructor(text: string) {
    this.#text = text
    this.#at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length
  }

  /** One line, which may go over several lines of the file. */
  next(): CsvLine | FileFault {
    const line = this.#line
    const fields: Array<string> = []
    while (true) {
      const value = this.#text[this.#at] === '"' ? this.#quoted() : this.#plain()
      if (typeof value !== "string") return value
      fields.push(value)
      if (this.#text[this.#at] !== ",") break
      this.#at++
    }
    if (this.#text[this.#at] === "\r") this.#at++
    if (this.#text[this.#at] === "\n") this.#at++
    this.#line++
    return { line, fields }
  }

  #plain(): string | FileFault {
    const start = this.#at
    while (!this.isAtEnd && !isFieldEnd(this.#text[this.#at])) this.#at++
    const value = this.#text.slice(start, this.#at)
    if (!value.includes('"')) return value
    return fault(
      this.#line,
      `${shown(value)} has a quote inside; put the whole field in quotes and double the one inside`,
    )
  }

  #quoted(): string | FileFault {
    const openedOn = this.#line
    let value = ""
    do {
      const quote = this.#text.indexOf('"', this.#at + 1)
      if (quote < 0)
        return fault(openedOn, "a quote that opens here is never closed; is the file half-written?")
      const part = this.#text.slice(this.#at + 1, quote)
      for (let i = part.indexOf("\n"); i >= 0; i = part.indexOf("\n", i + 1)) this.#line++
      value += part
      this.#at = quote + 1
      // Doubled: one of the two belongs to the value.
      if (this.#text[this.#at] === '"') value += '"'
    } while (this.#text[this.#at] === '"')
    if (this.isAtEnd || isFieldEnd(this.#text[this.#at])) return value
    const found = shown(this.#text[this.#at]!)
    return fault(
      this.#line,
      `after a closing quote stands ${found} where a comma or the end of the line was expected`,
    )
  }
}

const isFieldEnd = (character: string | undefined): boolean =>
  character === "," || character === "\n" || character === "\r"

/** Lines with their fields; a line without anything in it is left out. */
export const csvLines = (text: string): ReadonlyArray<CsvLine> | FileFault => {
  const reader = new CsvReader(text)
  const lines: Array<CsvLine> = []
  while (!reader.isAtEnd) {
    const line = reader.next()
    if (line instanceof FileFault) return line
    if (line.fields.length > 1 || line.fields[0] !== "") lines.push(line)
    if (lines.length > fileLimits.rows) return fault(line.line, `more than ${fileLimits.rows} lines`)
  }
  return lines
}

const listColumns = new Set(["ips", "macs", "cidrs", "ports", "targets", "agents"])

export const csvRows = (text: string): ReadonlyArray<FileRow> | FileFault => {
  const lines = csvLines(text)
  if (lines instanceof FileFault) return lines
  const [header, ...rest] = lines
  if (header === undefined)
    return fault(0, "is empty; to tell of no resource, leave the line with the names of the columns")
  const names = header.fields.map((name) => name.trim())
  const repeated = names.find((name, at) => names.indexOf(name) !== at)
  if (repeated !== undefined) return fault(header.line, `column ${shown(repeated)} stands there twice`)
  const rows: Array<FileRow> = []
  for (const { fields, line } of rest) {
    if (fields.length !== names.length) {
      return fault(
        line,
        `has ${fields.length} fields where the first line names ${names.length}; is the file half-written?`,
      )
    }
    const byName = new Map<string, Field>()
    names.forEach((name, at) => {
      const value = fields[at]!.trim()
      if (value === "") return
      const values = listColumns.has(name)
        ? value
            .split(listSeparator)
            .map((item) => item.trim())
            .filter((item) => item !== "")
        : [value]
      byName.set(name, { line, values })
    })
    if (byName.size > 0) rows.push({ line, fields: byName })
  }
  return rows
}
