// A CMDB file's bytes as resources. Plain and synchronous: a large file takes seconds (YAML: some 10,000 resources a second), so
// parseApart.ts runs it in a worker.

import { csvRows } from "./csvRows.ts"
import { fault, FileFault } from "./FileRow.ts"
import { type FileResources, fileResources } from "./fileResources.ts"
import { yamlRows } from "./yamlRows.ts"

/** Bytes as text; a fault when they are not UTF-8. */
const decode = (bytes: Uint8Array): string | FileFault => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    let line = 1
    // The line where the valid part ends.
    const valid = new TextDecoder("utf-8").decode(bytes)
    const broken = valid.indexOf("\ufffd")
    for (let at = valid.indexOf("\n"); at >= 0 && at < broken; at = valid.indexOf("\n", at + 1)) line++
    return fault(line, "is not UTF-8; save the file in that encoding")
  }
}

export const parseFile = (path: string, bytes: Uint8Array): FileResources | FileFault => {
  const text = decode(bytes)
  if (text instanceof FileFault) return text
  const rows = path.toLowerCase().endsWith(".csv") ? csvRows(text) : yamlRows(text)
  return rows instanceof FileFault ? rows : fileResources(rows)
}
