// Files that processes map to execute.

import { readFileSync } from "node:fs"

export interface MappedFile {
  /** Device, inode and path as /proc/PID/maps has them. */
  readonly key: string
  /** Where it can be opened, most certain first: by the mapping itself, by the process's root. */
  readonly paths: ReadonlyArray<string>
  readonly name: string
}

const mapping = /^([0-9a-f]+)-([0-9a-f]+) ..x. [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+) ([1-9]\d*) +(\/.*)$/gm
const deleted = / \(deleted\)$/
const basename = /[^/]*$/
const leadingZeros = /^0+(?=.)/

/** Undefined: the process is gone or hidden. */
export const mappedFiles = (pid: number): ReadonlyArray<MappedFile> | undefined => {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/maps`, "latin1")
  } catch {
    return undefined
  }
  const files = new Map<string, MappedFile>()
  for (const [, from, to, device, inode, path] of text.matchAll(mapping)) {
    const key = `${device} ${inode} ${path}`
    if (files.has(key)) continue
    const range = `${from!.replace(leadingZeros, "")}-${to!.replace(leadingZeros, "")}`
    files.set(key, {
      key,
      paths: [`/proc/${pid}/map_files/${range}`, `/proc/${pid}/root${path}`],
      name: basename.exec(path!.replace(deleted, ""))![0],
    })
  }
  return [...files.values()]
}
