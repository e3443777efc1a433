// One entry of a CMDB file, whether it was a line of CSV or an item of YAML: fields by name, each with its line. And what is told to
// people when an entry cannot be used.

import * as Data from "effect/Data"

export interface Field {
  readonly line: number
  /** More than one: a list. */
  readonly values: ReadonlyArray<string>
}

export interface FileRow {
  readonly line: number
  /** "name", "ips", "parent:region", "tag:owner". */
  readonly fields: ReadonlyMap<string, Field>
}

/** The file cannot be used: where and why, in one line. */
export class FileFault extends Data.TaggedError("FileFault")<{ readonly message: string }> {}

/** `line` 0: of the whole file. */
export const fault = (line: number, message: string): FileFault =>
  new FileFault({ message: line === 0 ? message : `line ${line}: ${message}` })

/** Text of a file as it may be shown. */
export const shown = (text: string): string =>
  JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)

export const fileLimits = {
  fileBytes: 32 * 1024 * 1024,
  rows: 200_000,
  tagsOfOne: 512,
  listItems: 4_096,
  nameChars: 256,
  valueChars: 1_024,
} as const
